"""What a language must provide for a shop to be written in it, and how its sentences become one description."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Phrasebook"]


@dataclass(frozen=True)
class Phrasebook:
    """The words of one language: names of values, and several ways to say each textual factor."""

    colours: Mapping[str, str]
    categories: Mapping[str, str]
    brands: tuple[str, ...]
    openers: Mapping[str, tuple[str, ...]]
    sentences: Mapping[str, Mapping[str, tuple[str, ...]]]
    colour_lines: tuple[str, ...]
    small_print: tuple[str, ...]
    boilerplate: str
    other: str
    gap: str

    def compose(self, item: Mapping[str, str], colour: str | None, rng: np.random.Generator) -> str:
        """One description: the opener, the textual factors in some order, perhaps the colour and the small print.

        ``colour`` is None where the title names it already. The moment of life is the shop's favourite subject: it gets two
        sentences more often than not.
        """

        def say(lines: tuple[str, ...], count: int = 1) -> list[str]:
            return [lines[position] for position in rng.permutation(len(lines))[:count]]

        moments = say(self.sentences["occasion"][item["occasion"]], 2 if rng.random() < 0.6 else 1)
        middle = [
            say(self.sentences["making"][item["making"]])[0],
            say(self.sentences["audience"][item["audience"]])[0],
            *moments[1:],
        ]
        middle = [middle[position] for position in rng.permutation(len(middle))]
        opener = say(self.openers[item["kind"]])
        start = [*opener, moments[0]] if rng.random() < 0.5 else [moments[0], *opener]
        shade = [say(self.colour_lines)[0].format(colour=colour)] if colour else []
        return self.gap.join(line for line in (*start, *middle, *shade, *say(self.small_print)) if line)
