"""Writes a diagnosis as a report in one language: the verdict first, then the evidence, then the conditions and the limits."""

from __future__ import annotations

from typing import Any

from diagnostics.messages import catalog
from diagnostics.messages.numbers import MISSING
from diagnostics.report.contributed import dissent_lines
from diagnostics.report.evidence import judged_balancing, judged_plain
from diagnostics.report.measured import balancing_section, modalities_section, training_section
from diagnostics.report.model import (
    Block,
    Cell,
    Column,
    Fact,
    Facts,
    Folded,
    Headline,
    Icon,
    Paragraph,
    Point,
    Points,
    Report,
    Section,
    Table,
)
from diagnostics.report.profiled import best_alone, finding_points, profile_section
from diagnostics.report.reading import data_section, how_much
from diagnostics.report.words import Words
from diagnostics.schema import Action, Condition, Confidence, Diagnosis, NextStep, Protocol, Severity

__all__ = ["SECTIONS", "build"]

_ACTION_ICONS: dict[Action, Icon] = {
    "leave": "check",
    "rebalance": "balance",
    "fix_data": "fix",
    "skip_content": "skip",
    "undetermined": "question",
}
_CONFIDENCE_ICONS: dict[Confidence, Icon] = {"high": "check", "medium": "info", "low": "warning"}
_YES_OR_NO = frozenset({"data_causes_excluded"})  # conditions without a size


def build(diagnosis: Diagnosis, lang: str) -> Report:
    """The report of a diagnosis, every number written once.

    Parameters
    ----------
    diagnosis : Diagnosis
    lang : str
        ``en`` or ``ja``.
    """
    words = Words(lang)
    dataset = diagnosis.dataset
    subtitle = how_much(
        "report.subtitle",
        words,
        items=dataset.n_items,
        users=dataset.n_users,
        interactions=dataset.n_interactions,
        purchases=dataset.n_purchases,
    )
    sections = tuple(write(diagnosis, words) for write in SECTIONS.values())
    return Report(lang, words("report.title"), subtitle, _headline(diagnosis, words), sections, diagnosis)


def _headline(diagnosis: Diagnosis, words: Words) -> Headline:
    verdict = diagnosis.verdict
    return Headline(
        icon=_ACTION_ICONS[verdict.action],
        action=words(f"action.{verdict.action}.word"),
        sentence=verdict.sentence[words.lang],
        paragraph=words(f"action.{verdict.action}.text"),
        confidence_icon=_CONFIDENCE_ICONS[verdict.confidence],
        confidence=words("report.confidence", confidence=words(f"confidence.{verdict.confidence}")),
        confidence_reason=words.coded("confidence_reason", verdict.confidence_reason),
    )


def _overview(diagnosis: Diagnosis, words: Words) -> Section:
    blocks: list[Block] = [_facts(diagnosis, words)]
    whys = tuple(Point(text) for text in (words.message(reason) for reason in diagnosis.verdict.reasons) if text)
    if whys:
        blocks += [Paragraph(words("report.overview.whys"), "lead"), Points(whys, ordered=True)]
    steps = tuple(_step(step, words) for step in diagnosis.verdict.next_steps[:3])
    if steps:
        blocks += [Paragraph(words("report.overview.steps"), "lead"), Points(steps, ordered=True)]
    return Section("overview", words("report.overview.title"), words("report.overview.limits"), tuple(blocks))


def _facts(diagnosis: Diagnosis, words: Words) -> Facts:
    """Three numbers: what the model with everything reaches, what the strongest kind does alone, what balancing changes."""
    facts = []
    everything = {"id", *(modality.name for modality in diagnosis.modalities)}
    joint = next((arm for arm in judged_plain(diagnosis) if {"id", *arm.modalities} == everything), None)
    if joint is not None:
        facts.append(
            Fact(
                words("report.fact.joint"),
                words.value(joint.recall_at_20, "percent"),
                words.spoken_interval(joint.recall_at_20, "percent"),
                words("report.fact.joint_note"),
            )
        )
    strengths = {modality.name: modality.standalone for modality in diagnosis.modalities}
    if (best := best_alone(strengths)) is not None:
        facts.append(
            Fact(
                words("report.fact.standalone", modality=best),
                words.value(strengths[best].recall_at_20, "percent"),
                words.spoken_interval(strengths[best].recall_at_20, "percent"),
                words("report.fact.standalone_note", floor=words.with_interval(strengths[best].permuted_floor, "percent")),
            )
        )
    balanced = judged_balancing(diagnosis)
    if balanced is not None:
        facts.append(
            Fact(
                words("report.fact.lift"),
                words.value(balanced.lift, "points"),
                words.spoken_interval(balanced.lift, "points"),
                words("report.fact.lift_note", balancer=words.coded("balancer", balanced.balancer)),
            )
        )
    return Facts(tuple(facts))


def _step(step: NextStep, words: Words) -> Point:
    values = dict(step.values) | ({"modality": step.modality} if step.modality else {})
    effort = words("report.effort", effort=words(f"report.effort_level.{step.effort}"))
    effect = words("report.effect", effect=words.with_interval(step.effect)) if step.effect else ""
    return Point(
        words.coded("step_to_take", step.code, "title", values),
        words.coded("step_to_take", step.code, "text", values),
        aside=" · ".join(part for part in (effort, effect) if part),
    )


def _findings(diagnosis: Diagnosis, words: Words) -> Section:
    order: tuple[Severity, ...] = ("problem", "warning", "info")
    findings = diagnosis.findings
    counted = {severity: sum(finding.severity == severity for finding in findings) for severity in order}
    answer = words("report.findings.answer", **counted) if findings else words("report.findings.answer_none")
    return Section("findings", words("report.findings.title"), answer, (finding_points(findings, words),) if findings else ())


def _rule(diagnosis: Diagnosis, words: Words) -> Section:
    conditions = diagnosis.verdict.conditions
    met = sum(condition.holds is True for condition in conditions)
    open_ = sum(condition.holds is None for condition in conditions)
    columns = tuple(
        Column(words(f"report.rule.{name}"), name in ("value", "threshold", "distance"))
        for name in ("condition", "value", "threshold", "distance", "holds")
    )
    rows = tuple(_condition(condition, words) for condition in conditions)
    answer = words("report.rule.answer", met=met, open=open_, all=len(conditions))
    return Section(
        "rule",
        words("report.rule.title"),
        answer,
        (Table(columns, rows), Paragraph(words("report.rule.text"), "note"), *dissent_lines(diagnosis, words)) if rows else (),
    )


def _condition(condition: Condition, words: Words) -> tuple[Cell, ...]:
    how = words.how(condition.unit)
    both = condition.value is not None and condition.threshold is not None
    distance = (condition.value or 0.0) - (condition.threshold or 0.0) if both else None
    holds: tuple[str, Icon] = {True: ("yes", "check"), False: ("no", "off"), None: ("open", "question")}[condition.holds]  # type: ignore[assignment]
    name = Cell(words.coded("condition", condition.code), note=words.modality(condition.modality) if condition.modality else "")
    verdict = Cell(words(f"report.rule.{holds[0]}"), icon=holds[1])
    if condition.code in _YES_OR_NO:
        seen = MISSING if condition.value is None else words("report.rule.faulty" if condition.value else "report.rule.clean")
        return name, Cell(seen), Cell(MISSING), Cell(MISSING), verdict
    return (
        name,
        Cell(words.number(condition.value, how), note=words.span(condition.low, condition.high, how)),
        Cell(words.size(condition.threshold, condition.unit)),
        Cell(words.number(distance, "points" if how == "percent" else how)),
        verdict,
    )


def _limits(diagnosis: Diagnosis, words: Words) -> Section:
    """What was not checked, those of one reason together so that the reason stands once."""
    by_reason: dict[str, list[Point]] = {}
    for entry in diagnosis.not_checked:
        reason = words.coded("not_checked_reason", entry.reason, values=entry.values)
        by_reason.setdefault(reason, []).append(Point(words.coded("not_checked", entry.code, values=entry.values), "", "question"))
    blocks = [block for reason, points in by_reason.items() for block in (Paragraph(reason), Points(tuple(points)))]
    count = len(diagnosis.not_checked)
    answer = words("report.limits.answer", count=count) if count else words("report.limits.answer_none")
    return Section("limits", words("report.limits.title"), answer, tuple(blocks))


def _seeds(protocol: Protocol, words: Words) -> str:
    values: dict[str, Any] = {"count": len(protocol.seeds), "seeds": list(protocol.seeds)}
    if not protocol.further_seeds:
        return words("report.protocol.seeds_value", **values)
    further = list(protocol.further_seeds)
    return words("report.protocol.further_seeds_value", **values, further=len(further), further_seeds=further)


def _protocol(diagnosis: Diagnosis, words: Words) -> Section:
    protocol = diagnosis.protocol
    card = {
        "split": words(f"report.split.{protocol.split}"),
        "split_reason": words.coded("split_reason", protocol.split_reason),
        "metric": words("report.protocol.metric_value", k=protocol.k),
        "counts": words(
            "report.protocol.counts_value", train=protocol.n_train, validation=protocol.n_validation, test=protocol.n_test
        ),
        "test_users": words.number(protocol.n_test_users, "count"),
        "backbones": words.series([words.coded("backbone", name) for name in protocol.backbones]),
        "seeds": _seeds(protocol, words),
        "preset": _effort(protocol, words),
        "max_epochs": words.number(protocol.max_epochs, "count"),
        "learning_rate": _learning_rates(diagnosis, words),
    }
    rows = tuple((Cell(words(f"report.protocol.{name}")), Cell(value)) for name, value in card.items())
    columns = (Column(words("report.protocol.item")), Column(words("report.protocol.value")))
    blocks = (Table(columns, rows), Folded(words("report.computed"), (Paragraph(words("report.protocol.computed")),)))
    return Section("protocol", words("report.protocol.title"), words("report.protocol.answer"), blocks)


def _effort(protocol: Protocol, words: Words) -> str:
    name = words.coded("report.preset", protocol.preset)
    return words("report.protocol.slow_preset", preset=name) if protocol.slow_training else name


def _learning_rates(diagnosis: Diagnosis, words: Words) -> str:
    """The learning rate that was used, or where several models were trained each one's own."""
    protocol = diagnosis.protocol
    used = {choice.backbone: choice.learning_rate for choice in protocol.learning_rates}
    if len(used) < 2:
        return words.number(next(iter(used.values()), protocol.learning_rate), "score")
    return words.series([words("report.protocol.rate_of", backbone=name, rate=rate) for name, rate in used.items()])


def _glossary(diagnosis: Diagnosis, words: Words) -> Section:
    terms = [key.removesuffix(".term") for key in catalog(words.lang) if key.startswith("glossary.") and key.endswith(".term")]
    points = Points(tuple(Point(words(f"{term}.term"), words(f"{term}.text")) for term in terms))
    return Section("glossary", words("report.glossary.title"), words("report.glossary.answer"), (points,))


def _provenance(diagnosis: Diagnosis, words: Words) -> Section:
    provenance = diagnosis.provenance
    taken = {step: seconds for step, seconds in provenance.timing.items() if step != "training_s"}  # which the probe's holds
    facts = {
        "version": provenance.version,
        "created_at": provenance.created_at.replace("T", " "),
        "fingerprint": diagnosis.dataset.fingerprint,
        "duration": words.number(sum((taken or provenance.timing).values()) if provenance.timing else None, "duration"),
        "environment": words.series(
            [f"{words.coded('report.computer', name)} {value}" for name, value in provenance.environment.items()]
        )
        or MISSING,
    }
    columns = (Column(words("report.protocol.item")), Column(words("report.protocol.value")))
    rows = tuple((Cell(words(f"report.provenance.{name}")), Cell(value)) for name, value in facts.items())
    return Section("provenance", words("report.provenance.title"), words("report.provenance.answer"), (Table(columns, rows),))


SECTIONS = {
    "overview": _overview,
    "modalities": modalities_section,
    "profile": profile_section,
    "training": training_section,
    "balancing": balancing_section,
    "rule": _rule,
    "findings": _findings,
    "limits": _limits,
    "data": data_section,
    "protocol": _protocol,
    "glossary": _glossary,
    "provenance": _provenance,
}
"""Section key -> how it is written, in the order of the report."""
