"""What each kind contributes, to whom and together with what; how it was learnt; and what speaks for and against each cause."""

from __future__ import annotations

from collections import defaultdict

from diagnostics.messages.numbers import MISSING
from diagnostics.report.evidence import interval_row, plain_first, spoken, where_curves_end
from diagnostics.report.figures import Curve, CurveChart, IntervalChart, Panel, look_of
from diagnostics.report.model import Block, Cell, Column, Figure, Folded, Paragraph, Table
from diagnostics.report.words import Words
from diagnostics.schema import Cause, Diagnosis, Estimate, Evidence, SegmentShare

__all__ = ["contribution_blocks", "course_chart", "dissent_lines", "dynamics_blocks", "heard_blocks", "history_chart", "said"]

_SHOWN = (
    "half_life",
    "speed_ratio",
    "gradient_share",
    "margin_ratio",
    "conflict",
    "branch_gap",
    "overfitting_ratio",
    "reliance_share",
    "recommended_share",
)
_DRAWN = ("bare", "gradient_share", "confidence", "reliance", "conflict")


def said(evidence: Evidence, words: Words) -> str:
    """One piece of evidence: what was measured, its value and interval."""
    return words("report.evidence", measure=words.coded("measure", evidence.measure), value=words.with_interval(evidence))


def heard_blocks(diagnosis: Diagnosis, words: Words) -> tuple[Block, ...]:
    """Every hypothesis that something speaks for, the named causes first, with its evidence for and against."""
    heard = [
        block
        for modality in diagnosis.modalities
        for cause in (*modality.causes, *modality.considered)
        for block in _heard(modality.name, cause, cause in modality.causes, words)
    ]
    return (Folded(words("report.heard.title"), (Paragraph(words("report.heard.text")), *heard)),) if heard else ()


def _heard(name: str, cause: Cause, is_named: bool, words: Words) -> tuple[Block, ...]:
    """One hypothesis: what became of it, and each piece of evidence in a line."""
    state = words(
        f"report.heard.{'named' if is_named else 'considered'}",
        likelihood=words.number(cause.likelihood),
        remedy=words.coded("remedy", cause.code),
    )
    names = ("evidence", "value", "threshold", "speaks")
    columns = tuple(Column(words(f"report.heard.{column}"), column in ("value", "threshold")) for column in names)
    rows = tuple(
        (
            Cell(words.coded("measure", entry.measure)),
            Cell(words.value(entry), note=words.interval(entry)),
            Cell(words.size(entry.threshold, entry.unit)),
            Cell(words("report.heard.for"), icon="check") if entry.supports else Cell(words("report.heard.against"), icon="off"),
        )
        for entry in cause.evidence
    )
    title = words("report.heard.of", modality=name, cause=words.coded("cause", cause.code))
    return Paragraph(title, "lead"), Paragraph(state, "note"), Table(columns, rows)


def history_chart(diagnosis: Diagnosis, words: Words) -> IntervalChart:
    """The joint model's recall shared out among purchase history and every kind of information."""
    names = tuple(modality.name for modality in diagnosis.modalities)
    shares = diagnosis.contributions.with_history if diagnosis.contributions else ()
    rows = tuple(interval_row(words.modality(one.player), one.share, look_of(one.player, names), words, "points") for one in shares)
    title = words("chart.with_history.title")
    return IntervalChart(title, spoken(title, rows, words), "bar", rows, "points", words("chart.points_axis"))


def contribution_blocks(diagnosis: Diagnosis, words: Words) -> tuple[Block, ...]:
    """History as a player, pairs, what happens on other values, who is shown, and the map of segments."""
    found = diagnosis.contributions
    if found is None:
        return ()
    blocks: list[Block] = []
    if found.with_history:
        blocks.append(Figure(history_chart(diagnosis, words), words("report.contributed.history_caption")))
    blocks += [
        Paragraph(
            words("report.contributed.pair", modality=one.one, other=one.other, value=words.with_interval(one.index, "points"))
        )
        for one in found.interactions
        if one.index.value is not None
    ]
    blocks += [
        Paragraph(
            words(
                "report.contributed.exposure",
                modality=modality.name,
                ratio=words.with_interval(modality.exposure.ratio, "ratio"),
                count=modality.exposure.n_matched,
            )
        )
        for modality in diagnosis.modalities
        if modality.exposure is not None
    ]
    if any(modality.knock_out or modality.replacement for modality in diagnosis.modalities):
        blocks.append(_losses(diagnosis, words))
    if any(modality.dose_response for modality in diagnosis.modalities):
        blocks.append(_doses(diagnosis, words))
    if found.segments:
        blocks.append(
            Folded(words("report.segments.title"), (Paragraph(words("report.segments.text")), _segments(diagnosis, words)))
        )
    return tuple(blocks)


def _losses(diagnosis: Diagnosis, words: Words) -> Table:
    lost = {
        modality.name: {"gap": modality.gap, "knock_out": modality.knock_out, "mean": modality.utilisation, **modality.replacement}
        for modality in diagnosis.modalities
    }
    kinds = [kind for kind in ("gap", "knock_out", "mean", "permuted", "donor") if any(_told(of.get(kind)) for of in lost.values())]
    columns = (
        Column(words("report.column.modality")),
        *(Column(words(f"report.contributed.{kind}"), numeric=True) for kind in kinds),
    )
    rows = []
    for modality in diagnosis.modalities:
        told = [lost[modality.name].get(kind) for kind in kinds]
        cells = [Cell(words.value(one, "points_bare"), note=words.interval(one, "points_bare")) for one in told]
        rows.append((Cell(words.modality(modality.name)), *cells))
    return Table(columns, tuple(rows), words("report.contributed.losses_caption"))


def _told(estimate: Estimate | None) -> bool:
    return estimate is not None and estimate.value is not None


def _doses(diagnosis: Diagnosis, words: Words) -> Table:
    shares = list(dict.fromkeys(share for modality in diagnosis.modalities for share in modality.dose_response))
    columns = (
        Column(words("report.column.modality")),
        *(Column(words("report.contributed.wrong", share=float(share)), numeric=True) for share in shares),
    )
    rows = []
    for modality in diagnosis.modalities:
        told = [modality.dose_response.get(share) for share in shares]
        cells = [Cell(words.value(one, "points_bare"), note=words.interval(one, "points_bare")) for one in told]
        rows.append((Cell(words.modality(modality.name)), *cells))
    return Table(columns, tuple(rows), words("report.contributed.doses_caption"))


def _segments(diagnosis: Diagnosis, words: Words) -> Table:
    names = tuple(modality.name for modality in diagnosis.modalities)
    cells: dict[tuple[str, str], dict[str, SegmentShare]] = defaultdict(dict)
    for one in diagnosis.contributions.segments if diagnosis.contributions else ():
        cells[one.dimension, one.segment][one.modality] = one
    columns = (
        Column(words("report.segments.segment")),
        Column(words("report.segments.customers"), numeric=True),
        *(Column(words.modality(name), numeric=True) for name in names),
    )
    rows = []
    for (dimension, segment), shares in cells.items():
        known = dimension == "age"
        label = words(f"report.segments.{segment}") if known else words(f"report.segments.{dimension}", segment=segment)
        first = next(iter(shares.values()))
        told = [_segment_cell(shares.get(name), words) for name in names]
        rows.append((Cell(label), Cell(words.number(first.share.n, "count")), *told))
    return Table(columns, tuple(rows), words("report.segments.caption"))


def _segment_cell(one: SegmentShare | None, words: Words) -> Cell:
    if one is None:
        return Cell(MISSING)
    return Cell(words.value(one.share, "points"), note=words.interval(one.share, "points"), icon="star" if one.stands_out else "")


def dynamics_blocks(diagnosis: Diagnosis, words: Words) -> tuple[Block, ...]:
    """How each branch learnt inside the joint model, in numbers and pass by pass."""
    told = [modality for modality in diagnosis.modalities if modality.dynamics]
    if not told:
        return ()
    shown = [measure for measure in _SHOWN if any(measure in modality.dynamics for modality in told)]
    columns = (
        Column(words("report.dynamics.measure")),
        *(Column(words.modality(modality.name), numeric=True) for modality in told),
    )
    rows = tuple(
        (
            Cell(words.coded("measure", measure)),
            *(_dynamic(modality.dynamics.get(measure), words) for modality in told),
        )
        for measure in shown
    )
    charts = {measure: course_chart(diagnosis, measure, words) for measure in _DRAWN}
    figures = [Figure(chart, words(f"report.dynamics.caption_{name}")) for name, chart in charts.items() if chart.panels]
    return (Folded(words("report.dynamics.title"), (Paragraph(words("report.dynamics.text")), Table(columns, rows), *figures)),)


def _dynamic(estimate: Estimate | None, words: Words) -> Cell:
    if estimate is None:
        return Cell(MISSING)
    how = "score" if estimate.unit == "epochs" else words.how(estimate.unit)
    return Cell(words.value(estimate, how), note=words.interval(estimate, how))


def course_chart(diagnosis: Diagnosis, measure: str, words: Words) -> CurveChart:
    """One measure of every branch, pass by pass, the mean over seeds; plain and balanced on the same axes."""
    names = tuple(modality.name for modality in diagnosis.modalities)
    panels = []
    for modality in diagnosis.modalities:
        by_balancer: dict[str, list[tuple[int, float]]] = defaultdict(list)
        for point in modality.courses:
            if point.measure == measure:
                by_balancer[point.balancer].append((point.epoch, point.value))
        curves = tuple(
            Curve(
                words("chart.curves.plain") if balancer == "none" else words.coded("chart.balancer", balancer),
                number,
                (tuple(points),),
            )
            for number, (balancer, points) in enumerate(plain_first(by_balancer))
        )
        if curves:
            panels.append(Panel(words.modality(modality.name), look_of(modality.name, names), curves))
    title = words("chart.course.title", measure=words.coded("measure", measure))
    ends = where_curves_end(panels, words)
    alt = words("chart.alt", title=title, rows=ends)
    how = "score" if measure == "conflict" else "percent"
    return CurveChart(title, alt, tuple(panels), words("chart.curves.x_axis"), words.coded("measure", measure), how)


def dissent_lines(diagnosis: Diagnosis, words: Words) -> tuple[Paragraph, ...]:
    """The dissenting view, beside a recommendation to balance."""
    if diagnosis.verdict.action != "rebalance":
        return ()
    return tuple(
        Paragraph(
            words(
                "report.rule.dissent",
                modality=one.modality,
                actual=words.with_interval(one.actual, "percent"),
                recommended=words.with_interval(one.recommended, "percent"),
            ),
            "note",
        )
        for one in diagnosis.verdict.dissent
    )
