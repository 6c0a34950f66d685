"""What every encoder is: a name, a version, and one function from raw values to one row of numbers per item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Encoded", "Encoder", "Step"]

Step = Callable[[float], None]
"""Called now and then with the share done, in [0, 1]. An exception raised by it stops the encoding and passes through."""


@dataclass(frozen=True)
class Encoded:
    """Items as numbers.

    Attributes
    ----------
    values : float32 (n_items, d); an absent item's row is all NaN, every other number is finite
    present : bool (n_items,)
    facts : what was noticed on the way, one entry per item each; ``reason`` (str) says why an item is absent, "" where present
    """

    values: NDArray[np.float32]
    present: NDArray[np.bool_]
    facts: Mapping[str, NDArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or any(len(column) != len(self.values) for column in (self.present, *self.facts.values())):
            raise ValueError("values, present and facts differ in length")
        if not (np.isfinite(self.values).all(axis=1) == self.present).all() or not np.isnan(self.values[~self.present]).all():
            raise ValueError("a present item needs finite numbers, an absent one only NaN")


class Encoder(Protocol):
    """Turns one modality's raw values into numbers. ``version`` changes whenever the numbers would."""

    name: ClassVar[str]
    version: ClassVar[str]

    def encode(self, values: Any, *, step: Step | None = None) -> Encoded:
        """One row per item, in order. A value that is missing or cannot be used makes its item absent, never an exception."""
        ...
