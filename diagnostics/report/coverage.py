"""Which products have what: by sales, by category, by month, in which combinations, and what goes with a gap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from diagnostics.messages.numbers import MISSING
from diagnostics.report.evidence import Held, coverage_chart, what_is_held
from diagnostics.report.figures import MonthChart, Months, look_of
from diagnostics.report.model import Block, Cell, Column, Figure, Folded, Icon, Paragraph, Point, Points, Table
from diagnostics.report.words import Words
from diagnostics.schema import Absence, Profile, SegmentCoverage

__all__ = ["absence_points", "coverage_blocks", "month_chart", "patterns", "segment_table"]

_MOST_CATEGORIES = 12
_POPULARITY = ("head", "middle", "tail", "unsold")
_UNNAMED = {"*": "category_other", "": "category_none"}  # as SegmentCoverage says
_DRIVERS_SHOWN = 3

Segments = dict[str, dict[str, SegmentCoverage]]
"""Segment -> modality -> what the segment has of it."""


def coverage_blocks(profile: Profile, words: Words) -> tuple[Block, ...]:
    """Everything about gaps: the overall chart, head to tail, the categories that lack most, the months, and the reasons."""
    blocks: list[Block] = [Figure(coverage_chart(profile, words), words("report.modalities.coverage_caption"))]
    blocks += [
        Figure(month_chart(profile, by, words), words(f"report.profile.{by}_caption"))
        for by in ("launch", "month")
        if len(_segments(what_is_held(profile, words), by)) > 1  # a single month shows no course
    ]
    for by in ("popularity", "category"):
        table = segment_table(profile, by, words)
        if table.rows:
            blocks += [Paragraph(words(f"report.profile.by_{by}"), "lead"), table]
        elif _segments(what_is_held(profile, words), by):
            blocks.append(Paragraph(words("report.profile.no_category")))
    if profile.patterns:
        blocks += [Paragraph(words("report.profile.patterns"), "lead"), patterns(profile, words)]
    absences = absence_points(profile, words)
    if absences.items:
        blocks += [Paragraph(words("report.profile.absence"), "lead"), absences]
    blocks.append(Folded(words("report.computed"), (Paragraph(words("report.profile.coverage_computed")),)))
    return tuple(blocks)


def _segments(held: Sequence[Held], by: str) -> Segments:
    found: Segments = {}
    for part in held:
        for segment in part.segments:
            if segment.by == by:
                found.setdefault(segment.segment, {})[part.key] = segment
    return found


def segment_table(profile: Profile, by: str, words: Words) -> Table:
    """Coverage within each part of the shop, one column per kind of information.

    Best sellers come before slow ones; of the categories only those that lack something, first where most products do.
    """
    held = what_is_held(profile, words)
    found = _segments(held, by)
    order = [name for name in _POPULARITY if name in found]
    if by == "category":
        order = sorted((name for name in found if _gap(found)(name)[0] > 0), key=_gap(found), reverse=True)
    shown = order if by == "popularity" else order[:_MOST_CATEGORIES]
    columns = (
        Column(words(f"report.profile.segment_{by}")),
        Column(words("report.profile.segment_items"), True),
        *(Column(part.label) for part in held),
    )
    rows = tuple(
        (
            Cell(_segment_name(name, by, words)),
            Cell(words.number(max(segment.n_items for segment in found[name].values()), "count")),
            *(_segment_cell(found[name].get(part.key), words) for part in held),
        )
        for name in shown
    )
    left_out = len(order) - len(shown)
    caption = words("report.profile.more_categories", count=left_out) if left_out else ""
    return Table(columns, rows, caption or (words(f"report.profile.{by}_caption") if rows else ""))


def _segment_name(name: str, by: str, words: Words) -> str:
    """The shop's own word for a category; ours for a part of the sales, for the small categories together and for no category."""
    if by == "popularity":
        return words(f"report.profile.popularity_{name}")
    return words(f"report.profile.{_UNNAMED[name]}") if name in _UNNAMED else name


def _gap(found: Segments) -> Callable[[str], tuple[float, int]]:
    """A segment's place in the order: how many products lack something there."""

    def missing(name: str) -> tuple[float, int]:
        parts = found[name].values()
        return max(part.n_items * (1 - part.items) for part in parts), max(part.n_items for part in parts)

    return missing


def _segment_cell(segment: SegmentCoverage | None, words: Words) -> Cell:
    return Cell(MISSING) if segment is None or not segment.n_items else Cell(words.number(segment.items), segment.items)


def month_chart(profile: Profile, by: str, words: Words) -> MonthChart:
    """Coverage month by month: ``launch`` of the products first seen in it, ``month`` of the purchases made in it."""
    held = what_is_held(profile, words)
    found = _segments(held, by)
    months = _every_month(found)
    names = tuple(modality.name for modality in profile.modalities)
    rows = []
    for part in held:
        shares = tuple(_share(found.get(month, {}).get(part.key), by) for month in months)
        texts = tuple(words.number(share) for share in shares)
        rows.append(Months(part.label, look_of(part.modality, names), shares, texts))
    title = words(f"chart.{by}.title")
    spoken = [words("chart.months_alt", modality=row.title, **_lowest(row, months, words)) for row in rows]
    return MonthChart(title, words("chart.alt", title=title, rows=spoken), months, tuple(rows))


def _every_month(found: Mapping[str, object]) -> tuple[str, ...]:
    """Every month from the first to the last, so that a month without anything shows as a hole and not as a neighbour."""
    months = sorted(name for name in found if len(name) == 7 and name[4] == "-" and (name[:4] + name[5:]).isdigit())
    if not months:
        return tuple(sorted(found))
    first, last = (int(name[:4]) * 12 + int(name[5:]) - 1 for name in (months[0], months[-1]))
    return tuple(f"{number // 12:04d}-{number % 12 + 1:02d}" for number in range(first, last + 1))


def _share(segment: SegmentCoverage | None, by: str) -> float | None:
    if segment is None:
        return None
    if by == "month":
        return segment.interactions if segment.n_interactions else None
    return segment.items if segment.n_items else None


def _lowest(row: Months, months: Sequence[str], words: Words) -> dict[str, str]:
    known = [(share, month) for share, month in zip(row.shares, months, strict=True) if share is not None]
    share, month = min(known, default=(None, MISSING))
    return {"lowest": words.number(share), "month": month}


def patterns(profile: Profile, words: Words) -> Table:
    """Which combinations of information products have."""
    columns = (
        Column(words("report.patterns.has")),
        Column(words("report.patterns.items"), True),
        Column(words("report.patterns.interactions"), True),
    )
    rows = tuple(
        (
            Cell(" + ".join(words.modality(name) for name in pattern.modalities) or words("report.patterns.nothing")),
            Cell(words.number(pattern.items, "count")),
            Cell(words.number(pattern.interactions)),
        )
        for pattern in profile.patterns
    )
    return Table(columns, rows)


def absence_points(profile: Profile, words: Words) -> Points:
    """Whether gaps fall at random, and if not, on which products."""
    return Points(
        tuple(_absence(part.label, part.absence, words) for part in what_is_held(profile, words) if part.absence is not None)
    )


def _absence(label: str, absence: Absence, words: Words) -> Point:
    drivers = [
        words.coded(
            "absence",
            driver.code,
            values={
                "group": driver.group or "",
                "missing": driver.missing,
                "elsewhere": driver.missing_elsewhere,
                "n": driver.n_items,
            },
        )
        for driver in absence.drivers[:_DRIVERS_SHOWN]
    ]
    auc = absence.auc
    if auc.value is None:
        return Point(words("report.absence.open", modality=label), words.join_sentences(drivers), "question")
    foreseen = bool(drivers) or (auc.low is not None and auc.low > 0.5)
    sign: Icon = "gap" if foreseen else "check"
    size = words("report.absence.size", value=auc.value, interval=words.interval(auc, "percent") or MISSING)
    title = words("report.absence.patterned" if foreseen else "report.absence.random", modality=label)
    return Point(title, words.join_sentences([*drivers, size] if foreseen else [size]), sign)
