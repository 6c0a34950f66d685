"""How often the verdict was right, each share with its exact interval."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar, get_args

from diagnostics.schema import CauseCode, Estimate, Record
from diagnostics.stats.shares import estimate_share
from diagnostics.validation.judging import CRASHED, Judged

__all__ = ["Figures", "Miss", "figures"]

_T = TypeVar("_T")
_CLEAR = ("medium", "large")
_MODALITY_NAMED = ("missing", "uninformative", "redundant", "scale_mismatch", "suppressed")


class Miss(Record):
    """A world of which something wrong was said."""

    world: str
    expected: str
    said: str
    causes: dict[str, list[str]]


class Figures(Record):
    """``validation.json``. A share without a value was not tried.

    Attributes
    ----------
    causes : what was planted (varieties of ``missing`` apart, "none" for nothing), or ``suppressed`` as twenty seeds show -> cause
        named first for that modality, or for any of a sound world -> worlds, all strengths
    actions : the same for the action
    cause_named, action_named, modality_named : of the worlds with a defect, or a suppression, of medium or large strength, those of
        which the cause was named first; the cause and the action; the modality. One that ended in an error names nothing: wrong
    false_alarms : sound worlds of which ``fix_data`` was said, or ``rebalance`` though twenty seeds show no gain
    heard : cause -> share of the modalities of sound worlds of which it was named or considered
    power : planted -> strength -> share whose cause was named first
    rebalance_confirmed : of the worlds of which ``rebalance`` was said, those where twenty seeds show a gain by the same method
    gain_found : of the worlds where twenty seeds show a gain that matters, those of which ``rebalance`` was said; worlds that have
        a long run for no other reason than that it was said do not count
    held_back : tiny worlds of which nothing, or nothing firm, was said
    flips : high-confidence verdicts whose action another seed less would change
    quick_as_long : of the worlds judged again by twenty seeds, whatever was said before, those with the same action
    never_contrary : the same among worlds where neither answer is ``undetermined``
    coverage : estimator -> share of draws whose 95 % interval held the truth
    real_causes, real_cause_named : the same as ``causes`` and ``cause_named``, of real shops with a planted defect
    n_asked, n_judged : worlds, and those of them that were judged; our code failed on the others, which name nothing
    seconds : per world and step, mean
    """

    set: str
    preset: str
    slow_training: bool
    n_asked: int
    n_judged: int
    causes: dict[str, dict[str, int]]
    actions: dict[str, dict[str, int]]
    cause_named: Estimate
    action_named: Estimate
    modality_named: Estimate
    false_alarms: Estimate
    heard: dict[str, Estimate]
    power: dict[str, dict[str, Estimate]]
    rebalance_confirmed: Estimate
    gain_found: Estimate
    held_back: Estimate
    flips: Estimate
    quick_as_long: Estimate
    never_contrary: Estimate
    coverage: dict[str, Estimate]
    real_causes: dict[str, dict[str, int]]
    real_cause_named: Estimate
    seconds: dict[str, float]
    misses: list[Miss]


def figures(said: Sequence[Judged], *, which: str, preset: str, n_asked: int, slow_training: bool = False) -> Figures:
    """Sum up what was said of worlds."""
    tiny = [one for one in said if one.world.size == "tiny"]
    real = [one for one in said if one.world.size == "real"]
    judged = [one for one in said if one.world.size not in ("tiny", "real")]
    planted = [one for one in judged if one.kind != "none"]
    sound = [one for one in judged if one.kind == "none"]
    clear = [one for one in planted if one.strength in _CLEAR]
    long = [(one, one.long) for one in judged if one.long is not None]
    anyway = [(one, other) for one, other in long if one.long_anyway]
    told = [(one, other) for one, other in anyway if "undetermined" not in (one.action, other.action)]
    gained = [one for one, other in anyway if other.gain() == 2]
    advised = [(one, other) for one, other in long if one.action == "rebalance"]
    firm = [one for one in judged if one.confidence == "high" and one.without_seed]
    return Figures(
        set=which,
        preset=preset,
        slow_training=slow_training,
        n_asked=n_asked,
        n_judged=sum(one.error != CRASHED for one in said),
        causes=_table(judged, first_cause),
        actions=_table(judged, lambda one: one.action),
        cause_named=_share(clear, cause_is_right),
        action_named=_share(clear, lambda one: cause_is_right(one) and one.action == one.expected[1]),
        modality_named=_share([one for one in clear if one.expected[0] in _MODALITY_NAMED and one.weak], _blamed),
        false_alarms=_share(sound, _is_alarm),
        heard=_heard(sound),
        power=_power(planted),
        rebalance_confirmed=_share(advised, lambda pair: pair[1].gain(pair[0].method) > 0),
        gain_found=_share(gained, lambda one: one.action == "rebalance"),
        held_back=_share(tiny, _holds_back),
        flips=_share(firm, lambda one: any(action != one.action for action in one.without_seed)),
        quick_as_long=_share(anyway, lambda pair: pair[0].action == pair[1].action),
        never_contrary=_share(told, lambda pair: pair[0].action == pair[1].action),
        coverage=_coverage(judged),
        real_causes=_table(real, first_cause),
        real_cause_named=_share([one for one in real if one.world.kind != "none"], cause_is_right),
        seconds=_seconds(judged),
        misses=[_miss(one) for one in (*judged, *real) if not _is_right(one)],
    )


def first_cause(one: Judged) -> str:
    """The cause named first for what was planted; where no modality was singled out, of all modalities, joined."""
    if one.weak is not None:
        return one.first_cause(one.weak) or "nothing"
    return "+".join(sorted({one.first_cause(name) or "nothing" for name in one.causes}))


def cause_is_right(one: Judged) -> bool:
    """Whether the planted cause was named first: for its modality, or for every modality where it is the whole shop's."""
    return first_cause(one) == one.expected[0]


def _blamed(one: Judged) -> bool:
    return one.named == one.weak


def _is_alarm(one: Judged) -> bool:
    return one.action == "fix_data" or (one.action == "rebalance" and (one.long is None or one.long.gain(one.method) == 0))


def _holds_back(one: Judged) -> bool:
    """Whether nothing, or nothing firm, was said. Data that cannot be used are refused; a fault of ours is no refusal."""
    return one.error != CRASHED and (one.error is not None or one.action == "undetermined" or one.confidence == "low")


def _is_right(one: Judged) -> bool:
    if one.kind == "none":
        return one.error is None and not _is_alarm(one)
    return cause_is_right(one) or one.strength not in _CLEAR


def _share(items: Sequence[_T], holds: Callable[[_T], bool]) -> Estimate:
    return estimate_share(sum(map(bool, map(holds, items))), len(items))


def _table(items: Iterable[Judged], column: Callable[[Judged], str]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for one in items:
        found[one.kind][column(one)] += 1
    return {kind: dict(counts.most_common()) for kind, counts in sorted(found.items())}


def _heard(sound: Sequence[Judged]) -> dict[str, Estimate]:
    told = [{*causes, *one.considered.get(name, [])} for one in sound for name, causes in one.causes.items()]
    return {cause: estimate_share(sum(cause in codes for codes in told), len(told)) for cause in get_args(CauseCode)}


def _power(planted: Iterable[Judged]) -> dict[str, dict[str, Estimate]]:
    found: dict[str, dict[str, list[Judged]]] = defaultdict(lambda: defaultdict(list))
    for one in planted:
        found[one.kind][one.strength].append(one)
    return {
        kind: {strength: _share(ones, cause_is_right) for strength, ones in sorted(by.items())}
        for kind, by in sorted(found.items())
    }


def _coverage(judged: Sequence[Judged]) -> dict[str, Estimate]:
    held: Counter[str] = Counter()
    drawn: Counter[str] = Counter()
    for one in judged:
        for name, (count, n) in one.coverage.items():
            held[name] += count
            drawn[name] += n
    return {name: estimate_share(held[name], drawn[name]) for name in drawn}


def _seconds(judged: Sequence[Judged]) -> dict[str, float]:
    spent: dict[str, list[float]] = defaultdict(list)
    for one in judged:
        for step, seconds in one.seconds.items():
            spent[step].append(seconds)
    return {step: round(sum(values) / len(values), 3) for step, values in spent.items()}


def _miss(one: Judged) -> Miss:
    said = " ".join(filter(None, (one.error, one.action, one.variant, one.confidence, one.modality)))
    return Miss(world=one.world.name, expected=" ".join(filter(None, one.expected)), said=said, causes=one.causes)
