"""Which trainings a probe consists of."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from diagnostics.config import PRESETS, Preset, threshold
from diagnostics.errors import TenbinError
from diagnostics.schema import Arm, Dataset, ProbePlan
from diagnostics.seeds import seed_for

__all__ = ["ENSEMBLE", "Job", "jobs", "modality_sets", "plan"]

ENSEMBLE = "ensemble"
"""In the place of a balancer: nothing is trained, the uni-modal models' scores are averaged. The cheap upper reference (C10)."""


@dataclass(frozen=True)
class Job:
    """One arm trained with one seed. ``needs`` are the jobs whose models it distils from."""

    arm: Arm
    seed: int
    needs: tuple[str, ...] = ()

    @property
    def job_id(self) -> str:
        """Safe and short as a file name, on disks that ignore case too: the start of the arm's id, a hash of it, the seed."""
        start = re.sub(r"[^a-z0-9_+-]+", ".", self.arm.arm_id.lower())[:60]
        return f"{start}.{hashlib.blake2b(self.arm.arm_id.encode(), digest_size=4).hexdigest()}.{self.seed}"


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
    backbones: Sequence[str] = ("vbpr",),
    balancers: Sequence[str] = ("ckd",),
    n_seeds: int | None = None,
    seed: int = 0,
) -> ProbePlan:
    """Decides arms, seeds and budget.

    Learning rate, batch size and L2 are those that suit the first backbone; ``options["backbones"]`` holds the others'.

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_CHOICE`` for a preset, backbone or balancer that does not exist; ``E_NO_MODALITY`` when the catalog says
        nothing about its products; ``E_TOO_LITTLE_DATA`` when no user has a test item.
    """
    from models.backbones import BACKBONES
    from models.balancers import BALANCERS

    budget: Preset = _choose("preset", preset, PRESETS)
    for name in backbones:
        _choose("backbone", name, BACKBONES)
    for name in balancers:
        _choose("balancer", name, BALANCERS)
    modalities = tuple(modality.name for modality in dataset.catalog.modalities if modality.present.any())
    if not modalities:
        raise TenbinError("E_NO_MODALITY")
    if not len(dataset.split.test) or not len(dataset.split.validation):
        raise TenbinError("E_TOO_LITTLE_DATA", n_users=dataset.log.n_users, n_rows=dataset.log.n_rows)
    arms = [Arm(backbone=b, modalities=chosen) for b in backbones for chosen in modality_sets(modalities, budget.max_lattice)]
    if len(modalities) > 1:
        chosen = [ENSEMBLE, *(name for name in dict.fromkeys(balancers) if name != "none")]
        arms += [Arm(backbone=b, modalities=modalities, balancer=name) for b in backbones for name in chosen]
    seeds = tuple(seed_for(seed, "probe", number) % 2**31 for number in range(n_seeds or budget.seeds))
    settings = {name: dict(BACKBONES[name].defaults) for name in backbones}
    made = ProbePlan(
        fingerprint=dataset.fingerprint,
        preset=preset,
        modalities=modalities,
        arms=tuple(arms),
        seeds=seeds,
        split=dataset.split.kind,
        max_epochs=budget.max_epochs,
        patience=budget.patience,
        batch_size=int(settings[backbones[0]]["batch_size"]),
        learning_rate=settings[backbones[0]]["learning_rate"],
        l2=settings[backbones[0]]["l2"],
        dimensions=64,
        options={"projected_dimensions": 128, "validation_users": int(threshold("validation_users"))}
        | ({"backbones": {name: settings[name] for name in backbones[1:]}} if len(backbones) > 1 else {}),
    )
    return made.model_copy(update={"eta_s": _guess_seconds(made, len(dataset.split.train))})


def jobs(plan: ProbePlan) -> tuple[Job, ...]:
    """Every arm with every seed: all arms of the first seed, then of the next, each after the jobs that it needs."""
    from models.balancers import NEEDS_TEACHERS

    listed = []
    for seed in plan.seeds:
        for arm in plan.arms:
            alone = [Arm(backbone=arm.backbone, modalities=(name,)) for name in arm.modalities]
            needs = tuple(Job(teacher, seed).job_id for teacher in alone) if arm.balancer in NEEDS_TEACHERS | {ENSEMBLE} else ()
            listed.append(Job(arm, seed, needs))
    return tuple(listed)


def _choose(what: str, name: str, table: Mapping[str, Any]) -> Any:
    if name not in table:
        nearest = difflib.get_close_matches(name, table, n=1, cutoff=0)
        raise TenbinError("E_UNKNOWN_CHOICE", what=what, found=name, choices=tuple(table), nearest=nearest[0])
    return table[name]


def _guess_seconds(plan: ProbePlan, n_train: int) -> float:
    """A first guess before anything ran; the run itself replaces it by what it measures.

    Per pair and epoch about 3 us for history and 3 us for each modality on one core of a 2020s server, three times that for a
    distilled arm; about 25 epochs until patience ends.
    """
    cores = os.cpu_count() or 1
    weight = {"none": 1, ENSEMBLE: 0}
    per_seed = sum((1 + len(arm.modalities)) * weight.get(arm.balancer, 3) for arm in plan.arms)
    return 5.0 + 3e-6 * n_train * min(25, plan.max_epochs) * per_seed * len(plan.seeds) / cores
