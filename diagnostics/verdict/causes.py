"""From measures to a status and to causes, one modality at a time (METHOD section 6).

A cause is named only by its signature: every condition of it holds with its interval, at a level corrected for the number of
modalities looked at. What would be needed to settle it further stands in ``not_checked``.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.config import threshold
from diagnostics.schema import Cause, Confidence, Evidence, ModalityProfile, Status
from diagnostics.stats import Contrast, Position
from diagnostics.verdict.measures import Measures

__all__ = ["Judgement", "judge_modality"]


@dataclass(frozen=True)
class Judgement:
    """What was concluded of one modality, with the comparisons it rests on.

    ``adds``: where ``gain_alone`` lies against the smallest effect that matters. ``speaks``: whether it predicts choices on its
    own, before training, above its permuted floor.
    """

    profile: ModalityProfile
    status: Status
    causes: tuple[Cause, ...]
    gain_alone: Contrast
    knock_out: Contrast
    gap: Contrast
    contribution: Contrast
    contribution_method: str
    adds: Position
    speaks: bool
    leads: bool
    informative: bool | None
    unique: bool | None

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def data_cause(self) -> Cause | None:
        """The first cause that lies in the data and not in the training."""
        return next((cause for cause in self.causes if cause.code in ("missing", "uninformative", "scale_mismatch")), None)


def judge_modality(
    measures: Measures, profile: ModalityProfile, *, yardstick: float, leads: bool, balancing_helps: bool
) -> Judgement:
    """Status and causes of one modality.

    Parameters
    ----------
    profile : of the modality
    yardstick : recall that counts as a signal: the best stand-alone gain or popularity's recall, whichever is larger
    leads : whether its contribution is above every other modality's, intervals considered
    balancing_helps : whether some balanced training beat the plain one by more than the smallest effect, interval considered
    """
    name, n = profile.name, len(measures.modalities)
    smallest = measures.smallest_effect
    gain, knock_out, gap = measures.gain_alone(name), measures.knock_out(name), measures.gap(name)
    method, contribution = measures.contribution(name)

    silent = _silent_alone(profile, yardstick)
    gain_position = gain.position(smallest, n)
    says_nothing = silent is True and gain.position(0.0, n) != "above"
    informative = True if gain_position == "above" else False if says_nothing else None
    unique = {"above": True, "below": False, "open": None}[knock_out.position(smallest, n)]
    if unique is None and knock_out.position(0.0, n) == "above":
        unique = True

    causes: list[Cause] = []
    coverage = profile.coverage
    if coverage.items < threshold("incomplete_coverage") and coverage.interactions < threshold("incomplete_interactions"):
        causes.append(_missing(measures, profile))
    ratio, limit = profile.health.norm_ratio if profile.health else None, threshold("norm_ratio_extreme")
    if ratio is not None and not 1 / limit <= ratio <= limit:
        evidence = Evidence(measure="norm_ratio", value=ratio, threshold=limit, unit="ratio")
        causes.append(Cause(code="scale_mismatch", confidence="medium", evidence=(evidence,)))
    if says_nothing:
        evidence_list = (_evidence("gain_alone", gain, smallest), _standalone(profile))
        causes.append(Cause(code="uninformative", confidence=_confidence(gain, smallest), evidence=evidence_list))
    elif gain_position == "below" and silent is False:
        evidence_list = (_standalone(profile), _evidence("gain_alone", gain, smallest))
        causes.append(Cause(code="unused", confidence=_confidence(gain, smallest), evidence=evidence_list))
    elif gain_position == "above" and unique is False and n > 1:
        evidence_list = (_evidence("gain_alone", gain, smallest), _evidence("knock_out", knock_out, smallest))
        causes.append(Cause(code="redundant", confidence=_confidence(knock_out, smallest), evidence=evidence_list))
    behind = gap.position(smallest, n) == "above" and n > 1 and not leads
    if balancing_helps and behind and unique and informative:
        evidence_list = (_evidence("gap", gap, smallest), _evidence("knock_out", knock_out, smallest))
        causes.append(Cause(code="suppressed", confidence="medium", evidence=evidence_list))

    codes = [cause.code for cause in causes]
    status: Status
    if "missing" in codes:
        status = "incomplete"
    elif named := [code for code in codes if code in ("uninformative", "unused", "redundant", "suppressed")]:
        status = named[0]
    elif leads and n > 1:
        status = "dominant"
    elif unique or (informative and contribution.position(0.0, n) == "above"):
        status = "healthy"
    else:
        status = "undetermined"
    return Judgement(
        profile,
        status,
        tuple(causes),
        gain,
        knock_out,
        gap,
        contribution,
        method,
        gain_position,
        silent is False,
        leads,
        informative,
        unique,
    )


def _missing(measures: Measures, profile: ModalityProfile) -> Cause:
    """Missing: many items lack it, or only seem to have it. Surer where it demonstrably helps on the items that have it."""
    complete = measures.gain_on_complete(profile)
    evidence = [
        Evidence(measure="coverage_items", value=profile.coverage.items, threshold=threshold("incomplete_coverage")),
        Evidence(measure="disguised_share", value=profile.coverage.disguised, threshold=threshold("disguised_share")),
    ]
    helps = False
    if complete.n_users >= threshold("min_test_users"):
        helps = complete.position(measures.smallest_effect) == "above"
        evidence.append(_evidence("gain_on_complete", complete, measures.smallest_effect, supports=helps))
    return Cause(code="missing", confidence="high" if helps else "medium", evidence=tuple(evidence))


def _silent_alone(profile: ModalityProfile, yardstick: float) -> bool | None:
    """Whether recommending by the modality alone is at its permuted floor (A5): True, False, or None if it cannot be said.

    True needs an interval around nothing whose upper end is small against the yardstick; False an interval above nothing.
    """
    lift = profile.standalone.lift
    if lift is None or lift.low is None or lift.high is None:
        return None
    if lift.low > 0:
        return False
    return True if lift.high < threshold("standalone_negligible") * yardstick else None


def _confidence(contrast: Contrast, limit: float) -> Confidence:
    failed = [
        contrast.same_side_for_all_seeds(limit),
        contrast.stays_without_any_seed(limit),
        contrast.n_users >= threshold("min_test_users"),
    ].count(False)
    return "high" if failed == 0 else "medium" if failed == 1 else "low"


def _evidence(measure: str, contrast: Contrast, limit: float, *, supports: bool = True) -> Evidence:
    return Evidence(measure=measure, **contrast.span(), threshold=limit, supports=supports, unit="difference")


def _standalone(profile: ModalityProfile) -> Evidence:
    own = profile.standalone.lift or profile.standalone.recall_at_20
    return Evidence(measure="standalone_lift", value=own.value, low=own.low, high=own.high, threshold=0.0, unit="difference")
