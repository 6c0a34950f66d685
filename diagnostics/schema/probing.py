"""What is trained, what is reported while it trains, and what each arm reached."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal

from pydantic import Field

from diagnostics.schema.codes import SplitKind
from diagnostics.schema.records import Estimate, Record

__all__ = ["Arm", "ArmSummary", "BalancerChoice", "ProbeEvent", "ProbePlan", "RateChoice", "Refusal", "Trial"]


class Arm(Record):
    """One training: a backbone on a set of modalities under a balancer. ``arm_id`` such as ``vbpr:text+image:ckd``.

    ``variant``: what a settling test changes (see ``probe.settling``), empty where nothing is.
    """

    backbone: str
    modalities: tuple[str, ...]
    balancer: str = "none"
    variant: str = ""

    @property
    def arm_id(self) -> str:
        plain = f"{self.backbone}:{'+'.join(self.modalities) or 'id'}:{self.balancer}"
        return f"{plain}:{self.variant}" if self.variant else plain


class Refusal(Record):
    """A method that cannot mean anything on a backbone, and why (see ``models.balancers.protocol.Refused``)."""

    backbone: str
    balancer: str
    code: str


class Trial(Record):
    """A training that helped to decide a setting. ``validation``: its best Recall@k on validation, None if it diverged.

    ``strength``: a multiple of the method's usual one.
    """

    learning_rate: float
    balancer: str = "none"
    strength: float = 1.0
    epochs: int
    validation: float | None


class RateChoice(Record):
    """The learning rate that a backbone was trained with, the usual one, and what was tried, on validation only."""

    backbone: str
    learning_rate: float
    default: float
    tried: tuple[Trial, ...] = ()


class BalancerChoice(Record):
    """What ``auto`` chose on a backbone, its best Recall@k on validation beside plain training's, and what was tried."""

    backbone: str
    balancer: str
    strength: float
    validation: float
    plain: float
    tried: tuple[Trial, ...] = ()


class ProbePlan(Record):
    """Everything that decides a probe's outcome. Same plan and same data give the same ``run_id`` and the same numbers.

    ``seeds``: of every arm; ``further_seeds``: with which only the first backbone is trained, without its settling tests.
    ``slow_training``: by a tenth of the usual learning rates, in ten times the epochs. ``validate_every``: the epochs from one
    validation to the next, as many as make a small learning rate take as long a way; ``patience`` counts validations.
    """

    fingerprint: str
    preset: str
    modalities: tuple[str, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    further_seeds: tuple[int, ...] = ()
    split: SplitKind
    k: int = 20
    max_epochs: int
    patience: int
    slow_training: bool = False
    validate_every: int = 1
    batch_size: int
    learning_rate: float
    l2: float
    dimensions: int
    options: dict[str, Any] = Field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    eta_s: float | None = Field(default=None, exclude=True)

    @property
    def all_seeds(self) -> tuple[int, ...]:
        return (*self.seeds, *self.further_seeds)

    @property
    def longest(self) -> int:
        """Epochs after which a training ends though it still gains: ``max_epochs`` are lengthened while it does."""
        return int(self.max_epochs * self.options.get("extension", 1))

    @property
    def run_id(self) -> str:
        """Twelve hex digits of a hash over the plan."""
        return hashlib.blake2b(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode(), digest_size=6).hexdigest()


class ProbeEvent(Record):
    """One line of a run's event log. ``kind``: started, epoch, arm_finished, arm_failed, finished, cancelled."""

    kind: Literal["started", "epoch", "arm_finished", "arm_failed", "finished", "cancelled"]
    arm: str = ""
    seed: int = 0
    epoch: int = 0
    max_epochs: int = 0
    loss: float | None = None
    validation: float | None = None  # recall@k of the arm on validation
    branches: dict[str, float] = Field(
        default_factory=dict
    )  # modality -> recall@k of purchase history + that branch alone; "id" -> history alone
    dynamics: dict[str, dict[str, float]] = Field(
        default_factory=dict
    )  # measure -> modality -> value (weight, clip_share, gradient_share, ...)
    seconds: float = 0.0
    done: float = 0.0  # overall, in [0, 1]
    eta_s: float | None = None
    eta_range_s: tuple[float, float] | None = None  # the least and the most that is still to go
    reason: str | None = None


class ArmSummary(Record):
    """What one arm reached on the test users, over all its seeds.

    ``convergence``: how many of its trainings ended in which way (``models.convergence``), those that failed by diverging included.
    """

    arm_id: str
    backbone: str
    modalities: tuple[str, ...]
    balancer: str
    variant: str = ""
    seeds: tuple[int, ...]
    recall_at_20: Estimate
    ndcg_at_20: Estimate
    best_epochs: tuple[int, ...]
    converged: bool
    convergence: dict[str, int] = Field(default_factory=dict)
    learning_rate: float | None = None
    seconds_per_epoch: float = Field(default=0.0, exclude=True)
