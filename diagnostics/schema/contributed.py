"""What each kind of information contributes: to whom, together with what, in which part of the shop, and how it was learnt."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from diagnostics.schema.records import Estimate, Record

__all__ = ["Contributions", "CoursePoint", "Dissent", "Exposure", "Interaction", "PlayerShare", "SegmentShare"]


class PlayerShare(Record):
    """A Shapley value with purchase history as a player too ("id"), of the trained joint model whose other parts are taken out.

    It shares out what the model finds beyond lists in no order. Only for models whose score uses content.
    """

    player: str
    share: Estimate


class Interaction(Record):
    """What two kinds of information find together beyond what each finds without the other (C5), over retrained models."""

    one: str
    other: str
    index: Estimate


class SegmentShare(Record):
    """A modality's contribution to the test purchases of one part of the shop, by the same method as over the whole.

    ``dimension``: category, price, popularity or age; ``segment``: a category's name, or the number of a band, 1 the cheapest or
    the least sold. ``p``: that it is nothing, corrected over the whole map (Benjamini and Hochberg). ``n_purchases``: test
    purchases. Of a segment with too few customers there is neither share nor p, only how many there are (``share.n``).
    """

    dimension: Literal["category", "price", "popularity", "age"]
    segment: str
    modality: str
    share: Estimate
    n_purchases: int
    p: float | None = None
    stands_out: bool = False


class Exposure(Record):
    """How often products that lack a modality are shown (C11), against complete ones that sold as often.

    ``ratio``: places among the first ``k`` of incomplete products over those of their matches; below 1: they are shown less.
    """

    ratio: Estimate
    n_incomplete: int
    n_matched: int


class Contributions(Record):
    """Contributions beyond those of single modalities. ``method``: how ``ModalityResult.contribution`` and the segments were
    made."""

    method: str
    with_history: tuple[PlayerShare, ...] = ()
    interactions: tuple[Interaction, ...] = ()
    segments: tuple[SegmentShare, ...] = ()
    synergy: Estimate | None = None  # C2: all modalities minus the best single one, retrained


class CoursePoint(Record):
    """One measure of one modality after an epoch, the mean over the seeds that reached it. Words: ``dynamics.<measure>``."""

    measure: str
    balancer: str
    epoch: int
    value: float
    n_seeds: int = Field(ge=1)


class Dissent(Record):
    """The dissenting view (B8): the share of the model's reliance that falls on a modality, and the share that its variance
    recommends.

    A modality that predicts unsteadily should be relied on less; where actual and recommended agree, balancing would do harm.
    """

    modality: str
    actual: Estimate
    recommended: Estimate
