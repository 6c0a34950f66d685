"""Everything that was measured of one modality, gathered once, with where each comparison lies against what matters.

Positions are corrected over the modalities by Holm's method, each kind of question being one family.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from diagnostics.config import threshold
from diagnostics.probe.dynamics import branch_dynamics
from diagnostics.probe.settling import FAST
from diagnostics.schema import Estimate, ModalityProfile, Profile
from diagnostics.stats import Contrast, Position, estimate_mean, holm_positions
from diagnostics.verdict.measures import Measures

__all__ = ["Standing", "standings"]


@dataclass(frozen=True)
class Standing:
    """One modality's comparisons.

    ``adds``, ``own``, ``behind``: where ``gain_alone``, ``knock_out``, ``gap`` lie against the smallest effect that matters;
    ``own_any``: the second against nothing. ``signal``, ``kinship``: gain before training, and likeness of joint purchases, from
    which on it says something; ``irrelevant``: of no modality of the shop is that so, and each is shown to add nothing.
    ``settled``: settling test -> its change of the joint model's recall; ``hurried``: of this modality's branch. ``lift``: what the
    best balancer changed. ``foretold``: of its vectors, the share that the other modality that knows most of them foretells (A7).
    """

    profile: ModalityProfile
    smallest: float
    others: int
    leads: bool
    balancing_helps: bool
    gain_alone: Contrast
    knock_out: Contrast
    gap: Contrast
    contribution: Contrast
    method: str
    complete: Contrast
    adds: Position
    own: Position
    own_any: Position
    behind: Position
    signal: float
    kinship: float
    irrelevant: bool
    replaced: Contrast | None = None
    interaction: Contrast | None = None
    lift: Contrast | None = None
    settled: Mapping[str, Contrast] = field(default_factory=dict)
    hurried: Position = "open"
    foretold: Estimate | None = None
    dynamics: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def overlaps(self) -> bool:
        """Whether its content goes with another modality's: its values stand where they belong."""
        return self._is_foretold(threshold("overlap"))

    @property
    def is_copy(self) -> bool:
        """Whether its vectors are another modality's over again. A model that sees the same twice may well be the better for it."""
        return self._is_foretold(threshold("copy"))

    @property
    def lies_apart(self) -> bool:
        """Whether its content surely does not go with any other modality's."""
        return self.foretold is not None and self.foretold.high is not None and self.foretold.high < threshold("overlap")

    def _is_foretold(self, least: float) -> bool:
        return self.foretold is not None and self.foretold.low is not None and self.foretold.low > least

    @property
    def has_own(self) -> bool | None:
        """Whether, before any training, it tells something of purchases that the other modalities do not (A8)."""
        own = self.profile.own_share
        if own is None or own.low is None or own.high is None:
            return None
        least = threshold("nothing_own")
        return False if own.high < least else True if own.low > least else None

    @property
    def stands_apart(self) -> bool:
        """Whether it surely tells neither what other modalities tell (A7) nor anything else (A8)."""
        return self.lies_apart and self.has_own is False

    @property
    def silent(self) -> bool | None:
        """Whether it is near its permuted floor before any training (A5, A6): True, False, or None if it cannot be said.

        False needs a gain whose interval is above nothing. True one that may be nothing and is too small to count, or a likeness of
        joint purchases of which that is so; or, of a modality that stands apart, a gain that is likelier too small to count.
        """
        lift = self.profile.standalone.lift
        if lift is None or lift.low is None or lift.high is None:
            return None
        if self.stands_apart and lift.value is not None and lift.value < self.signal:
            return True
        if lift.low > 0:
            return False
        if lift.high < self.signal:
            return True
        alike = self.profile.homophily.lift if self.profile.homophily is not None else None
        if alike is None or alike.low is None or alike.high is None:
            return None
        return True if alike.low <= 0 and alike.high < self.kinship else None

    @property
    def repeats(self) -> bool:
        """Whether what it says is a part of what others say. Retrained models can only contradict: they know too little.

        They do not contradict that a copy is one, of something that speaks. Where the data alone could not tell, trained models
        have to: good alone, and shown not to be missed. Where no modality says anything, there is nothing to repeat.
        """
        if self.irrelevant:
            return False
        if self.is_copy and self.has_own is not True:
            return self.silent is not True
        if self.has_own is False:
            return self.overlaps and self.unique is not True
        return self.has_own is None and self.adds == "above" and self.unique is False and self.others > 0

    @property
    def is_missed(self) -> bool:
        """Whether the joint model, or history alone, is shown to be better for it. No correction: it would make accusing easier."""
        return "above" in (self.gain_alone.position(0.0), self.knock_out.position(0.0))

    @property
    def says_nothing(self) -> bool:
        """Neither alone before training, nor added to purchase history, nor missed by the others; and it is no copy of them."""
        return (self.silent is True or self.irrelevant) and not self.is_missed and not self.repeats

    @property
    def informative(self) -> bool | None:
        return True if self.adds == "above" else False if self.says_nothing else None

    @property
    def unique(self) -> bool | None:
        """Whether it knows something that the other modalities do not."""
        if self.own == "open" and self.own_any == "above":
            return True
        return {"above": True, "below": False, "open": None}[self.own]

    @property
    def told_unique(self) -> bool:
        """Whether the data alone tell that it knows something of its own, where trained models leave that open (A8).

        Little is lost with what the joint model has hardly learnt: a knock-out understates what is held back.
        """
        return self.unique is None and self.has_own is True


def standings(measures: Measures, profile: Profile) -> tuple[Standing, ...]:
    """Every modality's standing."""
    profiles = {one.name: one for one in profile.modalities}
    names, smallest = measures.modalities, measures.smallest_effect
    several = len(names) > 1
    helps = several and "above" in holm_positions(measures.lifts(), smallest).values()
    best = measures.best_lift() if several else None
    contributions = {name: measures.contribution(name)[1] for name in names}
    leader = max(names, key=lambda name: contributions[name].value)
    ahead = {
        other: measures.contrast(contributions[leader].differences - contributions[other].differences)
        for other in names
        if other != leader
    }
    leads = all(position == "above" for position in holm_positions(ahead, 0.0).values())
    alone = [one.standalone.lift.value or 0.0 for one in profiles.values() if one.standalone.lift]
    small = threshold("standalone_negligible")
    signal = small * max([*alone, profile.popularity])
    alike = [one.homophily.lift for one in profiles.values() if one.homophily is not None]
    kinship = small * max((lift.value or 0.0 for lift in alike if lift is not None), default=0.0)
    gains = {name: measures.gain_alone(name) for name in names}
    knock_outs = {name: measures.knock_out(name) for name in names}
    gaps = {name: measures.gap(name) for name in names}
    adds = holm_positions(gains, smallest)
    known = all(one.standalone.lift is not None for one in profiles.values() if one.coverage.items)  # not of twenty products
    nothing = known and max(alone, default=0.0) < small * profile.popularity
    irrelevant = nothing and all(position == "below" for position in adds.values())
    own, own_any = holm_positions(knock_outs, smallest), holm_positions(knock_outs, 0.0)
    behind = holm_positions(gaps, smallest)
    fast = {name: found for name in names if (found := measures.settled(f"{FAST}{name}")) is not None}
    hurried = holm_positions(fast, smallest)
    general = {one: found for one in ("wide", "firm", "filled", "raw") if (found := measures.settled(one)) is not None}
    joint = measures.arm(names)
    made = []
    for name in names:
        pairs = [found for other in names if other != name and (found := measures.interaction(name, other)) is not None]
        made.append(
            Standing(
                profile=profiles[name],
                smallest=smallest,
                others=len(names) - 1,
                leads=leads and name == leader,
                balancing_helps=helps,
                gain_alone=gains[name],
                knock_out=knock_outs[name],
                gap=gaps[name],
                contribution=contributions[name],
                method=measures.contribution_method,
                complete=measures.gain_on_complete(profiles[name]),
                adds=adds[name],
                own=own[name],
                own_any=own_any[name],
                behind=behind[name],
                signal=signal * profiles[name].coverage.interactions,  # of products that lack it, it can find none
                kinship=kinship,
                irrelevant=irrelevant,
                replaced=measures.replacement(name, "permuted"),
                interaction=min(pairs, key=lambda one: one.value, default=None),
                lift=None if best is None else best[1],
                settled=general | ({"fast": fast[name]} if name in fast else {}),
                hurried=hurried.get(name, "open"),
                foretold=_foretold(profile, name),
                dynamics={
                    measure: _over_seeds(values, UNITS.get(measure, "share"))
                    for measure, values in branch_dynamics(measures.run, joint, name).items()
                },
            )
        )
    return tuple(made)


UNITS = {
    "half_life": "epochs",
    "speed_ratio": "ratio",
    "margin_ratio": "ratio",
    "conflict": "cosine",
    "reliance": "difference",
    "overfitting_ratio": "ratio",
    "branch_gap": "score",
}
"""The unit of each measure of a branch's course; of others it is a share."""


def _over_seeds(values: Sequence[float], unit: str) -> Estimate:
    """Of one value for each seed, the mean and its interval; ``n`` is the number of seeds."""
    return estimate_mean([[value] for value in values], unit=unit).model_copy(update={"n": len(values)})


def _foretold(profile: Profile, name: str) -> Estimate | None:
    """How much of a modality's vectors the other one foretells that foretells most; None where no pair was measured."""
    found = [
        pair.second_from_first if pair.modalities[1] == name else pair.first_from_second
        for pair in profile.redundancy
        if name in pair.modalities
    ]
    return max(found, key=lambda one: one.value or 0.0, default=None)
