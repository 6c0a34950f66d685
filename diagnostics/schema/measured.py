"""What the data say before any training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from diagnostics.schema.codes import BoolArray, Kind, Share
from diagnostics.schema.reading import Sampled
from diagnostics.schema.records import Estimate, Finding, NotChecked, Record

if TYPE_CHECKING:
    from diagnostics.schema.containers import Catalog

__all__ = [
    "Absence",
    "AbsenceCode",
    "AbsenceDriver",
    "ColumnSummary",
    "Coverage",
    "DescriptionGaps",
    "FeatureHealth",
    "Homophily",
    "ModalityProfile",
    "NewItemCeiling",
    "PresencePattern",
    "Profile",
    "QualityIssue",
    "Redundancy",
    "SegmentCoverage",
    "SharedInformation",
    "Standalone",
    "TableSummary",
]


class Coverage(Record):
    """Share of items, of interaction rows and of revenue whose item has a *real* value for the modality (A1), and of the items
    that only seem to have one (A3: placeholder, boilerplate, copy). The two never overlap."""

    items: Share
    interactions: Share
    revenue: Share | None = None
    disguised: Share = 0.0


class SegmentCoverage(Record):
    """A1 within one part of the shop: of its items, and of the log rows that fall on it, the share with a *real* value.

    ``by`` says how the shop was divided: ``popularity`` (``head``, ``middle``, ``tail``: items that together make the first 50 %,
    the next 30 % and the last 20 % of all log rows; ``unsold``), ``category`` (the shop's own words; ``*`` the
    smaller categories together, empty: no category), ``month`` (of the log row, ``2024-03``; its items are those that sold in it)
    and ``launch`` (the month in which the item is first seen in the log, or was added where the catalog says so).
    """

    by: Literal["popularity", "category", "month", "launch"]
    segment: str
    n_items: int = Field(ge=0)
    n_interactions: int = Field(ge=0)
    items: Share
    interactions: Share | None = None


AbsenceCode = Literal[
    "never_sold",
    "less_popular",
    "more_popular",
    "no_price",
    "cheaper",
    "dearer",
    "newer",
    "older",
    "no_category",
    "category",
    "month",
]


class AbsenceDriver(Record):
    """One thing that goes with a missing value (A2): among items of the ``group`` the share without it, and among the rest.

    ``code``: ``less_popular``, ``more_popular``, ``cheaper``, ``dearer``, ``newer``, ``older`` (the lower or upper third),
    ``never_sold``, ``no_price``, ``no_category``, ``category`` (``group`` is its name) or ``month`` (of launch; ``group`` is
    ``2024-05``, or ``2024-05–2024-07`` for neighbouring ones). The rest are the items of no driver of
    the same modality. Words: ``absence.<code>``.
    """

    code: AbsenceCode
    group: str | None = None
    missing: Share
    missing_elsewhere: Share
    difference: Estimate
    n_items: int = Field(ge=0)


class Absence(Record):
    """A2: can a missing value be predicted from popularity, category, price and age? ``auc`` of 0.5 means missing at random."""

    auc: Estimate
    drivers: tuple[AbsenceDriver, ...] = ()


class QualityIssue(Record):
    """One kind of fault in one modality: its words are ``issue.<code>.*``; at most 20 item ids, worst first.

    ``score``: 1 where no item has the fault at all, 0 where every item has it fully; ``flagged``: it is common enough to act on.
    """

    code: str
    count: int = Field(ge=0)
    share: Share
    item_ids: tuple[str, ...] = ()
    score: Share = 1.0
    flagged: bool = False


class FeatureHealth(Record):
    """A4: the encoded vectors themselves. ``norm_ratio``: mean norm over the usual one of the shop's modalities."""

    dimensions: int
    encoder: str
    norm_mean: float
    norm_cv: float
    norm_ratio: float | None = None
    dead_dimensions: Share
    mean_cosine: float
    effective_rank: float
    zero_rows: Share = 0.0
    hubness: float | None = None  # skewness of how often an item is among others' ten nearest
    hub_share: Share | None = None  # of all places among the ten nearest, those taken by the most frequent 1 % of items


class Homophily(Record):
    """A6: of an item's ten nearest by content, the share that customers also bought together with it, beside chance."""

    overlap: Estimate
    chance: Estimate
    lift: Estimate | None = None  # paired difference to chance


class NewItemCeiling(Record):
    """A9: how much of what purchases know of an item (its collaborative factors) its content predicts, on items held out."""

    r2: Estimate
    floor: Estimate  # the same with rows shuffled


class Redundancy(Record):
    """A7: how much two modalities say the same, on the items that have both."""

    modalities: tuple[str, str]
    cka: Estimate
    second_from_first: Estimate  # held-out R2 of a ridge regression
    first_from_second: Estimate
    neighbour_overlap: Estimate  # share of the ten nearest in common
    neighbour_chance: Estimate
    p_value: Share | None = None  # of the overlap under shuffled rows
    n_items: int = Field(ge=0)


class SharedInformation(Record):
    """A8: what two modalities tell about which items are bought together, in bits, split by partial information decomposition."""

    modalities: tuple[str, str]
    unique_first: Estimate
    unique_second: Estimate
    shared: Estimate
    synergy: Estimate
    total: Estimate
    n_items: int = Field(ge=0)


class Standalone(Record):
    """A5: Recall@20 of recommending by this modality's similarity alone, beside the floors that any value must beat."""

    recall_at_20: Estimate
    permuted_floor: Estimate
    lift: Estimate | None = None  # paired difference to the permuted floor


class DescriptionGaps(Record):
    """A1, A2 for the description apart from the title, where the shop has such a column and fills it.

    ``coverage.items``: items with a description of their own. ``blank``: items where nothing is written; ``hollow``: items where it
    is boilerplate, a template, a word for nothing or the title once more; ``without_text``: of both, those that have no
    usable title either.
    """

    coverage: Coverage
    blank: int = Field(ge=0)
    hollow: int = Field(ge=0)
    without_text: int = Field(ge=0)
    segments: tuple[SegmentCoverage, ...] = ()
    absence: Absence | None = None


class ModalityProfile(Record):
    """What one modality brings before any training.

    ``stand_in_item_ids``: every item with a placeholder, a copy, nothing but a bare name, or an unreadable value.
    """

    name: str
    kind: Kind
    coverage: Coverage
    issues: tuple[QualityIssue, ...] = ()
    health: FeatureHealth | None = None
    standalone: Standalone
    standalone_collapsed: Standalone | None = None  # variants of one product counted as one item; None without variants
    segments: tuple[SegmentCoverage, ...] = ()
    absence: Absence | None = None
    homophily: Homophily | None = None
    new_item_ceiling: NewItemCeiling | None = None
    own_share: Estimate | None = None  # of what all modalities together foretell of the collaborative factors, lost without it (A8)
    languages: dict[str, Share] = Field(default_factory=dict)  # text only: ISO 639-1 code (``und`` unknown) -> share of texts
    lengths: dict[str, int] = Field(default_factory=dict)  # text only: ``p5``, ``p50``, ``p95``, ``longest`` -> characters
    stand_in_item_ids: tuple[str, ...] = ()
    description: DescriptionGaps | None = None  # text only, where titles stand apart

    def real(self, catalog: Catalog) -> BoolArray:
        """The items of the profiled catalog whose value is neither missing nor a stand-in, bool (n_items,)."""
        present = next(modality.present for modality in catalog.modalities if modality.name == self.name)
        return present & ~np.isin(catalog.item_ids.astype(str), np.array(self.stand_in_item_ids, dtype=str))


class PresencePattern(Record):
    """Items that have exactly these modalities."""

    modalities: tuple[str, ...]
    items: int
    interactions: Share


class ColumnSummary(Record):
    """One column of one table.

    ``low``, ``middle`` (the lower median) and ``high`` are text as the shop would write it, of numbers and times only; times count
    to the day; ``common``: at most five values that occur more than once, the most frequent first, with their counts.
    """

    table: Literal["catalog", "interactions"]
    column: str
    kind: Literal["number", "text", "time", "flag"]
    rows: int = Field(ge=0)
    missing: int = Field(ge=0)
    distinct: int = Field(ge=0)
    low: str | None = None
    middle: str | None = None
    high: str | None = None
    mean: float | None = None
    common: tuple[tuple[str, int], ...] = ()


class TableSummary(Record):
    """The two tables in numbers, over every row, also where only a sample is kept for training."""

    items: int = Field(ge=0)
    interactions: int = Field(ge=0)
    users: int = Field(ge=0)
    items_sold: int = Field(ge=0)
    first_day: str | None = None
    last_day: str | None = None
    columns: tuple[ColumnSummary, ...] = ()


class Profile(Record):
    """What the data says before any training."""

    modalities: tuple[ModalityProfile, ...]
    tables: TableSummary | None = None
    sampled: Sampled | None = None  # what was kept of a shop too large to hold; None where every row was
    redundancy: tuple[Redundancy, ...] = ()
    shared_information: tuple[SharedInformation, ...] = ()
    baselines: dict[str, dict[str, Estimate]]  # random, popularity, item_knn -> recall_at_20, ndcg_at_20
    patterns: tuple[PresencePattern, ...] = ()
    n_test_users: int = 0
    detectable_effect: float | None = None  # the smallest change of Recall@20 that a comparison of two models should find here
    findings: tuple[Finding, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()

    @property
    def popularity(self) -> float:
        """The Recall@20 of recommending what sells; 0 where it was not measured."""
        bestsellers = self.baselines.get("popularity", {}).get("recall_at_20")
        return bestsellers.value if bestsellers and bestsellers.value else 0.0
