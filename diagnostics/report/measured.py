"""The sections that show what was measured: the data, the kinds of information, the trainings, balancing."""

from __future__ import annotations

from typing import get_args

from diagnostics.messages import has
from diagnostics.messages.numbers import MISSING
from diagnostics.report.contributed import contribution_blocks, dynamics_blocks, heard_blocks, said
from diagnostics.report.evidence import (
    arms_chart,
    balancing_chart,
    contribution_chart,
    coverage_chart,
    curves_of,
    judged_balancing,
    judged_plain,
    standalone_chart,
)
from diagnostics.report.model import Block, Cell, Column, Figure, Folded, Icon, Paragraph, Point, Points, Section, Table
from diagnostics.report.probed import choice_lines, endings, rate_lines
from diagnostics.report.profiled import strongest_alone
from diagnostics.report.words import Words
from diagnostics.schema import Cause, Diagnosis, Estimate, ModalityResult, Status

__all__ = [
    "STATUS_ICONS",
    "balancing_section",
    "modalities_section",
    "training_section",
]

STATUS_ICONS: dict[Status, Icon] = {
    "dominant": "star",
    "healthy": "check",
    "suppressed": "low",
    "uninformative": "off",
    "redundant": "copy",
    "incomplete": "gap",
    "unused": "skip",
    "undetermined": "question",
}
if set(STATUS_ICONS) != set(get_args(Status)):
    raise AssertionError("every status needs its sign")


_REASONS = 3


# ---------------------------------------------------------------- kinds of information


def modalities_section(diagnosis: Diagnosis, words: Words) -> Section:
    """Each kind of information: what there is of it, what it can do alone, what it does in the joint model, what is wrong."""
    answer = strongest_alone({modality.name: modality.standalone for modality in diagnosis.modalities}, words)
    blocks: list[Block] = [_status_table(diagnosis, words), *[_explained(modality, words) for modality in diagnosis.modalities]]
    blocks += [
        Figure(coverage_chart(diagnosis.profile, words), words("report.modalities.coverage_caption")),
        Figure(standalone_chart(diagnosis.profile, words), words("report.modalities.standalone_caption")),
    ]
    contributions = contribution_chart(diagnosis, words)
    if contributions.rows:
        blocks.append(Figure(contributions, words("report.modalities.contribution_caption")))
    blocks += [*contribution_blocks(diagnosis, words), *heard_blocks(diagnosis, words)]
    blocks.append(Folded(words("report.computed"), (Paragraph(words("report.modalities.computed")),)))
    return Section("modalities", words("report.modalities.title"), answer, tuple(blocks))


def _status_table(diagnosis: Diagnosis, words: Words) -> Table:
    names = ("modality", "status", "coverage", "standalone", "unimodal", "branch", "contribution")
    columns = tuple(Column(words(f"report.column.{name}"), name not in ("modality", "status")) for name in names)
    rows = tuple(
        (
            Cell(words.modality(modality.name)),
            Cell(words(f"status.{modality.status}.word"), icon=STATUS_ICONS[modality.status]),
            Cell(words.number(modality.coverage.items)),
            _estimated(modality.standalone.recall_at_20, words, "percent"),
            _estimated(modality.unimodal, words, "percent"),
            _estimated(modality.branch, words, "percent"),
            _estimated(modality.contribution, words, "points_bare"),
        )
        for modality in diagnosis.modalities
    )
    return Table(columns, rows, words("report.modalities.table_caption"))


def _estimated(estimate: Estimate | None, words: Words, how: str) -> Cell:
    return Cell(words.value(estimate, how), note=words.interval(estimate, how))


def _explained(modality: ModalityResult, words: Words) -> Points:
    """One modality in a paragraph: its status, then its causes with what speaks for them."""
    causes = [_cause(cause, words) for cause in modality.causes]
    text = words(f"status.{modality.status}.text")
    return Points(
        (
            Point(
                words("report.modalities.is", modality=modality.name, status=words(f"status.{modality.status}.word")),
                words.join_sentences([text, *causes]),
                STATUS_ICONS[modality.status],
            ),
        )
    )


def _cause(cause: Cause, words: Words) -> str:
    """A named cause and the first of what speaks for it; the table of hypotheses has the rest, and what speaks against it."""
    evidence = [said(entry, words) for entry in cause.evidence if entry.supports][:_REASONS]
    return words(
        "report.cause",
        cause=words.coded("cause", cause.code),
        confidence=words(f"confidence.{cause.confidence}"),
        evidence=words.join_clauses(evidence) if evidence else MISSING,
    )


# ---------------------------------------------------------------- trainings and balancing


def training_section(diagnosis: Diagnosis, words: Words) -> Section:
    """What small models reached with each set of information, and how each kind learnt inside the joint model."""
    plain = [arm for arm in judged_plain(diagnosis) if arm.recall_at_20.value is not None]
    if plain:
        best = max(plain, key=lambda arm: arm.recall_at_20.value or 0.0)
        answer = words(
            "report.training.answer",
            backbone=words.coded("backbone", best.backbone),
            arm=words.modalities(tuple(name for name in best.modalities if name != "id")),
            value=words.with_interval(best.recall_at_20, "percent"),
        )
    else:
        answer = words("report.training.answer_none")
    blocks: list[Block] = []
    if diagnosis.arms:
        blocks.append(Figure(arms_chart(diagnosis, words), words("report.training.arms_caption")))
    curves = curves_of(diagnosis, words)
    if curves.panels:
        blocks.append(Figure(curves, words("report.training.curves_caption")))
    blocks += dynamics_blocks(diagnosis, words)
    if not all(arm.converged for arm in diagnosis.arms):
        blocks.append(Paragraph(words("report.training.not_converged"), "note"))
    if any(arm.convergence for arm in diagnosis.arms):
        blocks.append(Folded(words("probe.ended_title"), (endings(diagnosis, words),)))
    if rates := rate_lines(diagnosis, words):
        blocks.append(Folded(words("probe.rates"), rates))
    blocks.append(Folded(words("report.computed"), (Paragraph(words("report.training.computed")),)))
    return Section("training", words("report.training.title"), answer, tuple(blocks))


def balancing_section(diagnosis: Diagnosis, words: Words) -> Section:
    """Balancing on against off, in pairs of the same customers and seeds."""
    balancing = diagnosis.balancing
    best = judged_balancing(diagnosis)
    if best is None:  # whatever other models say: they are beside the point
        return Section("balancing", words("report.balancing.title"), words("report.balancing.answer_none"), ())
    conditions = diagnosis.verdict.conditions  # corrected for all that were tried, as the interval shown is not
    confirmed = any(one.code == "on_off_confirms" and one.holds for one in conditions)
    outcome = "gain" if confirmed else "loss" if best.lift.high is not None and best.lift.high < 0 else "open"
    answer = words(
        f"report.balancing.answer_{outcome}",
        lift=words.with_interval(best.lift, "points"),
        backbone=words.coded("backbone", best.backbone),
        balancer=words.coded("balancer", best.balancer),
    )
    columns = tuple(
        Column(words(f"report.column.{name}"), name not in ("backbone", "balancer"))
        for name in ("backbone", "balancer", "plain", "balanced", "lift")
    )
    rows = tuple(
        (
            Cell(words.coded("backbone", result.backbone)),
            Cell(words.coded("balancer", result.balancer)),
            _estimated(result.plain, words, "percent"),
            _estimated(result.balanced, words, "percent"),
            _estimated(result.lift, words, "points"),
        )
        for result in balancing.results
    )
    headroom = words(
        "report.balancing.headroom",
        headroom=words.with_interval(balancing.headroom, "points"),
        detectable=words.size(balancing.minimum_detectable_effect, "points"),
        planned=words.size(balancing.planned_detectable_effect, "points"),
    )
    blocks: tuple[Block, ...] = (
        Table(columns, rows),
        Figure(balancing_chart(balancing, words), words("report.balancing.caption")),
        *choice_lines(diagnosis, words),
        Paragraph(headroom, "note"),
        Folded(words("report.balancing.methods"), (_methods(diagnosis, words),)),
        Folded(words("report.computed"), (Paragraph(words("report.balancing.computed")),)),
    )
    return Section("balancing", words("report.balancing.title"), answer, blocks)


def _methods(diagnosis: Diagnosis, words: Words) -> Points:
    """Every model and every method that this run compared, each in a sentence."""
    named = [("backbone", name) for name in diagnosis.protocol.backbones]
    named += [("balancer", name) for name in dict.fromkeys(arm.balancer for arm in diagnosis.arms)]
    return Points(tuple(Point(words.coded(area, name), _sentence(f"explained.{area}.{name}", words)) for area, name in named))


def _sentence(key: str, words: Words) -> str:
    return words(key) if has(key, words.lang) else ""
