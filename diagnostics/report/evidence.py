"""Turns a diagnosis into charts: coverage, strength before training, what each training reached, contributions, learning curves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from diagnostics.report.figures import Band, BandChart, Curve, CurveChart, IntervalChart, Look, Panel, Row, look_of
from diagnostics.report.words import Words
from diagnostics.schema import (
    Absence,
    ArmSummary,
    Balancing,
    BalancingResult,
    Coverage,
    CurvePoint,
    Diagnosis,
    Estimate,
    ProbeEvent,
    Profile,
    SegmentCoverage,
)

__all__ = [
    "Held",
    "arms_chart",
    "balancing_chart",
    "contribution_chart",
    "coverage_chart",
    "curve_chart",
    "curves_of",
    "interval_row",
    "judged_balancing",
    "judged_plain",
    "plain_first",
    "points_from_events",
    "split_chart",
    "spoken",
    "standalone_chart",
    "validation_so_far",
    "what_is_held",
    "where_curves_end",
]

Told = TypeVar("Told")


def interval_row(
    label: str, estimate: Estimate, look: Look, words: Words, how: str, floor: float | None = None, group: str = ""
) -> Row:
    """One line of an interval chart from an estimate, without an interval where there is no value."""
    low, high = (None, None) if estimate.value is None else (estimate.low, estimate.high)
    return Row(label, estimate.value, words.value(estimate, how), look, low, high, floor, group)


def spoken(title: str, rows: Iterable[Row], words: Words) -> str:
    """The sentence that a screen reader says for a chart."""
    labelled = [(_in_group(row.label, row.group, words), row.text) for row in rows]
    return words("chart.alt", title=title, rows=[words("chart.alt_row", label=label, value=value) for label, value in labelled])


@dataclass(frozen=True)
class Held:
    """What products can have or lack: a kind of information, or the description apart from the title."""

    key: str
    modality: str
    label: str
    coverage: Coverage
    segments: tuple[SegmentCoverage, ...]
    absence: Absence | None


def what_is_held(profile: Profile, words: Words) -> tuple[Held, ...]:
    """Each kind of information, and behind it its description where some products lack one: a title hides that in the whole."""
    found = []
    for modality in profile.modalities:
        name, apart = modality.name, modality.description
        found.append(Held(name, name, words.modality(name), modality.coverage, modality.segments, modality.absence))
        if apart is not None and apart.coverage.items < 1:
            label = words("report.profile.description", modality=name)
            found.append(Held(f"{name}.description", name, label, apart.coverage, apart.segments, apart.absence))
    return tuple(found)


def coverage_chart(profile: Profile, words: Words) -> IntervalChart:
    """The share of products that have each kind of information; the mark is the share weighted by purchases."""
    names = tuple(modality.name for modality in profile.modalities)
    rows = tuple(
        Row(
            held.label,
            held.coverage.items,
            words.number(held.coverage.items),
            look_of(held.modality, names),
            floor=held.coverage.interactions,
        )
        for held in what_is_held(profile, words)
    )
    title = words("chart.coverage.title")
    return IntervalChart(
        title,
        spoken(title, rows, words),
        "bar",
        rows,
        "percent",
        words("chart.coverage.axis"),
        floor_label=words("chart.coverage.mark"),
        limit=1.0,
    )


def standalone_chart(profile: Profile, words: Words) -> IntervalChart:
    """How well each kind recommends by similarity alone, beside shuffled information and beside bestsellers.

    Where variants of one product were found, a second row counts them as one item.
    """
    names = tuple(modality.name for modality in profile.modalities)
    rows = []
    for modality in profile.modalities:
        label, look = words.modality(modality.name), look_of(modality.name, names)
        collapsed = modality.standalone_collapsed
        shown = [(label, modality.standalone)]
        if collapsed is not None:
            shown.append((words("chart.standalone.collapsed", modality=modality.name), collapsed))
        rows += [
            interval_row(said, alone.recall_at_20, look, words, "percent", alone.permuted_floor.value) for said, alone in shown
        ]
    popularity = profile.baselines.get("popularity", {}).get("recall_at_20")
    lines = ((words("chart.popularity"), popularity.value),) if popularity and popularity.value is not None else ()
    title = words("chart.standalone.title")
    return IntervalChart(
        title,
        spoken(title, rows, words),
        "bar",
        tuple(rows),
        "percent",
        words("chart.recall_axis"),
        lines,
        words("chart.standalone.mark"),
    )


def arms_chart(diagnosis: Diagnosis, words: Words) -> IntervalChart:
    """What each training reached on the test customers, weakest first within a backbone, the judged one before the others."""
    all_names = tuple(modality.name for modality in diagnosis.modalities)
    backbones = diagnosis.protocol.backbones
    arms = [arm for arm in diagnosis.arms if not arm.variant]
    rows = []
    for arm in sorted(arms, key=lambda arm: (backbones.index(arm.backbone), arm.recall_at_20.value or 0.0)):
        known = tuple(name for name in arm.modalities if name != "id")
        look = look_of("id" if not known else known[0] if len(known) == 1 else "joint", all_names)
        full = len(known) == len(all_names) > 1
        label = words.modality("joint") if full else words.modalities(known)
        if arm.balancer != "none":
            label = words("chart.arms.balanced", arm=label, balancer=words.coded("chart.balancer", arm.balancer))
        group = _group(arm.backbone, len(backbones), words)
        rows.append(interval_row(label, arm.recall_at_20, look, words, "percent", group=group))
    popularity = diagnosis.baselines.get("popularity", {}).get("recall_at_20")
    lines = () if popularity is None else ((words("chart.popularity"), popularity),)
    title = words("chart.arms.title")
    return IntervalChart(title, spoken(title, rows, words), "dot", tuple(rows), "percent", words("chart.recall_axis"), lines)


def contribution_chart(diagnosis: Diagnosis, words: Words) -> IntervalChart:
    """How many points of the joint model's recall each kind of information accounts for."""
    names = tuple(modality.name for modality in diagnosis.modalities)
    rows = tuple(
        interval_row(words.modality(modality.name), modality.contribution, look_of(modality.name, names), words, "points")
        for modality in diagnosis.modalities
        if modality.contribution is not None
    )
    title = words("chart.contribution.title")
    return IntervalChart(title, spoken(title, rows, words), "bar", rows, "points", words("chart.points_axis"))


def balancing_chart(balancing: Balancing, words: Words) -> IntervalChart:
    """The paired change that each balancing method brought, with zero in sight."""
    backbones = len({result.backbone for result in balancing.results})
    rows = []
    for result in balancing.results:
        label, group = words.coded("chart.balancer", result.balancer), _group(result.backbone, backbones, words)
        rows.append(interval_row(label, result.lift, look_of("joint"), words, "points", group=group))
    title = words("chart.balancing.title")
    return IntervalChart(title, spoken(title, rows, words), "dot", tuple(rows), "points", words("chart.points_axis"))


def _group(backbone: str, backbones: int, words: Words) -> str:
    """The model's name where there is more than one."""
    return words.coded("backbone", backbone) if backbones > 1 else ""


def _in_group(label: str, group: str, words: Words) -> str:
    return words("chart.in_group", group=group, label=label) if group else label


def judged_plain(diagnosis: Diagnosis) -> tuple[ArmSummary, ...]:
    """What plain training of the model that is judged reached, one for each set of modalities."""
    judged = diagnosis.protocol.backbones[:1]
    return tuple(arm for arm in diagnosis.arms if arm.backbone in judged and arm.balancer == "none" and not arm.variant)


def judged_balancing(diagnosis: Diagnosis) -> BalancingResult | None:
    """What the verdict is about: of the model that is judged, the method that it looks at; results of old do not name it."""
    judged = diagnosis.protocol.backbones[:1]
    measured = [one for one in diagnosis.balancing.results if one.backbone in judged and one.lift.value is not None]
    named = (one for one in measured if one.balancer == diagnosis.balancing.method)
    return next(named, max(measured, key=lambda one: one.lift.value or 0.0, default=None))


def plain_first(by_balancer: Mapping[str, Told]) -> list[tuple[str, Told]]:
    """What is told of each method, by name, after what is told of training without one."""
    return sorted(by_balancer.items(), key=lambda entry: (entry[0] != "none", entry[0]))


def curve_chart(points: Mapping[str, Iterable[CurvePoint]], words: Words, backbone: str | None = None) -> CurveChart:
    """Learning curves per modality, with and without balancing on the same axes.

    ``points``: modality -> its points. ``backbone``: the one they are of, where that needs saying.
    """
    names = tuple(points)
    panels = []
    for name, modality_points in points.items():
        seeds: dict[str, dict[int, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
        for point in modality_points:
            seeds[point.balancer][point.seed].append((point.epoch, point.value))
        curves = tuple(
            Curve(
                words("chart.curves.plain") if balancer == "none" else words.coded("chart.balancer", balancer),
                number,
                tuple(tuple(sorted(seed)) for _, seed in sorted(by_seed.items())),
            )
            for number, (balancer, by_seed) in enumerate(plain_first(seeds))
        )
        panels.append(Panel(words.modality(name), look_of(name, names), curves))
    title = words("chart.curves.title")
    if backbone is not None:
        title = _in_group(title, words.coded("backbone", backbone), words)
    ends = where_curves_end(panels, words)
    return CurveChart(
        title,
        words("chart.alt", title=title, rows=ends),
        tuple(panels),
        words("chart.curves.x_axis"),
        words("chart.recall_axis"),
        "percent",
    )


def curves_of(diagnosis: Diagnosis, words: Words) -> CurveChart:
    """The learning curves of a finished diagnosis, for its first backbone."""
    backbones = {point.backbone for modality in diagnosis.modalities for point in modality.curve}
    shown = next((name for name in diagnosis.protocol.backbones if name in backbones), None)
    points = {
        modality.name: [point for point in modality.curve if point.backbone == shown]
        for modality in diagnosis.modalities
        if modality.curve
    }
    return curve_chart(points, words, shown if len(diagnosis.protocol.backbones) > 1 else None)


def points_from_events(events: Iterable[ProbeEvent]) -> dict[str, list[CurvePoint]]:
    """The branch curves of a probe that is still running, of the one set of modalities that is the fullest so far."""
    arms = [(event, event.arm.split(":")) for event in events if event.kind == "epoch" and event.arm.count(":") == 2]
    fullest = max((parts[1] for _, parts in arms), key=lambda names: names.count("+"), default="")
    found: dict[str, list[CurvePoint]] = {}
    order: list[str] = []
    for event, (backbone, modalities, balancer) in arms:
        if modalities != fullest or modalities == "id":
            continue
        order = modalities.split("+")
        for name, value in event.branches.items():
            point = CurvePoint(backbone=backbone, balancer=balancer, seed=event.seed, epoch=event.epoch, value=value)
            found.setdefault(name, []).append(point)
    return {name: found[name] for name in (*order, "id") if name in found}


def validation_so_far(events: Iterable[ProbeEvent]) -> dict[str, tuple[float, int]]:
    """Of the fullest set of modalities so far: balancer -> mean over seeds of the best validation recall, and how many seeds."""
    arms = [(event, event.arm.split(":")) for event in events if event.kind == "epoch" and event.arm.count(":") == 2]
    fullest = max((parts[1] for _, parts in arms), key=lambda names: names.count("+"), default="")
    best: dict[str, dict[int, float]] = defaultdict(dict)
    for event, (_, modalities, balancer) in arms:
        if modalities == fullest != "id" and event.validation is not None:
            best[balancer][event.seed] = max(best[balancer].get(event.seed, 0.0), event.validation)
    return {name: (sum(seeds.values()) / len(seeds), len(seeds)) for name, seeds in plain_first(best)}


def split_chart(diagnosis: Diagnosis, words: Words) -> BandChart:
    """Which part of the purchases trained the models, which chose among them, and which tested them."""
    protocol, dataset = diagnosis.protocol, diagnosis.dataset
    counts = {"train": protocol.n_train, "validation": protocol.n_validation, "test": protocol.n_test}
    total = sum(counts.values()) or 1
    bands = tuple(
        Band(words(f"chart.split.{part}"), count / total, words("chart.split.count", count=count, share=count / total))
        for part, count in counts.items()
    )
    borders: tuple[str, ...] = ()
    if protocol.split == "time" and dataset.first_timestamp and dataset.last_timestamp:
        borders = tuple(moment[:10] for moment in (dataset.first_timestamp, *protocol.cut_offs, dataset.last_timestamp))
    title = words("chart.split.title")
    said = [words("chart.alt_row", label=band.label, value=band.text) for band in bands]
    return BandChart(title, words("chart.alt", title=title, rows=said), bands, borders if len(borders) == 4 else ())


def where_curves_end(panels: Sequence[Panel], words: Words) -> list[str]:
    """Where every curve ends, in words: what a chart of curves says to who cannot see it."""
    return [
        words(
            "chart.curves.alt_row",
            modality=panel.title,
            setting=curve.label,
            value=words.number(curve.mean[-1][1]),
            epoch=curve.mean[-1][0],
        )
        for panel in panels
        for curve in panel.curves
        if curve.mean
    ]
