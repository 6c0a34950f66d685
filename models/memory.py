"""The state of random generators and of torch's Adam as plain arrays, for trainings that go on after an interruption.

Nothing is pickled: a training's memory is a flat mapping from names to arrays, whatever it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import torch

__all__ = ["Memory", "below", "load_adam", "load_generator", "memory_of_adam", "memory_of_generator", "prefixed"]

Memory = dict[str, npt.NDArray[Any]]
"""Name -> array."""
_HALF = 1 << 64  # PCG64 counts in numbers of 128 bits
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # torch's names


def prefixed(prefix: str, memory: Mapping[str, npt.NDArray[Any]]) -> Memory:
    """The same arrays under ``prefix.name``."""
    return {f"{prefix}.{name}": array for name, array in memory.items()}


def below(prefix: str, memory: Mapping[str, npt.NDArray[Any]]) -> Memory:
    """What ``prefixed`` put under this prefix, by its own names again."""
    return {name.removeprefix(f"{prefix}."): array for name, array in memory.items() if name.startswith(f"{prefix}.")}


def memory_of_generator(rng: np.random.Generator) -> npt.NDArray[np.uint64]:
    """The state of numpy's default generator (PCG64); uint64 (6,)."""
    state = rng.bit_generator.state
    halves = [half for name in ("state", "inc") for half in divmod(state["state"][name], _HALF)]
    return np.array([*halves, state["has_uint32"], state["uinteger"]], dtype=np.uint64)


def load_generator(rng: np.random.Generator, memory: npt.NDArray[np.uint64]) -> None:
    """Puts a generator's state back."""
    state, state_low, inc, inc_low, has_spare, spare = memory.tolist()
    rng.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": state * _HALF + state_low, "inc": inc * _HALF + inc_low},
        "has_uint32": has_spare,
        "uinteger": spare,
    }


def memory_of_adam(optimiser: torch.optim.Optimizer, parameters: Mapping[str, torch.nn.Parameter]) -> Memory:
    """Adam's moments and step counts; of a parameter that has never had a gradient there are none."""
    return {
        f"{moment}.{name}": optimiser.state[parameter][moment].numpy().copy()
        for name, parameter in parameters.items()
        if parameter in optimiser.state
        for moment in _MOMENTS
    }


def load_adam(
    optimiser: torch.optim.Optimizer, parameters: Mapping[str, torch.nn.Parameter], memory: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Puts moments and step counts into an optimiser that has not stepped yet."""
    import torch

    for name, parameter in parameters.items():
        if f"step.{name}" in memory:
            optimiser.state[parameter] = {moment: torch.tensor(memory[f"{moment}.{name}"]) for moment in _MOMENTS}
