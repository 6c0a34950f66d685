"""Which trainings a probe consists of."""

from __future__ import annotations

import difflib
import hashlib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from diagnostics.config import PRESETS, Preset, threshold
from diagnostics.errors import TenbinError
from diagnostics.probe.inputs import real_values
from diagnostics.probe.settling import variants
from diagnostics.probe.trials import AUTO, GRID
from diagnostics.schema import Arm, Dataset, ProbePlan, Profile, Refusal, Split
from diagnostics.seeds import seed_for

__all__ = [
    "ENSEMBLE",
    "Job",
    "balancers_of",
    "choices",
    "jobs",
    "modality_sets",
    "plain_arms",
    "plan",
    "plan_for",
    "refusals",
]

ENSEMBLE = "ensemble"
"""In the place of a balancer: nothing is trained, the uni-modal models' scores are averaged. The cheap upper reference (C10)."""


_DOSES = (0.25, 0.5, 0.75)
"""Shares of the products that are given wrong values (C8); all of them are, whatever the preset."""


@dataclass(frozen=True)
class Job:
    """One arm trained with one seed.

    ``teachers`` are the jobs whose models it distils from, in the order of the arm's modalities; ``trials`` those whose records
    decide its settings. ``stage`` is empty for what the plan asks for; in a trial it says of what: ``rate`` (``option``
    multiplies the learning rate), ``heat`` (it multiplies the method's strength) or ``final`` (it is the place in the heats).
    """

    arm: Arm
    seed: int
    teachers: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    stage: str = ""
    option: float = 1.0

    @property
    def needs(self) -> tuple[str, ...]:
        """Every job that has to come before."""
        return (*self.teachers, *self.trials)

    @property
    def name(self) -> str:
        """The arm's id, in a trial with what is tried: its events are told apart from the arm's."""
        return f"{self.arm.arm_id}:{self.stage} {self.option:.3g}" if self.stage else self.arm.arm_id

    @property
    def job_id(self) -> str:
        """Safe and short as a file name, on disks that ignore case too: the start of the job's name, a hash of it, the seed."""
        start = re.sub(r"[^a-z0-9_+-]+", ".", self.name.lower())[:60]
        return f"{start}.{hashlib.blake2b(self.name.encode(), digest_size=4).hexdigest()}.{self.seed}"


def plain_arms(plan: ProbePlan, backbone: str) -> tuple[Arm, ...]:
    """The arms of a backbone that differ in their modalities alone: no balancing, no settling test."""
    return tuple(arm for arm in plan.arms if arm.backbone == backbone and arm.balancer == "none" and not arm.variant)


def balancers_of(plan: ProbePlan, backbone: str) -> tuple[str, ...]:
    """The balancing methods that are tried on a backbone; the ensemble is none."""
    names = (arm.balancer for arm in plan.arms if arm.backbone == backbone)
    return tuple(dict.fromkeys(name for name in names if name not in ("none", ENSEMBLE)))


def modality_sets(modalities: Sequence[str], max_lattice: int) -> tuple[tuple[str, ...], ...]:
    """The sets that are retrained: all of them up to ``max_lattice`` modalities; else none, each alone, all but one, all.

    With all sets the contributions are exact Shapley values of retrained models. Ordered by size, then as the catalog lists them.
    """
    n = len(modalities)
    sizes: Iterable[int] = range(n + 1) if n <= max_lattice else sorted({0, 1, n - 1, n})
    return tuple(chosen for size in sizes for chosen in combinations(modalities, size))


def plan(
    dataset: Dataset,
    *,
    preset: str = "quick",
    backbones: Sequence[str] | None = None,
    balancers: Sequence[str] | None = None,
    n_seeds: int | None = None,
    seed: int = 0,
    slow_training: bool = False,
    profile: Profile | None = None,
    threads: int | None = None,
) -> ProbePlan:
    """Decides arms, seeds and budget.

    The first backbone is the one judged, and gets every set of modalities; the others no more than tell whether balancing and
    product information pay on them too. ``backbones``, ``balancers``: None for the preset's. Learning rate, batch size and L2 are
    those that suit the first backbone; ``options["backbones"]`` holds the others'. A method that cannot mean anything on a backbone
    is left out there, and named in ``refused`` with the reason. ``n_seeds``: exactly so many; None for at most the preset's, and
    its further seeds. ``slow_training``: by a tenth of the usual learning rates, without trials of others, in ten times the epochs.
    ``profile``: of ``dataset``; given it, stand-ins count as gaps where it is decided whether filling them is
    tried. ``threads``: how many trainings there will be at a time, for the guess of the time; None for one a core.

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_CHOICE`` for a preset, backbone or balancer that does not exist; ``E_NO_MODALITY`` when the catalog says
        nothing about its products; ``E_TOO_LITTLE_DATA`` when no user has a test item.
    """
    from diagnostics.probe.pace import guess_seconds, still_open
    from models.backbones import BACKBONES, HISTORY_ONLY, suggested

    budget: Preset = _choose("preset", preset, PRESETS)
    backbones = tuple(dict.fromkeys(budget.backbones if backbones is None else backbones))
    balancers = tuple(dict.fromkeys(budget.balancers if balancers is None else balancers))
    for name in backbones:
        _choose("backbone", name, BACKBONES)
    for name in balancers:
        _choose("balancer", name, dict.fromkeys(choices()))
    modalities = tuple(modality.name for modality in dataset.catalog.modalities if modality.present.any())
    if not modalities:
        raise TenbinError("E_NO_MODALITY")
    if not len(dataset.split.test) or not len(dataset.split.validation):
        raise TenbinError("E_TOO_LITTLE_DATA", n_users=dataset.log.n_users, n_rows=dataset.log.n_rows)
    backbones = tuple(sorted(backbones, key=lambda name: name in HISTORY_ONLY))  # the first one is judged
    few = ((), *((name,) for name in modalities), *((modalities,) if len(modalities) > 1 else ()))
    sets = {name: ((),) if name in HISTORY_ONLY else few for name in backbones}
    if backbones[0] not in HISTORY_ONLY:
        sets[backbones[0]] = modality_sets(modalities, budget.max_lattice)
    arms = [Arm(backbone=name, modalities=chosen) for name in backbones for chosen in sets[name]]
    if budget.settles and backbones[0] not in HISTORY_ONLY:
        tests = variants(dataset, modalities, real_values(dataset, profile))
        arms += [Arm(backbone=backbones[0], modalities=modalities, variant=name) for name in tests]
    refused: list[Refusal] = []
    grids: dict[str, list[tuple[str, float]]] = {}
    if len(modalities) > 1:
        asked = [name for name in balancers if name != "none"]
        tried = list(GRID) if AUTO in asked else []
        for backbone in backbones:
            reasons = refusals(backbone, modalities, [*asked, *tried])
            refused += [Refusal(backbone=backbone, balancer=name, code=reasons[name]) for name in asked if name in reasons]
            methods = [name for name in asked if name not in reasons]
            ensemble = [] if backbone in HISTORY_ONLY else [ENSEMBLE]
            arms += [Arm(backbone=backbone, modalities=modalities, balancer=name) for name in (*ensemble, *methods)]
            if AUTO in methods:
                grids[backbone] = [(name, strength) for name in tried if name not in reasons for strength in GRID[name]]
    n_further = budget.further_seeds if n_seeds is None and any(arm.balancer != "none" for arm in arms) else 0
    seeds = tuple(seed_for(seed, "probe", number) % 2**31 for number in range((n_seeds or budget.seeds) + n_further))
    slower = int(threshold("slow_training")) if slow_training else 1
    settings = {name: suggested(name, len(dataset.split.train)) for name in backbones}
    for values in settings.values():
        values["learning_rate"] /= slower
    options: dict[str, Any] = {
        "projected_dimensions": 128,
        "validation_users": int(threshold("validation_users")),
        "extension": threshold("extension"),
        "rates": [] if slow_training else list(budget.rates),
        "may_end_early": n_seeds is None,
        "doses": list(_DOSES) if budget.settles else [],
    }
    if options["may_end_early"]:
        options["still_open"] = still_open(len(np.unique(dataset.split.test[:, 0])))
    if len(backbones) > 1:
        options["backbones"] = {name: settings[name] for name in backbones[1:]}
    if grids:
        heat = int(threshold("heat_epochs")) * slower
        options["auto"] = {"grid": grids, "heat_epochs": heat, "finals": int(threshold("finals"))}
    made = ProbePlan(
        fingerprint=dataset.fingerprint,
        preset=preset,
        modalities=modalities,
        arms=tuple(arms),
        seeds=seeds[: len(seeds) - n_further],
        further_seeds=seeds[len(seeds) - n_further :],
        split=dataset.split.kind,
        max_epochs=budget.max_epochs * slower,
        patience=_patience(budget, dataset.split),
        slow_training=slow_training,
        validate_every=slower,
        batch_size=int(settings[backbones[0]]["batch_size"]),
        learning_rate=settings[backbones[0]]["learning_rate"],
        l2=settings[backbones[0]]["l2"],
        dimensions=64,
        options=options,
        refused=tuple(refused),
    )
    return made.model_copy(update={"eta_s": guess_seconds(made, jobs(made), len(dataset.split.train), threads)})


def plan_for(plan: ProbePlan, backbone: str) -> ProbePlan:
    """The plan with the settings that suit one of its backbones."""
    return plan.model_copy(update=plan.options.get("backbones", {}).get(backbone, {}))


def _patience(budget: Preset, parts: Split) -> int:
    """The preset's, and longer where few customers validate: the fewer they are, the more does chance move a curve."""
    validating = len(np.unique(parts.validation[:, 0]))
    noise = math.sqrt(threshold("validation_users") / validating)
    return min(round(budget.patience * max(noise, 1.0)), budget.longest_patience)


def choices() -> tuple[str, ...]:
    """Every balancing method that can be asked for."""
    from models.balancers import BALANCERS

    return (*BALANCERS, AUTO)


def refusals(backbone: str, modalities: Sequence[str], balancers: Sequence[str]) -> dict[str, str]:
    """Methods that cannot mean anything on a backbone -> why, as they say themselves when shown one of the smallest size.

    ``auto`` is refused where all that it could try is; its reason is then that of the first.
    """
    from models.backbones import BACKBONES
    from models.backbones.protocol import Features
    from models.balancers import BALANCERS

    features = {name: Features(np.eye(2, dtype=np.float32), np.ones(2, dtype=bool)) for name in modalities}
    smallest = BACKBONES[backbone](2, 2, features, train=np.array([[0, 0], [1, 1]], dtype=np.int32), dimensions=2)
    methods = dict.fromkeys(name for name in (*balancers, *(GRID if AUTO in balancers else ())) if name != AUTO)
    reasons = {name: reason for name in methods if (reason := BALANCERS[name]({}).refusal(smallest)) is not None}
    if AUTO in balancers and all(name in reasons for name in GRID):
        reasons[AUTO] = reasons[next(iter(GRID))]
    return reasons


def jobs(plan: ProbePlan) -> tuple[Job, ...]:
    """What is trained, each after the jobs that it needs: trials of learning rates, all arms of the first seed, then of the next.

    The trials of ``auto`` stand before its arm of the first seed, whose uni-modal models they need. With further seeds, only what
    the verdict rests on: the judged backbone, without its settling tests.
    """
    from models.balancers import NEEDS_TEACHERS

    first = plan.seeds[0]
    rates: dict[str, tuple[str, ...]] = {}
    listed: list[Job] = []
    for backbone in dict.fromkeys(arm.backbone for arm in plan.arms):
        plain = plain_arms(plan, backbone)
        fullest = max(plain, key=lambda arm: len(arm.modalities), default=plan.arms[0])
        tried = [Job(fullest, first, stage="rate", option=factor) for factor in plan.options.get("rates", ()) if plain]
        rates[backbone] = tuple(job.job_id for job in tried)
        listed += tried

    def alone(arm: Arm, seed: int) -> tuple[str, ...]:
        single = [Arm(backbone=arm.backbone, modalities=(name,)) for name in arm.modalities]
        return tuple(Job(teacher, seed).job_id for teacher in single)

    finals: dict[str, tuple[str, ...]] = {}
    for seed, arm in _asked(plan):
        teachers = alone(arm, seed) if arm.balancer in NEEDS_TEACHERS | {ENSEMBLE, AUTO} else ()
        trials = rates[arm.backbone]
        if arm.balancer == AUTO:
            if seed == first:
                tried = _auto_trials(plan, arm, alone(arm, first), trials)
                listed += tried
                finals[arm.backbone] = tuple(job.job_id for job in tried if job.stage == "final")
            trials += (*finals[arm.backbone], Job(arm.model_copy(update={"balancer": "none"}), first).job_id)
        listed.append(Job(arm, seed, teachers, trials))
    return tuple(listed)


def _asked(plan: ProbePlan) -> Iterator[tuple[int, Arm]]:
    """Every seed with each arm that is trained with it."""
    for seed in plan.seeds:
        yield from ((seed, arm) for arm in plan.arms)
    judged = [arm for arm in plan.arms if arm.backbone == plan.arms[0].backbone and not arm.variant]
    for seed in plan.further_seeds:
        yield from ((seed, arm) for arm in judged)


def _auto_trials(plan: ProbePlan, arm: Arm, teachers: tuple[str, ...], rates: tuple[str, ...]) -> list[Job]:
    from models.balancers import NEEDS_TEACHERS

    auto, seed = plan.options["auto"], plan.seeds[0]
    heats = []
    for name, strength in auto["grid"][arm.backbone]:
        distils = teachers if name in NEEDS_TEACHERS else ()
        heats.append(Job(arm.model_copy(update={"balancer": name}), seed, distils, rates, "heat", strength))
    before = (*rates, *(job.job_id for job in heats))
    places = range(1, 1 + min(auto["finals"], len(heats)))
    return [*heats, *(Job(arm, seed, teachers, before, "final", place) for place in places)]


def _choose(what: str, name: str, table: Mapping[str, Any]) -> Any:
    if name not in table:
        nearest = difflib.get_close_matches(name, table, n=1, cutoff=0)
        raise TenbinError("E_UNKNOWN_CHOICE", what=what, found=name, choices=tuple(table), nearest=nearest[0])
    return table[name]
