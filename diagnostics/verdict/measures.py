"""The quantities that the verdict rests on, each a paired comparison of trained models (METHOD section 5, C).

v(S) is the Recall@20 of a model trained on purchase history and the modalities S; every model has the purchase history.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.probe.arms import ENSEMBLE, balancers_of, plain_arms
from diagnostics.probe.run import ProbeRun, set_name
from diagnostics.schema import Arm, Dataset, Estimate, ModalityProfile
from diagnostics.stats import Contrast, SeedNoise, holm_positions, pool_seed_noise
from diagnostics.stats.games import Weights, all_sets, interaction_weights, shapley_weights

__all__ = ["HISTORY", "Measures"]

Matrix = npt.NDArray[np.float64]
HISTORY = "id"
"""Purchase history as a player beside the modalities."""


@dataclass(frozen=True)
class Measures:
    """Everything measured on one backbone. Matrices are (n_seeds, n_test_users) over the seeds that all needed arms finished.

    ``left_out``: a seed that is looked away from, to see whether it alone decides; ``level``: of all intervals.
    """

    run: ProbeRun
    dataset: Dataset
    backbone: str
    left_out: int | None = None
    level: float = 0.95

    @property
    def modalities(self) -> tuple[str, ...]:
        return self.run.plan.modalities

    @cached_property
    def seeds(self) -> tuple[int, ...]:
        """Seeds for which every plain arm finished; comparisons use these only, so that all are paired."""
        plain = plain_arms(self.run.plan, self.backbone)
        found = (seed for seed in self.run.plan.all_seeds if all(seed in self.run.seeds_of(arm) for arm in plain))
        return tuple(seed for seed in found if seed != self.left_out)

    @cached_property
    def noise(self) -> SeedNoise | None:
        """What all plain arms say together of how much a seed decides."""
        plain = plain_arms(self.run.plan, self.backbone)
        return pool_seed_noise([self.run.per_user(arm, seeds=self.seeds) for arm in plain]) if self.seeds else None

    def arm(self, modalities: tuple[str, ...], balancer: str = "none", variant: str = "") -> Arm:
        ordered = tuple(name for name in self.modalities if name in modalities)
        return Arm(backbone=self.backbone, modalities=ordered, balancer=balancer, variant=variant)

    def recall(self, *modalities: str, balancer: str = "none", factual: tuple[str, ...] | None = None) -> Matrix:
        """v of a trained arm; with ``factual`` the same arm with its other modalities replaced by their counterfactual."""
        return self.run.per_user(self.arm(modalities, balancer), factual=factual, seeds=self.seeds)

    def mean_recall(self, *modalities: str, factual: tuple[str, ...] | None = None) -> Estimate:
        """The mean of ``recall`` with its interval."""
        return self.run.level(self.arm(modalities), factual=factual, seeds=self.seeds)

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
        return all(self.arm(tuple(chosen)) in arms for chosen in all_sets(self.modalities))

    def _between(self, treated: Matrix, control: Matrix) -> Contrast:
        if not treated.size or not control.size:
            return self.contrast(np.empty((0, 0)))
        return self.contrast(np.atleast_2d(treated) - np.atleast_2d(control))

    def _weighed(self, weights: Weights) -> Contrast:
        """A weighted sum of retrained models' results."""
        total: Matrix = np.zeros_like(self.joint)
        for members, weight in weights.items():
            total += weight * self.recall(*members)
        return self.contrast(total, float(sum(weight**2 for weight in weights.values())))

    def contrast(self, differences: Matrix, weight: float = 2.0) -> Contrast:
        """What these differences say, with what all arms know of seeds; see ``stats.Contrast``."""
        return Contrast(differences, self.noise, weight, self.level)

    @property
    def tells_apart(self) -> bool:
        """Whether the joint model's scores have parts of single modalities, so that something can be said of each."""
        return "id" in self.run.meta_of(self.arm(self.modalities)).get("sets", ("id",))

    # ---- of one modality

    def gain_alone(self, name: str) -> Contrast:
        """v({m}) - v({}): what the modality adds to purchase history on its own."""
        return self._between(self.recall(name), self.recall())

    def knock_out(self, name: str) -> Contrast:
        """v(all) - v(all but m), retrained (C7): what would be lost without it. Its unique part."""
        return self._between(self.joint, self.recall(*(other for other in self.modalities if other != name)))

    def gap(self, name: str) -> Contrast:
        """v({m}) - the same part of the joint model (C1): how far joint training leaves the branch behind.

        Not measured where ``tells_apart`` is not so.
        """
        return self._between(self.recall(name), self.recall(*self.modalities, factual=(name,)))

    def beyond(self, name: str, base: str) -> Contrast | None:
        """v({base, m}) - v({base}): what m adds to another modality; None if that pair was not trained."""
        if self.arm((name, base)) not in self.run.plan.arms:
            return None
        return self._between(self.recall(name, base), self.recall(base))

    @property
    def contribution_method(self) -> str:
        """``shapley``: exact over retrained sets, else the retrained ``knock_out``; see ``contribution``."""
        return "shapley" if self.has_lattice else "knock_out"

    def contribution_weights(self, name: str) -> Weights:
        """With which weights the retrained models enter the modality's contribution."""
        if self.has_lattice:
            return shapley_weights(self.modalities, name)
        everything = frozenset(self.modalities)
        return {everything: 1.0, everything - {name}: -1.0}

    def contribution(self, name: str) -> tuple[str, Contrast]:
        """The modality's share of v(all) - v({}), and by which method.

        ``shapley``: exact over retrained sets (players are the modalities; purchase history is in every set). Where not all sets
        were trained, the retrained ``knock_out``.
        """
        return self.contribution_method, self._weighed(self.contribution_weights(name))

    def utilisation(self, name: str) -> Contrast | None:
        """What the joint model loses on its mean counterfactual of m (C3, C6); None where that set was not tested.

        Source: Wu et al., ICML 2022, conditional utilisation rate: this, divided by v(all).
        """
        others = tuple(other for other in self.modalities if other != name)
        found = self._between(self.joint, self.recall(*self.modalities, factual=others))
        return found if found.measured else None

    def replacement(self, name: str, kind: str) -> Contrast | None:
        """What the joint model loses where items have another's value of m (C6, C8); None where that was not tested.

        ``kind``: see ``probe.testing.replaced``.
        """
        arm = self.arm(self.modalities)
        listed = self.run.meta_of(arm).get("replaced", [])
        if [name, kind] not in listed:
            return None
        return self._between(self.joint, self.run.stacked(arm, "replaced", listed.index([name, kind]), seeds=self.seeds))

    def gain_on_complete(self, profile: ModalityProfile) -> Contrast:
        """``gain_alone`` among the test users all of whose test items have a real value, neither missing nor a stand-in."""
        split, real = self.dataset.split, profile.real(self.dataset.catalog)
        lacking = np.bincount(split.test[:, 0], weights=~real[split.test[:, 1]], minlength=split.n_users)
        users = np.flatnonzero(np.bincount(split.test[:, 0], minlength=split.n_users))
        return self.gain_alone(profile.name).of_users(lacking[users] == 0)

    def settled(self, variant: str) -> Contrast | None:
        """The joint model with one thing changed minus the plain one (``probe.settling``); None where that was not trained."""
        arm = self.arm(self.modalities, variant=variant)
        if not self.run.seeds_of(arm):
            return None
        found = self._paired(arm)
        return found if found.measured else None

    # ---- of all together

    def content_gain(self) -> Contrast:
        """v(all) - v({}): what product information adds to purchase history."""
        return self._between(self.joint, self.recall())

    def synergy(self) -> Contrast:
        """v(all) - v of the best single modality (C2): below 0, together is less than one alone.

        Best by the same customers: a question about it has to be corrected for how many there were to choose from.
        """
        return self._between(self.joint, max((self.recall(name) for name in self.modalities), key=lambda values: values.mean()))

    def interaction(self, one: str, other: str) -> Contrast | None:
        """What two modalities find together beyond what each finds (C5), exact over retrained sets; None without all of them."""
        return self._weighed(interaction_weights(self.modalities, one, other)) if self.has_lattice else None

    def with_history(self) -> dict[str, Contrast]:
        """Shapley values of the trained joint model with purchase history as a player; empty where it cannot be taken out.

        A model without any part ranks in no order: the ``k`` first of a customer's n unseen items hold each of them with chance k /
        n.
        """
        arm, players = self.arm(self.modalities), (HISTORY, *self.modalities)
        bare = self.run.stacked(arm, "bare", seeds=self.seeds)
        if not bare.size:
            return {}
        names = self.run.meta_of(arm)["sets"]
        values: dict[frozenset[str], Matrix] = {}
        for chosen in all_sets(self.modalities):
            place = names.index(set_name(chosen, self.modalities))
            values[chosen | {HISTORY}] = self.recall(*self.modalities, factual=tuple(chosen))
            values[chosen] = bare[:, place]
        values[frozenset()] = np.broadcast_to(self._chance, self.joint.shape)
        found = {}
        for player in players:
            weights = shapley_weights(players, player)
            total = np.sum([weight * values[members] for members, weight in weights.items()], axis=0)
            found[player] = self.contrast(total, 1.0)  # one training: its parts rise and fall together
        return found

    @property
    def _chance(self) -> Matrix:
        split = self.dataset.split
        users = np.flatnonzero(np.bincount(split.test[:, 0], minlength=split.n_users))
        unseen = split.n_items - np.bincount(split.train[:, 0], minlength=split.n_users)[users]
        return np.asarray(np.minimum(1.0, self.run.plan.k / np.maximum(unseen, 1)), dtype=np.float64)

    def lift(self, balancer: str) -> Contrast:
        """Balanced minus plain joint training (the on/off probe), over the seeds that both finished."""
        return self._paired(self.arm(self.modalities, balancer))

    def lifts(self) -> dict[str, Contrast]:
        """Every balancer's lift, as far as it was measured."""
        return {name: lift for name in self.balancers() if (lift := self.lift(name)).measured}

    def best_lift(self) -> tuple[str, Contrast] | None:
        """The balancer with the largest lift, of those that are shown to gain what matters if there are any, and that lift."""
        lifts = self.lifts()
        shown = [name for name, found in holm_positions(lifts, self.smallest_effect).items() if found == "above"]
        name = max(shown or lifts, key=lambda one: lifts[one].value, default=None)
        return None if name is None else (name, lifts[name])

    def headroom(self) -> Contrast:
        """The ensemble of uni-modal models minus the plain joint model (C10): what joint training leaves on the table."""
        return self._paired(self.arm(self.modalities, ENSEMBLE))

    def balancers(self) -> tuple[str, ...]:
        """Balancing methods that were tried on this backbone and finished at least one seed."""
        tried = balancers_of(self.run.plan, self.backbone)
        return tuple(name for name in tried if self.run.seeds_of(self.arm(self.modalities, name)))

    def _paired(self, arm: Arm) -> Contrast:
        """An arm minus plain joint training, over the seeds that both finished."""
        plain = self.arm(self.modalities)
        seeds = tuple(seed for seed in self.run.shared_seeds(arm, plain) if seed != self.left_out)
        return self._between(self.run.per_user(arm, seeds=seeds), self.run.per_user(plain, seeds=seeds))
