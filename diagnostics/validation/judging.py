"""One world from its recipe to what was said of it, by the verbs that a user's data go through."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import Field

import diagnostics as tenbin
from diagnostics.config import threshold
from diagnostics.dataset.features import encode
from diagnostics.errors import TenbinError
from diagnostics.probe import ProbeRun, prepare
from diagnostics.probe.trials import rate_choices
from diagnostics.schema import Arm, Dataset, Diagnosis, Estimate, ProbePlan, Profile, Record
from diagnostics.validation.coverage import covered
from diagnostics.validation.real import damaged
from diagnostics.validation.trainings import run_here
from diagnostics.validation.worlds import EXPECTED, Task, World, dataset_of, drawn_dataset

__all__ = ["CRASHED", "LONG_SEEDS", "Judged", "judge"]

LONG_SEEDS = 20
"""Seeds of the long runs that decide what is true where it cannot be known from the recipe."""

LONG_FIRST_SEED = 1000
"""Of the long runs: none of theirs is among the seeds of the verdict that they are to confirm."""

LONG_BALANCER = "ckd"
"""What they always train beside plain joint training and the method that was advised: the one that most often pays."""

CRASHED = "crashed"

_FAR: Mapping[str, float] = {"large": 4.0, "medium": 2.0, "small": 1.0}
"""How far below its own model a branch of the joint one is, in effects that matter, by the gap's lower end."""

_DRAWS = 150  # of each long run; a benchmark with ten of them has 1,500


class Judged(Record):
    """What was said of a world.

    Attributes
    ----------
    causes : modality -> causes, in the order of ``verdict.causes``; considered : those that were heard and not named
    statuses : modality -> status
    lifts : balancer -> what it changed; method : the one that the verdict is about
    recall : of the plain joint model; gaps : modality -> trained alone minus its branch
    without_seed : the action with each seed left out in turn, of verdicts of high confidence
    long : what twenty seeds say of the same trainings, if they were run; long_anyway : they were to be, whatever was said before
    coverage : estimator -> draws whose interval held the truth, and draws; see ``coverage``
    error : code of the error, if the world could not be judged at all; ``CRASHED`` for a fault of ours
    seconds : per step
    """

    world: World
    action: str = ""
    variant: str = ""
    confidence: str = ""
    confidence_reason: str = ""
    modality: str | None = None
    causes: dict[str, list[str]] = Field(default_factory=dict)
    considered: dict[str, list[str]] = Field(default_factory=dict)
    statuses: dict[str, str] = Field(default_factory=dict)
    recall: float | None = None
    method: str | None = None
    lifts: dict[str, Estimate] = Field(default_factory=dict)
    contributions: dict[str, Estimate] = Field(default_factory=dict)
    knock_outs: dict[str, Estimate] = Field(default_factory=dict)
    gaps: dict[str, Estimate] = Field(default_factory=dict)
    n_test_users: int = 0
    without_seed: list[str] = Field(default_factory=list)
    long: Judged | None = None
    long_anyway: bool = False
    coverage: dict[str, tuple[int, int]] = Field(default_factory=dict)
    error: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)

    @property
    def named(self) -> str | None:
        """The modality that is said to need something: the verdict's, else the one with a cause; None if several or none have."""
        if self.modality is not None:
            return self.modality
        blamed = [name for name, causes in self.causes.items() if causes]
        return blamed[0] if len(blamed) == 1 else None

    def first_cause(self, modality: str) -> str:
        """The cause named first for a modality's weakness; "" where nothing is said to be wrong with it."""
        return next(iter(self.causes.get(modality, [])), "")

    def gain(self, method: str | None = None) -> int:
        """What is said of balancing, by this method or any: 2 a gain that matters, 1 a gain, 0 none; by the whole interval."""
        lows = [lift.low for name, lift in self.lifts.items() if lift.low is not None and method in (None, name)]
        best = max(lows, default=0.0)
        return 2 if best > self.smallest else 1 if best > 0 else 0

    @property
    def smallest(self) -> float:
        """The smallest difference of recall that matters."""
        return threshold("smallest_effect") * (self.recall or 0.0)

    @property
    def suppressed(self) -> tuple[str, str] | None:
        """The modality of a sound world that the long run shows to be held back, and how strongly; None where it shows none.

        That is where balancing gains what matters and the joint model's branch lies below the modality's own model by what matters.
        A long run that is there only because of what was said does not count: who is not accused would never be found out.
        """
        if self.world.kind != "none" or self.long is None or not self.long_anyway or self.long.gain() < 2:
            return None
        lows = {name: (gap.low or 0.0) / self.long.smallest for name, gap in self.long.gaps.items()}
        name = max(lows, key=lambda one: lows[one], default="")
        strength = next((strength for strength, times in _FAR.items() if lows.get(name, 0.0) > times), None)
        return None if strength is None else (name, strength)

    @property
    def kind(self) -> str:
        """What is wrong with the world: planted, or found by the long run."""
        return "suppressed" if self.suppressed else self.world.kind

    @property
    def weak(self) -> str | None:
        """The modality that something is wrong with; None where it is all of them, or none."""
        return self.suppressed[0] if self.suppressed else self.world.modality

    @property
    def strength(self) -> str:
        return self.suppressed[1] if self.suppressed else self.world.strength

    @property
    def expected(self) -> tuple[str, str]:
        """The cause that has to be named first, and the action."""
        return EXPECTED["suppressed"] if self.suppressed else self.world.expected


def judge(task: Task, folder: Path, *, preset: str = "quick") -> Judged:
    """Train and judge one world; its trainings are kept in ``folder``.

    A verdict of ``rebalance`` is always followed by the long run that shows whether it was right.
    """
    with _dataset_of(task) as dataset:
        return _judge(task, dataset, folder, preset)


@contextmanager
def _dataset_of(task: Task) -> Iterator[Dataset]:
    """The data set of a task, and its files for as long as they are needed."""
    world = task.world
    if world.drawn:
        with TemporaryDirectory(prefix="tenbin-") as shop:
            yield drawn_dataset(world, Path(shop))
    else:
        yield dataset_of(world) if task.shop is None else damaged(task.shop, world.plant, world.seed)


def _judge(task: Task, dataset: Dataset, folder: Path, preset: str) -> Judged:
    clock, world = _Clock(), task.world
    try:
        features = encode(dataset)
        profile = tenbin.profile(dataset)
        plan = tenbin.plan_probe(dataset, preset=preset, slow_training=task.slow_training, profile=profile)
    except TenbinError as error:
        return Judged(world=world, error=error.code)
    clock.lap("profile")
    run = run_here(plan, prepare(dataset, features, plan, profile), folder / f"{world.name}.safetensors")
    clock.lap("probe")
    said = _told(world, dataset, run, tenbin.diagnose(dataset, profile, run))
    clock.lap("diagnose")
    firm = said.confidence == "high" and len(plan.seeds) > 1
    flips = [_without(dataset, profile, run, seed) for seed in plan.all_seeds] if firm else []
    clock.lap("without_seed")
    further = None
    coverage: dict[str, tuple[int, int]] = {}
    if task.long or said.action == "rebalance":
        longer = _longer(dataset, run, said.method if said.action == "rebalance" else None)
        ran = run_here(longer, prepare(dataset, features, longer), folder / f"{world.name}.long.safetensors")
        further = _told(world, dataset, ran, tenbin.diagnose(dataset, profile, ran))
        clock.lap("long")
        if not ran.failures:
            coverage = covered(dataset, ran, n_seeds=len(plan.all_seeds), n_draws=_DRAWS, seed=world.seed)
            clock.lap("coverage")
    found = {"without_seed": flips, "long": further, "long_anyway": task.long, "coverage": coverage, "seconds": clock.laps}
    return said.model_copy(update=found)


def _longer(dataset: Dataset, run: ProbeRun, advised: str | None) -> ProbePlan:
    """The judged model trained as it was, at the learning rate that was chosen, but with twenty other seeds."""
    judged, methods = run.plan.arms[0].backbone, dict.fromkeys((LONG_BALANCER, *filter(None, [advised])))
    asked = tenbin.plan_probe(
        dataset,
        preset=run.plan.preset,
        backbones=(judged,),
        balancers=tuple(methods),
        n_seeds=LONG_SEEDS,
        seed=LONG_FIRST_SEED,
        slow_training=run.plan.slow_training,
    )
    rate = rate_choices(run.results, {judged: run.plan.learning_rate})[0].learning_rate
    arms = tuple(arm for arm in asked.arms if not arm.variant)
    return asked.model_copy(update={"arms": arms, "learning_rate": rate, "options": asked.options | {"rates": []}})


def _told(world: World, dataset: Dataset, run: ProbeRun, diagnosis: Diagnosis) -> Judged:
    verdict = diagnosis.verdict
    judged = run.plan.arms[0].backbone
    return Judged(
        world=world,
        action=verdict.action,
        variant=verdict.sentence_message.code.rpartition(".")[2] if verdict.sentence_message else "",
        confidence=verdict.confidence,
        confidence_reason=verdict.confidence_reason,
        modality=verdict.modality,
        causes={one.name: [cause.code for cause in one.causes] for one in diagnosis.modalities},
        considered={one.name: [cause.code for cause in one.considered] for one in diagnosis.modalities},
        statuses={one.name: one.status for one in diagnosis.modalities},
        recall=_plain(run, judged),
        method=diagnosis.balancing.method,
        lifts={one.balancer: one.lift for one in diagnosis.balancing.results if one.backbone == judged},
        contributions={one.name: one.contribution for one in diagnosis.modalities if one.contribution is not None},
        gaps={one.name: one.gap for one in diagnosis.modalities if one.gap is not None},
        knock_outs={one.name: one.knock_out for one in diagnosis.modalities if one.knock_out is not None},
        n_test_users=diagnosis.protocol.n_test_users,
    )


def _plain(run: ProbeRun, backbone: str) -> float | None:
    recall = run.per_user(Arm(backbone=backbone, modalities=run.plan.modalities))
    return float(recall.mean()) if recall.size else None


def _without(dataset: Dataset, profile: Profile, run: ProbeRun, seed: int) -> str:
    """The action that the same run would have led to without one of its seeds."""
    kept = {name: tuple(other for other in getattr(run.plan, name) if other != seed) for name in ("seeds", "further_seeds")}
    plan: ProbePlan = run.plan.model_copy(update=kept)
    results = {job_id: result for job_id, result in run.results.items() if not job_id.endswith(f".{seed}")}
    events = tuple(event for event in run.events if event.seed != seed)
    return tenbin.diagnose(dataset, profile, ProbeRun(plan, run.status, events, results, run.failures)).verdict.action


class _Clock:
    """Seconds between laps."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now, self._last = now, now()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        now = self._now()
        self.laps[name], self._last = round(now - self._last, 3), now
