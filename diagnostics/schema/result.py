"""The result: status and causes per modality, balancing, verdict, provenance."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from diagnostics.schema.codes import Action, CauseCode, Confidence, Kind, Share, SplitKind, Status
from diagnostics.schema.contributed import Contributions, CoursePoint, Dissent, Exposure
from diagnostics.schema.measured import Coverage, Profile, Standalone
from diagnostics.schema.probing import ArmSummary, BalancerChoice, RateChoice
from diagnostics.schema.reading import ReadingNotes
from diagnostics.schema.records import Estimate, Evidence, Finding, Message, NotChecked, Record

__all__ = [
    "Balancing",
    "BalancingResult",
    "Cause",
    "Condition",
    "CurvePoint",
    "DatasetSummary",
    "Diagnosis",
    "ModalityResult",
    "NextStep",
    "Protocol",
    "Provenance",
    "Verdict",
]


class Cause(Record):
    """One reason why a modality does not do more, with the evidence for and against it. Words: ``cause.<code>``.

    ``likelihood``: how far the evidence leans towards it (see ``verdict.causes``), to order hypotheses by.
    """

    code: CauseCode
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    likelihood: Share = 0.5


class CurvePoint(Record):
    """One point of a learning curve: a branch's Recall@k on validation after an epoch."""

    backbone: str
    balancer: str
    seed: int
    epoch: int
    value: float


class ModalityResult(Record):
    """The contract's entry for one modality."""

    name: str
    kind: Kind
    status: Status
    coverage: Coverage
    quality: dict[str, float] = Field(default_factory=dict)
    standalone: Standalone
    unimodal: Estimate | None = None  # purchase history + this modality, trained alone
    branch: Estimate | None = None  # the same part inside the jointly trained model
    contribution: Estimate | None = None  # Shapley value over retrained sets, or the counterfactual one; see `contribution_method`
    contribution_method: str | None = None
    knock_out: Estimate | None = None  # all modalities minus all but this one, retrained
    gap: Estimate | None = None  # C1: unimodal minus branch
    causes: tuple[Cause, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    considered: tuple[Cause, ...] = ()  # hypotheses that something speaks for, but not all that it takes to name them
    utilisation: Estimate | None = None  # C3: what the joint model loses on the catalog's mean instead, in points
    replacement: dict[str, Estimate] = Field(default_factory=dict)  # C6: what it loses on other items' values; permuted, donor
    dose_response: dict[str, Estimate] = Field(default_factory=dict)  # C8: the same of a share of the items: "0.25", ..., "1"
    exposure: Exposure | None = None
    dynamics: dict[str, Estimate] = Field(default_factory=dict)  # measure of the branch's course -> mean over seeds
    courses: tuple[CoursePoint, ...] = ()


class BalancingResult(Record):
    """What one balancer changed for one backbone: test Recall@20 without it, with it, and the paired difference.

    ``choice``: what ``auto`` stands for, None for every other.
    """

    backbone: str
    balancer: str
    plain: Estimate
    balanced: Estimate
    lift: Estimate
    choice: BalancerChoice | None = None


class Balancing(Record):
    """Whether balancing pays: its results, and the headroom that it could at most use.

    ``method``: of the model that is judged, the balancer that the verdict is about: of those shown to gain what matters, or of all
    where there are none, the one that changed most for the better.
    """

    recommended: bool | None
    method: str | None = None
    results: tuple[BalancingResult, ...]
    headroom: Estimate
    minimum_detectable_effect: float | None = None
    planned_detectable_effect: float | None = None  # as it could be foreseen before any training


class Condition(Record):
    """One condition of the verdict rule (``METHOD`` section 7), with its distance to the threshold. Words: ``condition.<code>``."""

    code: str
    value: float | None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    holds: bool | None  # None: could not be measured
    modality: str | None = None
    unit: str = "points"  # as in Estimate: share, points, relative, ratio, count


class NextStep(Record):
    """Something to do. Words: ``step_to_take.<code>.title`` and ``.text``."""

    code: str
    effort: Literal["small", "medium", "large"]
    values: dict[str, Any] = Field(default_factory=dict)
    effect: Estimate | None = None
    modality: str | None = None


class Verdict(Record):
    """The one action, how sure we are and why, and what to do next."""

    action: Action
    confidence: Confidence
    confidence_reason: str
    modality: str | None
    sentence: dict[str, str]  # en, ja
    reasons: tuple[Message, ...] = ()  # three whys
    next_steps: tuple[NextStep, ...] = ()  # at most three
    conditions: tuple[Condition, ...] = ()
    sentence_message: Message | None = None
    dissent: tuple[Dissent, ...] = ()
    left_out_flips: int | None = None  # of a sure answer: how many seeds, left out, change the action; None where not asked


class DatasetSummary(Record):
    """What was read: sizes, and how many rows of each file were used or set aside.

    ``n_purchases`` of the ``n_interactions`` are purchases, the others views, carts and the like; None where nobody counted them.
    """

    fingerprint: str
    n_users: int
    n_items: int
    n_interactions: int
    rows_read: dict[str, int]
    rows_set_aside: dict[str, dict[str, int]]
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    n_purchases: int | None = None


class Protocol(Record):
    """The protocol card, printed in every result."""

    split: SplitKind
    split_reason: str
    k: int
    metric: str
    backbones: tuple[str, ...]
    seeds: tuple[int, ...]
    further_seeds: tuple[int, ...] = ()  # of the judged model alone
    preset: str
    n_train: int
    n_validation: int
    n_test: int
    n_test_users: int
    cut_offs: tuple[str, ...] = ()
    learning_rate: float | None = None
    max_epochs: int | None = None
    slow_training: bool = False
    learning_rates: tuple[RateChoice, ...] = ()


class Provenance(Record):
    """Where a result comes from: version, environment, plan, and the time it took."""

    version: str
    environment: dict[str, str]
    plan: dict[str, Any]
    timing: dict[str, float]
    created_at: str


class Diagnosis(Record):
    """The result. ``model_dump_json`` of it is ``diagnosis.json``; every report and screen is written from it alone."""

    schema_version: Literal["1"] = "1"
    dataset: DatasetSummary
    reading: ReadingNotes
    protocol: Protocol
    baselines: dict[str, dict[str, float]]
    profile: Profile
    modalities: tuple[ModalityResult, ...] = Field(min_length=1)
    arms: tuple[ArmSummary, ...] = ()
    balancing: Balancing
    contributions: Contributions | None = None
    verdict: Verdict
    findings: tuple[Finding, ...]
    not_checked: tuple[NotChecked, ...]
    provenance: Provenance
