"""The named types that travel down the pipeline: files -> Dataset -> Profile -> ProbePlan -> ProbeRun -> Diagnosis -> Report.

Two kinds live here. *Containers* hold arrays and are frozen dataclasses. *Records* go into ``diagnosis.json`` and are frozen
pydantic models that check themselves at birth; their field names are those of the contract, to which we only ever add.
Shares are in [0, 1]; ``*_index`` is 0-based; ``*_id`` is the shop's own text; ``*_s`` is seconds.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = [
    "Action",
    "Arm",
    "ArmSummary",
    "Balancing",
    "BalancingResult",
    "Catalog",
    "Cause",
    "CauseCode",
    "ColumnRole",
    "Condition",
    "Confidence",
    "Coverage",
    "CurvePoint",
    "Dataset",
    "DatasetSummary",
    "Diagnosis",
    "Estimate",
    "Evidence",
    "FeatureBlock",
    "FeatureHealth",
    "FileNote",
    "Finding",
    "ImageSource",
    "InteractionLog",
    "Kind",
    "Message",
    "Modality",
    "ModalityProfile",
    "ModalityResult",
    "NextStep",
    "NotChecked",
    "PresencePattern",
    "ProbeEvent",
    "ProbePlan",
    "Profile",
    "Progress",
    "Protocol",
    "Provenance",
    "QualityIssue",
    "ReadingNotes",
    "SetAside",
    "Split",
    "Standalone",
    "Status",
    "Verdict",
]

Kind = Literal["text", "image", "attributes", "vector", "id"]
Status = Literal["dominant", "healthy", "suppressed", "uninformative", "redundant", "incomplete", "unused", "undetermined"]
CauseCode = Literal["missing", "uninformative", "redundant", "suppressed", "slow", "scale_mismatch", "overfitting", "unused"]
Action = Literal["leave", "rebalance", "fix_data", "skip_content", "undetermined"]
Confidence = Literal["high", "medium", "low"]
Severity = Literal["info", "warning", "problem"]
SplitKind = Literal["time", "user", "given"]
Share = Annotated[float, Field(ge=0, le=1)]

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int32]

Progress = Callable[[str, float], None]
"""Called as ``progress(step_code, done)`` with ``done`` in [0, 1]; the words of a step are ``step.<step_code>``."""


# ---------------------------------------------------------------- containers


@dataclass(frozen=True)
class ImageSource:
    """Where one picture's bytes are: a file inside the chosen root, or a member of the chosen zip. Opened only when read."""

    path: Path
    member: str | None = None

    def read(self, limit_bytes: int = 50_000_000) -> bytes:
        """The encoded bytes of the picture, at most ``limit_bytes``."""
        if self.member is None:
            with self.path.open("rb") as file:
                return file.read(limit_bytes)
        with zipfile.ZipFile(self.path) as archive, archive.open(self.member) as file:
            return file.read(limit_bytes)


@dataclass(frozen=True)
class Catalog:
    """The products. Every column has one entry per item, in catalog order; ``None`` (or NaN) means the shop has no value.

    Attributes
    ----------
    item_ids : object array of str, (n_items,), unique
    titles : object array of str or None, (n_items,), for showing an item to a person
    texts : object array of str or None, (n_items,), title and description joined; None when the shop gave no text role
    images : tuple of ImageSource or None per item; None when no image folder was given
    attributes : column name -> object array of str or None, (n_items,); categories such as colour and brand
    price : float64 (n_items,), NaN where unknown; None when there is no price
    category : object array of str or None, (n_items,); the one category used for segments
    vectors : modality name -> float32 (n_items, d); a row of NaN means missing
    """

    item_ids: npt.NDArray[np.object_]
    titles: npt.NDArray[np.object_] | None = None
    texts: npt.NDArray[np.object_] | None = None
    images: tuple[ImageSource | None, ...] | None = None
    attributes: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    price: npt.NDArray[np.float64] | None = None
    category: npt.NDArray[np.object_] | None = None
    vectors: Mapping[str, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(set(self.item_ids.tolist())) != len(self.item_ids):
            raise ValueError("item ids are not unique")
        single = (self.titles, self.texts, self.images, self.price, self.category)
        columns = [column for column in (*single, *self.attributes.values(), *self.vectors.values()) if column is not None]
        if any(len(column) != self.n_items for column in columns):
            raise ValueError("a catalog column has another length than item_ids")

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """What the shop knows of its products, in a fixed order: text, image, attributes, then vectors by name.

        Ready-made vectors replace an encoded modality of the same name and keep its kind.
        """
        found: dict[str, Modality] = {}
        if self.texts is not None:
            found["text"] = Modality("text", "text", np.array([value is not None for value in self.texts], dtype=bool))
        if self.images is not None:
            found["image"] = Modality("image", "image", np.array([value is not None for value in self.images], dtype=bool))
        if self.attributes or self.price is not None:
            present = np.zeros(self.n_items, dtype=bool)
            for column in self.attributes.values():
                present |= np.array([value is not None for value in column], dtype=bool)
            if self.price is not None and not self.attributes:
                present |= np.isfinite(self.price)
            found["attributes"] = Modality("attributes", "attributes", present)
        for name, vectors in sorted(self.vectors.items()):
            kind = found[name].kind if name in found else "vector"
            found[name] = Modality(name, kind, np.asarray(np.isfinite(vectors).all(axis=1)))
        return tuple(found.values())


@dataclass(frozen=True)
class Modality:
    """One kind of product information and which items have it: ``present`` is bool (n_items,)."""

    name: str
    kind: Kind
    present: BoolArray


@dataclass(frozen=True)
class InteractionLog:
    """Who bought (or viewed, ...) what, sorted by time where time is known. One entry per usable row of the log.

    Attributes
    ----------
    user_ids : object array of str, (n_users,), unique
    user_index, item_index : int32 (n_rows,), 0-based, in range
    timestamp : datetime64[s] (n_rows,) or None
    value : float64 (n_rows,), money paid in that row (price x quantity), NaN where unknown; None without a price
    event_type : object array of str (n_rows,) or None
    """

    user_ids: npt.NDArray[np.object_]
    user_index: IndexArray
    item_index: IndexArray
    timestamp: npt.NDArray[np.datetime64] | None = None
    value: npt.NDArray[np.float64] | None = None
    event_type: npt.NDArray[np.object_] | None = None

    def __post_init__(self) -> None:
        if len(self.user_index) != len(self.item_index):
            raise ValueError("user_index and item_index differ in length")
        if len(self.user_index) and (self.user_index.min() < 0 or self.user_index.max() >= len(self.user_ids)):
            raise ValueError("a user index is out of range")
        if self.timestamp is not None and np.any(self.timestamp[1:] < self.timestamp[:-1]):
            raise ValueError("interactions are not sorted by time")

    @property
    def n_users(self) -> int:
        return len(self.user_ids)

    @property
    def n_rows(self) -> int:
        return len(self.user_index)


@dataclass(frozen=True)
class Dataset:
    """A catalog and its interaction log, with a fingerprint of their content and notes on how they were read.

    ``rejected`` maps a file's name to the rows that were set aside, as a table of text with two extra columns: the row number
    and the reason code. Nothing the user gave is lost.
    """

    catalog: Catalog
    log: InteractionLog
    fingerprint: str
    notes: ReadingNotes
    split: Split
    rejected: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.log.item_index) and (self.log.item_index.min() < 0 or self.log.item_index.max() >= self.catalog.n_items):
            raise ValueError("an item index is out of range")


@dataclass(frozen=True)
class Split:
    """Distinct (user, item) pairs for training, selection and the final test; int32 (n_pairs, 2) each.

    ``kind`` is ``time`` (global cut-off dates) or ``user`` (random within each user, seeded); ``reason`` is a message code that
    says why. No pair stands in two parts.
    """

    kind: SplitKind
    reason: str
    n_users: int
    n_items: int
    train: IndexArray
    validation: IndexArray
    test: IndexArray
    cut_offs: tuple[str, ...] = ()


@dataclass(frozen=True)
class FeatureBlock:
    """One modality as numbers: ``values`` float32 (n_items, d), rows of absent items all NaN; ``present`` bool (n_items,).

    ``facts`` holds what the encoder noticed on the way, one entry per item: ``reason`` (why an item is absent, "" where present)
    and, for pictures, their size, brightness, contrast, sharpness and hashes.
    """

    name: str
    kind: Kind
    encoder: str
    values: FloatArray
    present: BoolArray
    facts: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or len(self.values) != len(self.present):
            raise ValueError("values must be (n_items, d) and present (n_items,)")
        if not np.isfinite(self.values[self.present]).all():
            raise ValueError(f"{self.name}: a present item has a value that is not finite")


# ---------------------------------------------------------------- records


class Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Estimate(Record):
    """A number with its interval and the sample behind it. ``value`` is None where it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = Field(default=0, ge=0)
    unit: str = "share"

    @model_validator(mode="after")
    def _ordered(self) -> Estimate:
        if self.value is not None and self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self


class Message(Record):
    """Words by reference: a key of ``diagnostics.messages`` and the values to write into it. Rendered per language at the end."""

    code: str
    values: dict[str, Any] = {}


class FileNote(Record):
    """How one file was read."""

    name: str
    role: Literal["catalog", "interactions", "images", "features", "mapping"]
    format: str
    encoding: str | None = None
    delimiter: str | None = None
    rows: int = 0
    columns: tuple[str, ...] = ()
    preview: tuple[tuple[str, ...], ...] = ()  # first five rows as text


class ColumnRole(Record):
    """Which of the shop's columns plays which role, and why we think so."""

    file: str
    role: str  # item_id title description category price image | user_id item_id timestamp price quantity amount event_type
    column: str
    score: Share
    reason: Message
    samples: tuple[str, ...] = ()


class SetAside(Record):
    """Rows of one file that could not be used, by reason (words: ``set_aside.<reason>``)."""

    file: str
    reason: str
    count: int = Field(ge=0)


class ReadingNotes(Record):
    """What reading found: files, roles, the cleaning funnel. Tells the Data page everything it shows."""

    files: tuple[FileNote, ...] = ()
    columns: tuple[ColumnRole, ...] = ()
    set_aside: tuple[SetAside, ...] = ()
    unused_columns: dict[str, tuple[str, ...]] = {}
    merged_duplicates: int = 0  # rows that repeat a (user, item) pair; kept as weight, counted once in ranking
    items_without_interactions: int = 0
    images_unmatched: int = 0
    remarks: tuple[Message, ...] = ()  # columns left out and why, the segment column, repairs that were made
    findings: tuple[Finding, ...] = ()


class Coverage(Record):
    """Share of items, of interaction rows and of revenue whose item has a *real* value for the modality (A1), and of the items
    that only seem to have one (A3: placeholder, boilerplate, copy). The two never overlap."""

    items: Share
    interactions: Share
    revenue: Share | None = None
    disguised: Share = 0.0


class QualityIssue(Record):
    """One kind of fault in one modality: its words are ``issue.<code>.*``; at most 20 item ids, worst first."""

    code: str
    count: int = Field(ge=0)
    share: Share
    item_ids: tuple[str, ...] = ()


class FeatureHealth(Record):
    """A4: the encoded vectors themselves. ``norm_ratio``: mean norm over the median of the other modalities' mean norms."""

    dimensions: int
    encoder: str
    norm_mean: float
    norm_cv: float
    norm_ratio: float | None = None
    dead_dimensions: Share
    mean_cosine: float
    effective_rank: float
    zero_rows: Share = 0.0


class Standalone(Record):
    """A5: Recall@20 of recommending by this modality's similarity alone, beside the floors that any value must beat."""

    recall_at_20: Estimate
    permuted_floor: Estimate
    lift: Estimate | None = None  # paired difference to the permuted floor


class ModalityProfile(Record):
    """What one modality brings before any training."""

    name: str
    kind: Kind
    coverage: Coverage
    issues: tuple[QualityIssue, ...] = ()
    health: FeatureHealth | None = None
    standalone: Standalone


class PresencePattern(Record):
    """Items that have exactly these modalities."""

    modalities: tuple[str, ...]
    items: int
    interactions: Share


class Profile(Record):
    """What the data says before any training."""

    modalities: tuple[ModalityProfile, ...]
    baselines: dict[str, dict[str, Estimate]]  # random, popularity, item_knn -> recall_at_20, ndcg_at_20
    patterns: tuple[PresencePattern, ...] = ()
    n_test_users: int = 0
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()


class Arm(Record):
    """One training: a backbone on a set of modalities under a balancer. ``arm_id`` such as ``vbpr:text+image:ckd``."""

    backbone: str
    modalities: tuple[str, ...]
    balancer: str = "none"

    @property
    def arm_id(self) -> str:
        return f"{self.backbone}:{'+'.join(self.modalities) or 'id'}:{self.balancer}"


class ProbePlan(Record):
    """Everything that decides a probe's outcome. Same plan and same data give the same ``run_id`` and the same numbers."""

    fingerprint: str
    preset: str
    modalities: tuple[str, ...]
    arms: tuple[Arm, ...]
    seeds: tuple[int, ...]
    split: SplitKind
    k: int = 20
    max_epochs: int
    patience: int
    batch_size: int
    learning_rate: float
    l2: float
    dimensions: int
    options: dict[str, Any] = {}
    eta_s: float | None = Field(default=None, exclude=True)

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
    branches: dict[str, float] = {}  # modality -> recall@k of purchase history + that branch alone; "id" -> history alone
    dynamics: dict[str, dict[str, float]] = {}  # measure -> modality -> value (weight, clip_share, gradient_share, ...)
    seconds: float = 0.0
    done: float = 0.0  # overall, in [0, 1]
    eta_s: float | None = None
    reason: str | None = None


class ArmSummary(Record):
    """What one arm reached on the test users, over all its seeds."""

    arm_id: str
    backbone: str
    modalities: tuple[str, ...]
    balancer: str
    seeds: tuple[int, ...]
    recall_at_20: Estimate
    ndcg_at_20: Estimate
    best_epochs: tuple[int, ...]
    converged: bool
    seconds_per_epoch: float = Field(default=0.0, exclude=True)


class Evidence(Record):
    """One measured value for or against a claim. Words: ``measure.<measure>``."""

    measure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    supports: bool = True
    unit: str = "share"


class Cause(Record):
    """One reason why a modality does not do more, with the evidence for and against it. Words: ``cause.<code>``."""

    code: CauseCode
    confidence: Confidence
    evidence: tuple[Evidence, ...]


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
    quality: dict[str, float] = {}
    standalone: Standalone
    unimodal: Estimate | None = None  # purchase history + this modality, trained alone
    branch: Estimate | None = None  # the same part inside the jointly trained model
    contribution: Estimate | None = None  # Shapley value over retrained sets, or the counterfactual one; see `contribution_method`
    contribution_method: str | None = None
    knock_out: Estimate | None = None  # all modalities minus all but this one, retrained
    gap: Estimate | None = None  # C1: unimodal minus branch
    causes: tuple[Cause, ...] = ()
    curve: tuple[CurvePoint, ...] = ()


class BalancingResult(Record):
    """What one balancer changed for one backbone: test Recall@20 without it, with it, and the paired difference."""

    backbone: str
    balancer: str
    plain: Estimate
    balanced: Estimate
    lift: Estimate


class Balancing(Record):
    """Whether balancing pays: its results, and the headroom that it could at most use."""

    recommended: bool | None
    results: tuple[BalancingResult, ...]
    headroom: Estimate
    minimum_detectable_effect: float | None = None


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
    values: dict[str, Any] = {}
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


class Finding(Record):
    """Something worth knowing. Words: ``finding.<code>.title`` / ``.text`` / ``.remedy``, written with ``values``."""

    code: str
    severity: Severity
    modality: str | None
    effect: Estimate | None = None
    confidence: Confidence | None = None
    evidence: tuple[Evidence, ...] = ()
    values: dict[str, Any] = {}
    item_ids: tuple[str, ...] = ()


class NotChecked(Record):
    """Something that was not measured and why. Words: ``not_checked.<code>`` and ``not_checked_reason.<reason>``."""

    code: str
    reason: str
    values: dict[str, Any] = {}


class DatasetSummary(Record):
    """What was read: sizes, and how many rows of each file were used or set aside."""

    fingerprint: str
    n_users: int
    n_items: int
    n_interactions: int
    rows_read: dict[str, int]
    rows_set_aside: dict[str, dict[str, int]]
    first_timestamp: str | None = None
    last_timestamp: str | None = None


class Protocol(Record):
    """The protocol card, printed in every result."""

    split: SplitKind
    split_reason: str
    k: int
    metric: str
    backbones: tuple[str, ...]
    seeds: tuple[int, ...]
    preset: str
    n_train: int
    n_validation: int
    n_test: int
    n_test_users: int
    cut_offs: tuple[str, ...] = ()
    learning_rate: float | None = None
    max_epochs: int | None = None


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
    verdict: Verdict
    findings: tuple[Finding, ...]
    not_checked: tuple[NotChecked, ...]
    provenance: Provenance


for _record in (ReadingNotes, Profile, Diagnosis):
    _record.model_rebuild()
