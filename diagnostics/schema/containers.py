"""Containers: frozen dataclasses that hold arrays and check themselves at birth."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from diagnostics.schema.codes import BoolArray, FloatArray, IndexArray, Kind, SplitKind

if TYPE_CHECKING:
    from diagnostics.schema.reading import ReadingNotes

__all__ = ["Catalog", "Dataset", "FeatureBlock", "ImageSource", "InteractionLog", "Modality", "Split"]


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
    price : float64 (n_items,), NaN where unknown; None when the catalog has no price
    category : object array of str or None, (n_items,); the one category used for segments
    vectors : modality name -> float32 (n_items, d); a row of NaN means missing
    added : datetime64[s] (n_items,), when the item joined the catalog, NaT where unknown; None where the shop does not say
    descriptions : object array of str or None, (n_items,), the description alone, as the shop wrote it; None without that role
    price_texts : object array of str or None, (n_items,), the price as the shop wrote it; None where it was no text
    product : object array of str or None, (n_items,), the code that variants of one product share; None without that role
    paid : float64 (n_items,), the median price of a piece in the log, where ``price`` is None; NaN for items that never sold. That
        it is known says that the item sold, so it is shown and sorts items into dear and cheap, but no model ever sees it
    """

    item_ids: npt.NDArray[np.object_]
    titles: npt.NDArray[np.object_] | None = None
    texts: npt.NDArray[np.object_] | None = None
    images: tuple[ImageSource | None, ...] | None = None
    attributes: Mapping[str, npt.NDArray[np.object_]] = field(default_factory=dict)
    price: npt.NDArray[np.float64] | None = None
    category: npt.NDArray[np.object_] | None = None
    vectors: Mapping[str, FloatArray] = field(default_factory=dict)
    added: npt.NDArray[np.datetime64] | None = None
    descriptions: npt.NDArray[np.object_] | None = None
    product: npt.NDArray[np.object_] | None = None
    price_texts: npt.NDArray[np.object_] | None = None
    paid: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if len(set(self.item_ids.tolist())) != len(self.item_ids):
            raise ValueError("item ids are not unique")
        single = (self.titles, self.texts, self.images, self.price, self.category)
        newer = (self.added, self.descriptions, self.product, self.price_texts, self.paid)
        columns = [column for column in (*single, *newer, *self.attributes.values(), *self.vectors.values()) if column is not None]
        if any(len(column) != self.n_items for column in columns):
            raise ValueError("a catalog column has another length than item_ids")

    @property
    def n_items(self) -> int:
        return len(self.item_ids)

    @property
    def price_to_show(self) -> npt.NDArray[np.float64] | None:
        """The catalog's price, else the one paid: for a person's eyes and for groups of dear and cheap items, never for a model."""
        return self.paid if self.price is None else self.price

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
    value : float64 (n_rows,), money paid in that row (price x quantity), NaN where unknown and where nothing was paid (a view);
        None without a price
    event_type : object array of str (n_rows,) or None
    weight : float32 (n_rows,), what the row counts by its event type; None where every row counts 1
    bought : bool (n_rows,), whether the row is a purchase and not a view, a cart or the like; None where every row is, or none
    """

    user_ids: npt.NDArray[np.object_]
    user_index: IndexArray
    item_index: IndexArray
    timestamp: npt.NDArray[np.datetime64] | None = None
    value: npt.NDArray[np.float64] | None = None
    event_type: npt.NDArray[np.object_] | None = None
    weight: FloatArray | None = None
    bought: BoolArray | None = None

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

    ``source`` is set where the log or the catalog is too large to be held and ``catalog`` and ``log`` are a sample
    (``notes.sampled``): it knows where every row can be read again (``diagnostics.dataset.source.TableSource``).
    """

    catalog: Catalog
    log: InteractionLog
    fingerprint: str
    notes: ReadingNotes
    split: Split
    rejected: Mapping[str, Any] = field(default_factory=dict)
    source: Any = None

    def __post_init__(self) -> None:
        if len(self.log.item_index) and (self.log.item_index.min() < 0 or self.log.item_index.max() >= self.catalog.n_items):
            raise ValueError("an item index is out of range")

    @cached_property
    def times_sold(self) -> npt.NDArray[np.int64]:
        """How many purchases each item has, int64 (n_items,): what "sold" means wherever products are put in order of it.

        Rows of any kind where the log has no purchases.
        """
        bought = self.log.item_index if self.log.bought is None else self.log.item_index[self.log.bought]
        return np.bincount(bought, minlength=self.catalog.n_items).astype(np.int64)


@dataclass(frozen=True)
class Split:
    """Distinct (user, item) pairs for training, selection and the final test; int32 (n_pairs, 2) each.

    ``kind`` is ``time`` (global cut-off dates), ``user`` (random within each user, seeded) or ``given`` by the shop; ``reason`` is
    a message code that says why. No pair stands in two parts.
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
