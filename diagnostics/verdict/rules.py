"""The verdict rule (METHOD section 7): one action, its conditions with value, threshold and distance, and its confidence.

Order of the questions. (1) Is there enough to judge by? (2) Does product information add anything to purchase history?
(3) Does a fault in the data hold a modality back? (4) Are there two modalities that each know something of their own, so that there
is something to balance? (5) Do all four conditions for balancing hold, or is at least its gain shown? (6) Is it shown that
balancing does not pay by as much as matters, either by the on/off probe itself, or, where that shows no gain at all, because
separately trained models, put together, find no more than the joint model? Else the answer is ``undetermined``.
A fault of the data in (3) was counted, not estimated: where only its price is open, ``fix_data`` stands with low confidence.
Vectors of another order of magnitude are a fault whatever our models, which rescale, make of them: trainings lower that confidence
only where one took the vectors as they are. A gain in (5) for which the other conditions do not speak is measured all the same: in
very sparse shops distillation wins though no modality is held back (sample_data/README.md). It is said, but never surely.

Confidence. Each of these counts as one failure: seeds disagree about the side of the threshold; the interval does not exclude the
threshold; leaving out one seed changes that; too few test users; a measure that bears on this action was not taken; another model
of the plan finds a gain where this one finds none. None: high. One: medium. More: low; and where action stands on an open interval
and is low, it is ``undetermined`` instead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from diagnostics.config import threshold
from diagnostics.probe.arms import balancers_of
from diagnostics.schema import Action, Condition, Confidence
from diagnostics.stats import Contrast, Position, holm_positions
from diagnostics.verdict.causes import Judgement
from diagnostics.verdict.measures import Measures

__all__ = ["Decision", "decide"]

_HOLDS: dict[Position, bool | None] = {"above": True, "below": False, "open": None}


@dataclass(frozen=True)
class Decision:
    """What to do and why. ``variant`` picks the sentence ``verdict.<action>.<variant>``, written with ``values``."""

    action: Action
    variant: str
    modality: str | None = None
    values: dict[str, Any] = field(default_factory=dict)
    confidence: Confidence = "low"
    confidence_reason: str = "few_users"
    conditions: tuple[Condition, ...] = ()

    @property
    def rests_on_balancing(self) -> bool:
        """Whether balancing on against off was asked on the way to this answer."""
        return self.action in ("rebalance", "leave") or self.variant in ("open", "open_rebalance", "open_leave")


def decide(measures: Measures, judgements: tuple[Judgement, ...]) -> Decision:
    """Applies the rule to one backbone's measures."""
    if not measures.seeds or measures.joint.shape[1] < threshold("min_test_users_any"):
        n_users = len(set(measures.dataset.split.test[:, 0].tolist()))
        values: dict[str, Any] = {"n_users": n_users, "n_seeds": len(measures.seeds), "needed": int(threshold("min_test_users"))}
        if not measures.seeds:
            return Decision("undetermined", "nothing_complete", values=values, confidence_reason="not_measured")
        return Decision("undetermined", "too_little", values=values, confidence_reason="few_users")

    smallest = measures.smallest_effect
    content = measures.content_gain()
    fault = _data_fault(measures, judgements)
    strongest = max(judgements, key=lambda one: one.contribution.value)
    held_back = tuple(one for one in judgements if one.held_back)
    weak = fault[0] if fault else _most_behind(held_back or judgements, strongest)
    conditions = _conditions(measures, weak)

    if fault is None and content.position(smallest) == "below" and all(one.standing.adds == "below" for one in judgements):
        unused = any(cause.code == "unused" for one in judgements for cause in one.causes)
        harms = content.position(-smallest if unused else 0.0) == "below"  # what is unused is told as such, not as a trifle lost
        variant = "harms" if harms else "unused" if unused else "irrelevant"
        return _sure(
            Decision("skip_content", variant, values=content.span()), content, smallest, conditions, _other_models(measures)
        )
    if fault is not None:
        judgement, deciding, limit = fault
        cause = judgement.data_cause
        profile = judgement.standing.profile
        coverage = profile.coverage
        values = {
            "modality": judgement.name,
            "items": coverage.items,
            "disguised": coverage.disguised,
            "ratio": profile.health.norm_ratio if profile.health else None,
            **deciding.span(),
        }
        code = cause.code if cause else "missing"
        variant = "disguised" if code == "missing" and coverage.disguised >= threshold("disguised_share") else code
        if code == "missing" and deciding.n_users == judgement.standing.gain_alone.n_users:
            variant += "_overall"
        decision = Decision("fix_data", variant, judgement.name, values)
        if code == "scale_mismatch" and "raw" not in judgement.standing.settled:  # what it costs others was not measured
            return replace(decision, confidence="medium", confidence_reason="not_measured", conditions=conditions)
        also = ("gain_not_seen",) if code != "uninformative" and deciding.position(limit) == "below" else ()
        return _sure(decision, deciding, limit, conditions, also)

    if len(measures.modalities) == 1:
        name = measures.modalities[0]
        return _sure(Decision("leave", "single", values={"modality": name, **content.span()}), content, smallest, conditions)

    pays = "above" in holm_positions(measures.lifts(), smallest).values()
    repeating = [one for one in judgements if one.standing.repeats]
    if repeating and not pays and len([one for one in judgements if not (one.standing.repeats or one.standing.says_nothing)]) < 2:
        most = min(repeating, key=lambda one: one.contribution.value)
        lost = most.standing.knock_out
        decision = Decision("leave", "redundant", most.name, {"modality": most.name, **lost.span()}, conditions=conditions)
        failures = _failures(lost, smallest)
        if "interval_open" in failures:  # the data say that it repeats others: seeds can only leave open what that costs
            failures = [failure for failure in failures if failure in ("few_users", "interval_open")]
        return _graded(decision, failures)
    best = measures.best_lift()
    if best is None:
        variant = "no_comparison" if balancers_of(measures.run.plan, measures.backbone) else "not_asked"
        return Decision("undetermined", variant, confidence_reason="not_measured", conditions=conditions)
    lift = best[1]
    if all(condition.holds for condition in conditions) and weak.held_back:
        values = {"modality": weak.name, "balancer": best[0], "smallest": smallest, **lift.span()}
        return _sure(Decision("rebalance", "confirmed", weak.name, values), lift, smallest, conditions, _untried(weak))
    if strongest.contribution.position(0.0, len(judgements)) != "above" and content.position(0.0) != "above":
        # Not even the strongest modality shows a contribution: whether to balance is not yet the question.
        values = content.span()
        return Decision(
            "undetermined", "open_skip_content", values=values, confidence_reason="interval_open", conditions=conditions
        )
    values = {
        "strongest": strongest.name,
        "contribution": strongest.contribution.value,
        "balancer": best[0],
        "smallest": smallest,
        **lift.span(),
    }
    if all(one.position(smallest) == "below" for one in measures.lifts().values()):
        variant = "harms" if lift.position(0.0) == "below" else "no_gain"
        return _sure(Decision("leave", variant, values=values), lift, smallest, conditions)
    if pays:  # measured, whatever the reason; but without one it may not carry over to another model, so never surely
        return _sure(Decision("rebalance", "unexplained", values=values), lift, smallest, conditions, ("condition_open",))
    headroom = measures.headroom()
    if headroom.position(smallest) == "below" and lift.position(0.0) != "above":
        room = headroom.span()
        values |= {"room": room["value"], "room_low": room["low"], "room_high": room["high"]}
        return _sure(Decision("leave", "no_room", values=values), headroom, smallest, conditions, also=("lift_open",))
    return Decision("undetermined", "open", values=values, confidence_reason="interval_open", conditions=conditions)


def _most_behind(judgements: tuple[Judgement, ...], strongest: Judgement) -> Judgement:
    """The informative modality that joint training leaves furthest behind; the strongest one only if there is no other.

    Where no model tells that, the one that contributes least.
    """
    others = [one for one in judgements if one is not strongest] or [strongest]

    def behind(one: Judgement) -> float:
        return one.standing.gap.value if one.standing.gap.measured else -one.contribution.value

    return max([one for one in others if one.standing.informative] or others, key=behind)


def _other_models(measures: Measures) -> tuple[str, ...]:
    """What is missing, or against it, before it may be said that content adds nothing: what the plan's other models find."""
    from models.backbones import HISTORY_ONLY

    others = dict.fromkeys(arm.backbone for arm in measures.run.plan.arms)
    asked = [replace(measures, backbone=name) for name in others if name != measures.backbone and name not in HISTORY_ONLY]
    gains = {one.backbone: (one.content_gain(), one.smallest_effect) for one in asked if one.seeds}
    if any(gain.position(smallest) == "above" for gain, smallest in gains.values()):
        return ("models_differ",)
    return () if gains else ("not_measured",)


def _untried(weak: Judgement) -> tuple[str, ...]:
    """Whether other explanations for a branch that lags were tried: a faster branch, a wider model, a firmer one."""
    return () if {"fast", "wide", "firm"} <= set(weak.standing.settled) else ("not_measured",)


def _data_fault(measures: Measures, judgements: tuple[Judgement, ...]) -> tuple[Judgement, Contrast, float] | None:
    """The modality whose data most deserve repair, with the comparison that says what a repair is worth.

    Missing values deserve it unless they would say nothing new: the modality is at its floor where it is there, or repeats others,
    or, where the data alone leave that open, trained models gain nothing from it on products that have it. A model that learnt
    from a gappy modality may well lose by it, so where the data say that it speaks, its gain so far is no reason against repair. A
    scale fault deserves repair always; a modality that says nothing only when another one does (else nobody's taste has to do with
    content).
    """
    found = []
    for one in judgements:
        cause, standing = one.data_cause, one.standing
        if cause is None:
            continue
        smallest = measures.smallest_effect
        if cause.code == "uninformative":
            if any(other.speaks for other in judgements):
                found.append((0.0, one, standing.gain_alone, smallest))
            continue
        deciding = standing.gain_alone
        if cause.code == "missing":
            judged = standing.complete.n_users >= threshold("min_test_users")
            deciding = standing.complete if judged else deciding
            useless = judged and standing.silent is None and deciding.position(smallest) == "below"
            if standing.silent is True or standing.repeats or useless:
                continue
        elif cause.code == "scale_mismatch" and "raw" in standing.settled:
            deciding = replace(standing.settled["raw"], differences=-standing.settled["raw"].differences)
        reached = 1 - standing.profile.coverage.items if cause.code == "missing" else 1.0
        found.append((reached * max(deciding.value, 0.0) + 1e-9, one, deciding, smallest))
    if not found:
        return None
    _, judgement, contrast, limit = max(found, key=lambda entry: entry[0])
    return judgement, contrast, limit


def _conditions(measures: Measures, weak: Judgement) -> tuple[Condition, ...]:
    """The four conditions for ``rebalance`` on the weak modality, each with what was measured and what was asked."""
    smallest = measures.smallest_effect
    headroom = measures.headroom()
    gap = weak.standing.gap
    rooms = sorted((one for one in (headroom, gap) if one.measured), key=lambda one: -one.value) or [gap]
    room = next((one for one in rooms if _exceeds_detectable(one)), rooms[0])
    best = measures.best_lift()

    def condition(code: str, contrast: Contrast | None, limit: float | None, holds: bool | None) -> Condition:
        if contrast is None or not contrast.measured:
            return Condition(code=code, value=None, threshold=limit, holds=None, modality=weak.name)
        value, low, high = contrast.span().values()
        return Condition(code=code, value=value, low=low, high=high, threshold=limit, holds=holds, modality=weak.name)

    clean = weak.data_cause is None
    return (
        condition(
            "room_to_improve" if room is headroom else "branch_lags",
            room,
            room.minimum_detectable_effect(),
            _exceeds_detectable(room),
        ),
        _own_part(weak) or condition("unique_part", weak.standing.knock_out, 0.0, weak.standing.unique),
        Condition(code="data_causes_excluded", value=0.0 if clean else 1.0, threshold=0.0, holds=clean, modality=weak.name),
        condition(
            "on_off_confirms",
            best[1] if best else None,
            smallest,
            None if best is None else _HOLDS[holm_positions(measures.lifts(), smallest)[best[0]]],
        ),
    )


def _exceeds_detectable(room: Contrast) -> bool:
    detectable = room.minimum_detectable_effect()
    return detectable is not None and room.value > detectable


def _own_part(weak: Judgement) -> Condition | None:
    """The condition that the weak modality knows something of its own, where the data tell so and trained models leave it open."""
    own = weak.standing.profile.own_share
    if own is None or not weak.standing.told_unique:
        return None
    limit = threshold("nothing_own")
    return Condition(
        code="unique_part_told",
        value=own.value,
        low=own.low,
        high=own.high,
        threshold=limit,
        holds=True,
        modality=weak.name,
        unit=own.unit,
    )


def _sure(
    decision: Decision, deciding: Contrast, limit: float, conditions: tuple[Condition, ...], also: tuple[str, ...] = ()
) -> Decision:
    """The same decision with its confidence by the rule, or ``undetermined`` where the sign itself is open."""
    failures = [*also, *_failures(deciding, limit)]
    graded = _graded(replace(decision, conditions=conditions), failures)
    if graded.confidence == "low" and "interval_open" in failures and decision.action != "fix_data":
        return replace(graded, action="undetermined", variant="open_" + decision.action, modality=None)
    return graded


def _failures(deciding: Contrast, limit: float) -> list[str]:
    """What keeps a comparison with a threshold from being sure."""
    is_open = deciding.position(limit) == "open"
    failed = {
        "few_users": deciding.n_users < threshold("min_test_users"),
        "interval_open": is_open,
        "seeds_disagree": not deciding.same_side_for_all_seeds(limit),
        "one_seed_decides": not is_open and not deciding.stays_without_any_seed(limit),
    }
    return [name for name, has_failed in failed.items() if has_failed]


def _graded(decision: Decision, failures: list[str]) -> Decision:
    """The decision with its confidence by the rule."""
    confidence: Confidence = "high" if not failures else "medium" if len(failures) == 1 else "low"
    return replace(decision, confidence=confidence, confidence_reason=failures[0] if failures else "settled")
