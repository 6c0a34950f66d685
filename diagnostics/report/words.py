"""A language's words as a report needs them: numbers with their unit, intervals, and the names of what is counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from diagnostics.messages import has, text, write
from diagnostics.messages.numbers import MISSING
from diagnostics.schema import ColumnRole, Estimate, Evidence, Message

__all__ = ["Words"]

_FORMAT_OF_UNIT = {
    "share": "percent",
    "points": "points",
    "difference": "points",
    "relative": "relative",
    "ratio": "ratio",
    "count": "count",
    "epochs": "count",
    "items": "count",
    "users": "count",
    "seeds": "count",
    "s": "duration",
    "p": "p",
    "score": "score",
}
_SAMPLE_WIDTH = 24  # characters
_MODALITY_VALUES = {"modality", "other", "strongest", "weakest", "best", "name", "modalities", "others", "second"}


class Words:
    """The words of one language. ``words(key, **values)`` is ``messages.text`` with modalities called by their names."""

    def __init__(self, lang: str) -> None:
        self.lang = lang

    def __call__(self, key: str, **values: Any) -> str:
        return text(key, self.lang, **self._named(values))

    def _named(self, values: Mapping[str, Any]) -> dict[str, Any]:
        named = dict(values)
        for key in _MODALITY_VALUES & named.keys():
            value = named[key]
            if isinstance(value, str):
                named[key] = self.modality(value)
            elif isinstance(value, list | tuple):
                named[key] = [self.modality(str(part)) for part in value]
        return named

    def modality(self, name: str) -> str:
        """``text`` becomes Text or テキスト; the shop's own vector names stay as they are."""
        return self.coded("modality", name) if has(f"modality.{name}", self.lang) else name

    def modalities(self, names: tuple[str, ...]) -> str:
        """A set of modalities in words: Text + Image; purchase history alone when there is none."""
        return " + ".join(self.modality(name) for name in names) or self.modality("id")

    def coded(self, area: str, code: str, part: str = "", values: Mapping[str, Any] | None = None) -> str:
        """The words of a code that stands in the result, such as ``status.healthy`` or ``finding.X.title``.

        A result written by another version may hold a code or lack a value that this one's words need: the code itself is
        shown then, and nothing for its paragraph.
        """
        key = ".".join(part for part in (area, code, part) if part)
        if not has(key, self.lang):
            return "" if part in ("text", "remedy") else code
        try:
            return self(key, **(values or {}))
        except KeyError:
            return "" if part in ("text", "remedy") else code

    def message(self, message: Message) -> str:
        return self.coded("", message.code, values=message.values)

    def number(self, value: float | None, how: str = "percent") -> str:
        return write(value, how, self.lang)

    def how(self, unit: str) -> str:
        """Which way of writing a unit takes."""
        return _FORMAT_OF_UNIT.get(unit, "score")

    def value(self, estimate: Estimate | Evidence | None, how: str | None = None) -> str:
        """The number of an estimate, or a dash where there is none."""
        return MISSING if estimate is None else self.number(estimate.value, how or self.how(estimate.unit))

    def interval(self, estimate: Estimate | Evidence | None, how: str | None = None) -> str:
        """``13.9% – 14.7%``, or nothing where there is no interval."""
        if estimate is None:
            return ""
        return self.span(estimate.low, estimate.high, how or self.how(estimate.unit))

    def size(self, value: float | None, unit: str) -> str:
        """A threshold: like a number of that unit, but a difference without its sign."""
        how = self.how(unit)
        return self.number(value, "points_size" if how == "points" else how)

    def span(self, low: float | None, high: float | None, how: str) -> str:
        """``low to high``, the unit of points named once; nothing where an end is missing."""
        if low is None or high is None:
            return ""
        return self("report.interval", low=self.number(low, "points_bare" if how == "points" else how), high=self.number(high, how))

    def spoken_interval(self, estimate: Estimate, how: str | None = None) -> str:
        """``95% interval 13.9% – 14.7%``, or nothing where there is no interval."""
        interval = self.interval(estimate, how)
        return self("report.spoken_interval", level=estimate.level, interval=interval) if interval else ""

    def series(self, parts: Iterable[str]) -> str:
        """Short things in a row, with the language's own comma."""
        return write(list(parts), "list", self.lang)

    def samples(self, role: ColumnRole) -> str:
        """A few values of a column, each cut to what tells it apart: whole descriptions would push the other columns aside."""
        cut = [sample if len(sample) <= _SAMPLE_WIDTH else sample[: _SAMPLE_WIDTH - 1] + "…" for sample in role.samples[:3]]
        return self.series(cut)

    def training(self, arm: str) -> str:
        """What is being trained, by its arm's id; nothing where no arm is named."""
        parts = arm.split(":")
        if len(parts) < 3:
            return ""
        names = tuple(name for name in parts[1].split("+") if name != "id")
        stage = parts[3].split()[0] if len(parts) > 3 else ""  # of a trial, or what a settling test changes
        said = "choosing_rate" if stage == "rate" else "choosing_method" if stage in ("heat", "final") else "training"
        return self(f"report.now_{said}", arm=self.modalities(names), balancer=self.coded("balancer", parts[2]))

    def time_left(self, seconds: float, span: Sequence[float] | None) -> str:
        """How long something still takes, with the range where it says more than the number alone."""
        low, high = span or (seconds, seconds)
        if self.number(low, "duration") == self.number(high, "duration"):
            return self("report.time_left", left=seconds)
        return self("report.time_left_range", left=seconds, low=low, high=high)

    def join_sentences(self, sentences: Iterable[str]) -> str:
        """Sentences one after another: with a space in English, without in Japanese."""
        return ("" if self.lang == "ja" else " ").join(sentences)

    def join_clauses(self, clauses: Iterable[str]) -> str:
        """What may hold commas of its own, one after another."""
        return ("、" if self.lang == "ja" else "; ").join(clauses)

    def with_interval(self, estimate: Estimate | Evidence | None, how: str | None = None) -> str:
        """``14.3% (95% interval 13.9% – 14.7%)``."""
        interval = self.interval(estimate, how)
        value = self.value(estimate, how)
        return self("report.with_interval", value=value, interval=interval) if interval else value
