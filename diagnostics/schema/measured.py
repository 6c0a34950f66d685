"""What the data say before any training."""

from __future__ import annotations

from pydantic import Field

from diagnostics.schema.codes import Kind, Share
from diagnostics.schema.records import Estimate, Finding, NotChecked, Record

__all__ = ["Coverage", "FeatureHealth", "ModalityProfile", "PresencePattern", "Profile", "QualityIssue", "Standalone"]


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
    """What one modality brings before any training.

    ``stand_in_item_ids``: every item with a placeholder, a copy or an unreadable value.
    """

    name: str
    kind: Kind
    coverage: Coverage
    issues: tuple[QualityIssue, ...] = ()
    health: FeatureHealth | None = None
    standalone: Standalone
    stand_in_item_ids: tuple[str, ...] = ()


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
