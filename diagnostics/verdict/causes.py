"""From measures to a status and to causes, one modality at a time (METHOD section 6).

Every hypothesis is heard: what speaks for it and what against it. It is named as a cause only by its signature: every condition of
it holds with its interval, at a level corrected for the number of modalities looked at. The others that something speaks for are
told as considered. The likelihood is Laplace's rule of succession over the evidence, clear evidence counting twice [own]: it orders
hypotheses and is no probability that could be checked against frequencies. A fault of the data comes before what it leads to, and
what balancing is shown to mend before what else would help: the cause that the verdict acts on is the first one named.
"""

from __future__ import annotations

from dataclasses import dataclass

from diagnostics.config import threshold
from diagnostics.schema import Cause, CauseCode, Confidence, Estimate, Evidence, Status
from diagnostics.stats import Contrast, Position
from diagnostics.verdict.standing import Standing

__all__ = ["DATA_CAUSES", "Judgement", "judge"]

DATA_CAUSES: tuple[CauseCode, ...] = ("missing", "scale_mismatch", "uninformative")
"""Faults of the data and not of the training, in the order in which they explain one another."""

_ACTED_ON: tuple[CauseCode, ...] = (*DATA_CAUSES, "redundant", "suppressed")
"""What a verdict acts on comes before other causes: faults of the data before what they lead to in training."""


@dataclass(frozen=True)
class Judgement:
    """What was concluded of one modality.

    ``causes`` are named, the one that a verdict acts on first; ``considered`` are not, the most likely first.
    """

    standing: Standing
    status: Status
    causes: tuple[Cause, ...]
    considered: tuple[Cause, ...]

    @property
    def name(self) -> str:
        return self.standing.name

    @property
    def contribution(self) -> Contrast:
        return self.standing.contribution

    @property
    def speaks(self) -> bool:
        """Whether it predicts choices on its own, before training, above its permuted floor, and may add to purchase history."""
        return self.standing.silent is False and self.standing.adds != "below"

    @property
    def held_back(self) -> bool:
        """Whether joint training is named as what holds it back."""
        return any(cause.code == "suppressed" for cause in self.causes)

    @property
    def data_cause(self) -> Cause | None:
        """The first cause that lies in the data and not in the training. What says nothing where it is need not be completed."""
        faults = {cause.code: cause for cause in self.causes if cause.code in DATA_CAUSES}
        if "uninformative" in faults:
            faults.pop("missing", None)
        return next(iter(faults.values()), None)


def judge(one: Standing) -> Judgement:
    """Status and causes of one modality."""
    heard = [hear(one) for hear in (_missing, _scale, _uninformative, _unused, _redundant, _suppressed, _slow, _overfitting)]
    named = sorted((cause for cause, is_named in heard if is_named), key=_order)
    considered = [cause for cause, is_named in heard if not is_named and any(entry.supports for entry in cause.evidence)]
    considered.sort(key=lambda cause: -cause.likelihood)
    return Judgement(one, _status(one, [cause.code for cause in named]), tuple(named), tuple(considered))


def _order(cause: Cause) -> tuple[int, float]:
    return (_ACTED_ON.index(cause.code) if cause.code in _ACTED_ON else len(_ACTED_ON), -cause.likelihood)


def _status(one: Standing, codes: list[CauseCode]) -> Status:
    if "missing" in codes:
        return "incomplete"
    for code in ("uninformative", "redundant", "unused", "suppressed"):
        if code in codes:
            return code
    if one.leads and one.others:
        return "dominant"
    if one.unique or (one.informative and one.contribution.position(0.0) == "above"):
        return "healthy"
    return "undetermined"


# ---------------------------------------------------------------- the hypotheses


def _missing(one: Standing) -> tuple[Cause, bool]:
    """Many items lack it, or only seem to have it. Surer where it demonstrably helps on the items that have it."""
    coverage = one.profile.coverage
    lacking = coverage.items < threshold("incomplete_coverage")
    reaches = coverage.interactions < threshold("incomplete_interactions")
    evidence = [
        Evidence(
            measure="coverage_items", value=coverage.items, threshold=threshold("incomplete_coverage"), supports=lacking and reaches
        )
    ]
    stands_in = coverage.disguised >= threshold("disguised_share")
    if coverage.disguised > 0:
        evidence.append(
            Evidence(
                measure="disguised_share", value=coverage.disguised, threshold=threshold("disguised_share"), supports=stands_in
            )
        )
    helps = False
    if one.complete.n_users >= threshold("min_test_users"):
        position = one.complete.position(one.smallest)
        helps = position == "above"
        if position == "below" or (helps and lacking):  # helping where it is there speaks for a gap only if there is one
            evidence.append(_compared("gain_on_complete", one.complete, one.smallest, helps))
    if lacking:
        evidence += _settling(one, "filled")
    return _cause("missing", "high" if helps else "medium", evidence), lacking and reaches


def _scale(one: Standing) -> tuple[Cause, bool]:
    """Vectors of another order of magnitude; surer where a model that takes them as they are was trained, and lost."""
    ratio, limit = one.profile.health.norm_ratio if one.profile.health else None, threshold("norm_ratio_extreme")
    if ratio is None:
        return _cause("scale_mismatch", "low", []), False
    extreme = not 1 / limit <= ratio <= limit
    evidence = [Evidence(measure="norm_ratio", value=ratio, threshold=limit, unit="ratio", supports=extreme)]
    raw = one.settled.get("raw") if extreme else None
    loses = raw is not None and raw.position(-one.smallest) == "below"
    if raw is not None and raw.position(-one.smallest) != "open":
        evidence.append(_compared("settled_raw", raw, -one.smallest, loses))
    return _cause("scale_mismatch", "high" if loses else "medium", evidence), extreme


def _uninformative(one: Standing) -> tuple[Cause, bool]:
    lift = one.profile.standalone.lift
    at_floor = one.silent is True and lift is not None and lift.low is not None and lift.low <= 0
    evidence = []
    if one.gain_alone.position(0.0) == "above":
        evidence.append(_compared("gain_alone", one.gain_alone, 0.0, False))
    elif one.adds == "below":
        evidence.append(_compared("gain_alone", one.gain_alone, one.smallest, True))
    if one.silent is not None:
        evidence.append(_standalone(one, at_floor))
    alike = one.profile.homophily.lift if one.profile.homophily else None
    if alike is not None and alike.low is not None and alike.low > 0:
        evidence.append(_estimated("homophily", alike, 0.0, False))
    elif alike is not None and alike.high is not None and alike.high < one.kinship:
        evidence.append(_estimated("homophily", alike, one.kinship, True))
    own, foretold = one.profile.own_share, one.foretold
    if one.stands_apart and own is not None and foretold is not None:
        evidence.append(_estimated("own_share", own, threshold("nothing_own"), True))
        evidence.append(_estimated("foretold", foretold, threshold("overlap"), True))
    if one.unique is not None or one.knock_out.position(0.0) == "above":
        evidence.append(_compared("knock_out", one.knock_out, 0.0, one.knock_out.position(0.0) != "above"))
    if one.replaced is not None and one.replaced.position(0.0) == "above":
        evidence.append(_compared("replaced", one.replaced, 0.0, False))
    elif one.replaced is not None and one.replaced.position(one.smallest) == "below":
        evidence.append(_compared("replaced", one.replaced, one.smallest, True))
    return _cause("uninformative", _confidence(one.gain_alone, one.smallest), evidence), one.says_nothing


def _unused(one: Standing) -> tuple[Cause, bool]:
    named = one.adds == "below" and one.silent is False and not one.irrelevant
    evidence = []
    if one.adds != "open":
        evidence.append(_compared("gain_alone", one.gain_alone, one.smallest, one.adds == "below"))
    if one.silent is True or (one.silent is False and one.adds != "above"):  # what adds to the model is not left unused
        evidence.append(_standalone(one, one.silent is False))
    return _cause("unused", _confidence(one.gain_alone, one.smallest), evidence), named


def _redundant(one: Standing) -> tuple[Cause, bool]:
    """What it tells of purchases, others tell too. The data say so; retrained models contradict, or say it where data cannot."""
    evidence = []
    own = one.profile.own_share
    if own is not None and own.value is not None and one.has_own is not None:
        evidence.append(_estimated("own_share", own, threshold("nothing_own"), one.has_own is False))
    if one.foretold is not None and (one.overlaps or one.lies_apart):
        evidence.append(_estimated("foretold", one.foretold, threshold("overlap"), one.overlaps))
    if one.adds == "above":
        evidence.append(_compared("gain_alone", one.gain_alone, one.smallest, True))
    if one.own != "open":
        evidence.append(_compared("knock_out", one.knock_out, one.smallest, one.own == "below"))
    elif one.unique:
        evidence.append(_compared("knock_out", one.knock_out, 0.0, False))
    if one.interaction is not None and one.interaction.position(0.0) != "open":
        evidence.append(_compared("interaction", one.interaction, 0.0, one.interaction.position(0.0) == "below"))
    if not one.repeats and not (one.others and one.adds == "above" and one.has_own is not True):
        evidence = [entry for entry in evidence if not entry.supports]
    confidence: Confidence = "high" if one.own == "below" else "medium"
    return _cause("redundant", confidence if one.repeats else "low", evidence), one.repeats


def _suppressed(one: Standing) -> tuple[Cause, bool]:
    """Could learn more: it does alone, it knows something of its own, and balancing helps. Settling tests speak for others."""
    behind = one.behind == "above" and one.others > 0 and not one.leads
    evidence = []
    if one.gap.measured and one.behind != "open":
        evidence.append(_compared("gap", one.gap, one.smallest, one.behind == "above"))
    if one.unique is not None:
        evidence.append(_compared("knock_out", one.knock_out, 0.0 if one.own == "open" else one.smallest, one.unique))
    if one.told_unique and one.profile.own_share is not None:
        evidence.append(_estimated("own_share", one.profile.own_share, threshold("nothing_own"), True))
    if one.lift is not None and (one.balancing_helps or one.lift.position(one.smallest) == "below"):
        evidence.append(_compared("lift", one.lift, one.smallest, one.balancing_helps))
    evidence += _course(one, "gradient_share", 1 / (1 + one.others) if one.others else 1.0, below=True)
    evidence += _course(one, "margin_ratio", 1.0, below=True)
    evidence += _course(one, "speed_ratio", threshold("slow_ratio"), below=False)
    evidence += _course(one, "conflict", 0.0, below=True)
    for variant in ("fast", "wide", "firm"):
        evidence += [entry.model_copy(update={"supports": not entry.supports}) for entry in _settling(one, variant)]
    tried = {"fast", "wide", "firm"} <= set(one.settled)
    explained = any(
        one.settled[variant].position(one.smallest) == "above" for variant in ("wide", "firm") if variant in one.settled
    )
    named = bool(one.balancing_helps and behind and (one.unique or one.told_unique) and one.informative)
    confidence: Confidence = "high" if tried and not explained and one.hurried != "above" else "medium"
    return _cause("suppressed", confidence, evidence if behind else [entry for entry in evidence if not entry.supports]), named


def _slow(one: Standing) -> tuple[Cause, bool]:
    """Named only where hurrying its branch alone was tried and made the joint model better."""
    evidence = _settling(one, "fast", one.hurried)
    evidence += _course(one, "speed_ratio", threshold("slow_ratio"), below=False)
    if one.adds != "open":
        evidence.append(_compared("gain_alone", one.gain_alone, one.smallest, one.adds == "above"))
    named = one.hurried == "above" and one.adds == "above" and not one.leads and one.others > 0
    if one.adds != "above" or not any(entry.supports for entry in evidence if entry.measure != "gain_alone"):
        evidence = [entry for entry in evidence if not entry.supports]
    return _cause("slow", _confidence(one.settled["fast"], one.smallest) if "fast" in one.settled else "low", evidence), named


def _overfitting(one: Standing) -> tuple[Cause, bool]:
    """Named only where holding back what is learnt by heart was tried and made the joint model better."""
    evidence = _course(one, "overfitting_ratio", threshold("overfitting_ratio"), below=False)
    evidence += _course(one, "unlearnt", threshold("unlearnt"), below=False)
    by_heart = any(entry.supports for entry in evidence)
    settled = _settling(one, "firm")
    named = by_heart and any(entry.supports for entry in settled)
    if not by_heart:  # a firmer model may be better for other reasons
        settled = [entry for entry in settled if not entry.supports]
    return _cause("overfitting", "medium", [*evidence, *settled]), named


# ---------------------------------------------------------------- evidence


def _cause(code: CauseCode, confidence: Confidence, evidence: list[Evidence]) -> Cause:
    weights = [(2 if _is_clear(entry) else 1, entry.supports) for entry in evidence]
    speaks = sum(weight for weight, supports in weights if supports)
    against = sum(weight for weight, supports in weights if not supports)
    ordered = sorted(evidence, key=lambda entry: not entry.supports)
    return Cause(
        code=code, confidence=confidence, evidence=tuple(ordered), likelihood=round((1 + speaks) / (2 + speaks + against), 3)
    )


def _is_clear(entry: Evidence) -> bool:
    """Whether the threshold lies outside the interval; a count, which has none, is clear."""
    if entry.low is None or entry.high is None or entry.threshold is None:
        return True
    return not entry.low <= entry.threshold <= entry.high


def _settling(one: Standing, variant: str, position: Position | None = None) -> list[Evidence]:
    """A settling test's change of the joint model: for the cause it tries where it gains what matters, else against it."""
    found = one.settled.get(variant)
    if found is None:
        return []
    position = position or found.position(one.smallest)
    return [] if position == "open" else [_compared(f"settled_{variant}", found, one.smallest, position == "above")]


def _course(one: Standing, measure: str, limit: float, *, below: bool) -> list[Evidence]:
    """What the branch's course says, where its interval over seeds is clear of the limit."""
    found = one.dynamics.get(measure)
    if found is None or found.value is None or found.low is None or found.high is None or found.low <= limit <= found.high:
        return []
    if found.n < 2:  # of one seed nobody knows what another would have done
        return []
    return [_estimated(measure, found, limit, (found.high < limit) if below else (found.low > limit))]


def _confidence(contrast: Contrast, limit: float) -> Confidence:
    failed = [
        contrast.same_side_for_all_seeds(limit),
        contrast.stays_without_any_seed(limit),
        contrast.n_users >= threshold("min_test_users"),
    ].count(False)
    return "high" if failed == 0 else "medium" if failed == 1 else "low"


def _compared(measure: str, contrast: Contrast, limit: float, supports: bool) -> Evidence:
    return Evidence(measure=measure, **contrast.span(), threshold=limit, supports=supports, unit="difference")


def _estimated(measure: str, found: Estimate, limit: float, supports: bool) -> Evidence:
    return Evidence(
        measure=measure, value=found.value, low=found.low, high=found.high, threshold=limit, supports=supports, unit=found.unit
    )


def _standalone(one: Standing, supports: bool) -> Evidence:
    own = one.profile.standalone.lift or one.profile.standalone.recall_at_20
    return _estimated("standalone_lift", own.model_copy(update={"unit": "difference"}), 0.0, supports)
