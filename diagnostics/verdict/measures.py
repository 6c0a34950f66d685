"""The quantities that the verdict rests on, each a paired comparison of trained models (METHOD section 5, C).

v(S) is the Recall@20 of a model trained on purchase history and the modalities S; every model has the purchase history.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.probe.arms import ENSEMBLE
from diagnostics.probe.run import ProbeRun
from diagnostics.schema import Arm, Dataset, ModalityProfile
from diagnostics.stats import Contrast

__all__ = ["Measures"]

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """Everything measured on one backbone. Matrices are (n_seeds, n_test_users) over the seeds that all needed arms finished."""

    run: ProbeRun
    dataset: Dataset
    backbone: str

    @property
    def modalities(self) -> tuple[str, ...]:
        return self.run.plan.modalities

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds for which every plain arm finished; comparisons use these only, so that all are paired."""
        plain = [arm for arm in self.run.plan.arms if arm.backbone == self.backbone and arm.balancer == "none"]
        return tuple(seed for seed in self.run.plan.seeds if all(seed in self.run.seeds_of(arm) for arm in plain))

    def arm(self, modalities: tuple[str, ...], balancer: str = "none") -> Arm:
        ordered = tuple(name for name in self.modalities if name in modalities)
        return Arm(backbone=self.backbone, modalities=ordered, balancer=balancer)

    def recall(self, *modalities: str, balancer: str = "none", factual: tuple[str, ...] | None = None) -> Matrix:
        """v of a trained arm; with ``factual`` the same arm with its other modalities replaced by their counterfactual."""
        return self.run.per_user(self.arm(modalities, balancer), factual=factual, seeds=self.seeds)

    @cached_property
    def joint(self) -> Matrix:
        """v(all), trained jointly without balancing."""
        return self.recall(*self.modalities)

    @cached_property
    def smallest_effect(self) -> float:
        """The smallest difference of Recall@20 that matters: a set relative change of the plain joint model's."""
        return threshold("smallest_effect") * float(self.joint.mean()) if self.joint.size else float("nan")

    @cached_property
    def has_lattice(self) -> bool:
        """Whether all sets of modalities were trained, so that Shapley values are exact."""
        arms = set(self.run.plan.arms)
        sets = (chosen for size in range(len(self.modalities) + 1) for chosen in combinations(self.modalities, size))
        return all(self.arm(chosen) in arms for chosen in sets)

    # ---- of one modality

    def gain_alone(self, name: str) -> Contrast:
        """v({m}) - v({}): what the modality adds to purchase history on its own."""
        return Contrast.between(self.recall(name), self.recall())

    def knock_out(self, name: str) -> Contrast:
        """v(all) - v(all but m), retrained (C7): what would be lost without it. Its unique part."""
        return Contrast.between(self.joint, self.recall(*(other for other in self.modalities if other != name)))

    def gap(self, name: str) -> Contrast:
        """v({m}) - the same part of the joint model (C1): how far joint training leaves the branch behind."""
        return Contrast.between(self.recall(name), self.recall(*self.modalities, factual=(name,)))

    def beyond(self, name: str, base: str) -> Contrast | None:
        """v({base, m}) - v({base}): what m adds to another modality; None if that pair was not trained."""
        if self.arm((name, base)) not in self.run.plan.arms:
            return None
        return Contrast.between(self.recall(name, base), self.recall(base))

    def contribution(self, name: str) -> tuple[str, Contrast]:
        """The modality's share of v(all) - v({}), and by which method.

        ``shapley``: exact over retrained sets (players are the modalities; purchase history is in every set). Where not all sets
        were trained, the retrained ``knock_out``.
        """
        if not self.has_lattice:
            return "knock_out", self.knock_out(name)
        others = [other for other in self.modalities if other != name]
        total: Matrix = np.zeros_like(self.joint)
        for size in range(len(others) + 1):
            weight = 1.0 / (len(self.modalities) * comb(len(others), size))
            for chosen in combinations(others, size):
                total += weight * (self.recall(*chosen, name) - self.recall(*chosen))
        return "shapley", Contrast(total)

    def gain_on_complete(self, profile: ModalityProfile) -> Contrast:
        """``gain_alone`` among the test users all of whose test items have a real value, neither missing nor a stand-in."""
        split, catalog = self.dataset.split, self.dataset.catalog
        real = next(m.present for m in catalog.modalities if m.name == profile.name)
        real = real & ~np.isin(catalog.item_ids.astype(str), np.array(profile.stand_in_item_ids, dtype=str))
        lacking = np.bincount(split.test[:, 0], weights=~real[split.test[:, 1]], minlength=split.n_users)
        users = np.flatnonzero(np.bincount(split.test[:, 0], minlength=split.n_users))
        return Contrast(self.gain_alone(profile.name).differences[:, lacking[users] == 0])

    # ---- of all together

    def content_gain(self) -> Contrast:
        """v(all) - v({}): what product information adds to purchase history."""
        return Contrast.between(self.joint, self.recall())

    def lift(self, balancer: str) -> Contrast:
        """Balanced minus plain joint training (the on/off probe), over the seeds that both finished."""
        balanced, plain = self.run.paired(self.arm(self.modalities, balancer), self.arm(self.modalities))
        return Contrast.between(balanced, plain)

    def best_lift(self) -> tuple[str, Contrast] | None:
        """The balancer with the largest lift, and that lift; rules look at it at a level corrected for how many were tried."""
        lifts = {name: self.lift(name) for name in self.balancers()}
        name = max(lifts, key=lambda one: lifts[one].value, default=None)
        return None if name is None else (name, lifts[name])

    def headroom(self) -> Contrast:
        """The ensemble of uni-modal models minus the plain joint model (C10): what joint training leaves on the table."""
        ensemble, plain = self.run.paired(self.arm(self.modalities, ENSEMBLE), self.arm(self.modalities))
        return Contrast.between(ensemble, plain)

    def balancers(self) -> tuple[str, ...]:
        """Balancing methods that were tried on this backbone and finished at least one seed."""
        arms = [arm for arm in self.run.plan.arms if arm.backbone == self.backbone and arm.balancer not in ("none", ENSEMBLE)]
        return tuple(arm.balancer for arm in arms if self.run.seeds_of(arm))
