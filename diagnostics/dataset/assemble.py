"""From a shop's files to one ``Dataset``: read, propose, correct, clean, match, split; every row used or accounted for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnostics.dataset.catalog import Items, choose_segments, columns_of, read_items
from diagnostics.dataset.columns import NEEDED, Proposal, propose_roles
from diagnostics.dataset.fingerprint import fingerprint
from diagnostics.dataset.formats import Shop
from diagnostics.dataset.guard import find_pictures, read_table, read_vectors
from diagnostics.dataset.mapping import Mapped, read_mapping
from diagnostics.dataset.opening import PREVIEW_ROWS, Steps, open_shop, proposed
from diagnostics.dataset.pictures import Pictures
from diagnostics.dataset.purchases import Purchases, read_purchases
from diagnostics.dataset.rejects import count_reasons, places_table
from diagnostics.dataset.source import Source, TableSource
from diagnostics.dataset.splits import split as make_split
from diagnostics.dataset.splits import weak_pairs
from diagnostics.dataset.tables import Table
from diagnostics.dataset.vectors import Vectors, align_vectors, check_name
from diagnostics.errors import TenbinError
from diagnostics.schema import (
    Catalog,
    ColumnRole,
    Dataset,
    FileNote,
    FloatArray,
    ImageSource,
    Message,
    Progress,
    ReadingNotes,
)

__all__ = ["picture_sources", "propose", "read"]


def propose(
    catalog: Source | None, interactions: Source, mapping: Path | Mapping[str, Any] | None = None, format: str = "auto"
) -> Proposal:
    """Which column plays which role, and which a person must choose, from the beginning of both files.

    ``mapping`` holds a person's corrections and answers, ``format`` the name of a published format or ``auto``.

    Raises
    ------
    TenbinError
        As ``read``, for what concerns the two files and the mapping; a missing id column or a question is no error here.
    """
    mapped = read_mapping(mapping)
    return proposed(open_shop(catalog, interactions, mapped, format, Steps(), max_rows=PREVIEW_ROWS), mapped)


def read(
    catalog: Source | None,
    interactions: Source,
    *,
    images: Path | None = None,
    features: Mapping[str, Path] | None = None,
    mapping: Path | Mapping[str, Any] | None = None,
    format: str = "auto",
    split: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Dataset:
    """Read a product table and a purchase log, with pictures and ready-made vectors where given.

    Parameters
    ----------
    catalog, interactions : files of any kind that ``tables.READERS`` reads, in any of the usual encodings, or the URLs of tables
        of a database; the interactions may also be the folder of a published format, which then brings its catalog
    images : a folder or a zip of pictures, named by item id or by a path column of the catalog
    features : modality name -> file of vectors; in place of one that a published format brings under the same name
    mapping : corrections to the proposed roles, weights of events, threshold of ratings; see ``mapping.py``
    format : the name of a published format, or ``auto``
    split : ``auto``, ``time``, ``user`` or ``given``; ``seed`` draws the user split
    progress : called with ``read_catalog``, ``read_interactions``, ``read_images``, ``read_features``, ``split``
    cancelled : asked often; True stops

    Raises
    ------
    TenbinError
        What cannot be used at all, with file, row, column and cure: see the codes of each part; ``E_TWO_CANDIDATES`` where two
        columns could equally well name the customer, the product or the time. Single rows that cannot be used never raise; they
        stand in ``Dataset.rejected``, counted in ``notes.set_aside``.
    Cancelled

    Cost: linear in rows; about one second per 100,000 rows.
    """
    steps = Steps(progress, cancelled)
    mapped = read_mapping(mapping)
    for name in features or {}:
        check_name(name)
    shop = open_shop(catalog, interactions, mapped, format, steps, seed=seed)
    left, right = shop.catalog, shop.interactions
    proposal = proposed(shop, mapped)
    roles = proposal.roles
    _answered(proposal, left, right)
    items = read_items(left, roles)
    steps("read_interactions", 1.0)
    bought = read_purchases(right, roles, items.item_ids, items.price, left.name, mapped)

    rejected = {left.name: items.rejected, right.name: bought.rejected}
    files = [left.note, right.note]
    pictures, root = None, images or shop.images
    if root is not None:
        steps("read_images", 0.0)
        pictures = find_pictures(
            root, items.item_ids, items.image_paths, progress=steps.within("read_images"), cancelled=steps.cancelled
        )
        called = _told_apart("images", root.name, [file.name for file in files])
        files.append(FileNote(name=called, role="images", format="folder" if root.is_dir() else "zip", rows=pictures.files))
        places = [(int(items.rows[at]) if at >= 0 else -1, written, reason) for at, written, reason in pictures.refused]
        rejected[called] = places_table("picture", places)
        steps("read_images", 1.0)
    vectors: dict[str, FloatArray] = {}
    wanted: dict[str, Path | Vectors] = {**shop.features, **(features or {})}
    given = [file.name for file in files]
    for place, (name, source) in enumerate(wanted.items()):
        found = _vectors(shop, name, source, steps, (place / len(wanted), (place + 1) / len(wanted)))
        called = _told_apart(name, found.name, [*given, *(other.name for key, other in wanted.items() if key != name)])
        vectors[name], aside, matched = align_vectors(found, items.item_ids, items.kept, left.n_rows, called)
        files.append(found.note.model_copy(update={"name": called, "remarks": (*found.note.remarks, *matched)}))
        rejected[called] = places_table("item_id", aside)
    if isinstance(mapping, Path):
        files.append(FileNote(name=mapping.name, role="mapping", format="toml"))

    products, remarks = _catalog(items, bought, pictures, vectors, left.name)
    steps("split", 0.0)
    log = bought.log
    parts = make_split(log, products.n_items, kind=split, seed=seed, parts=bought.parts)
    steps("split", 1.0)
    taken = {role.column for role in roles if role.file == left.name}
    left_out = [remark for remark in proposal.remarks if remark.values.get("column") not in taken]
    rejected = {name: rows for name, rows in rejected.items() if len(rows)}
    notes = ReadingNotes(
        files=tuple(files),
        columns=roles,
        set_aside=count_reasons(rejected),
        questions=proposal.questions,
        published_format=shop.format,
        event_weights=bought.event_weights,
        rating_threshold=bought.rating_threshold,
        weak_pairs=weak_pairs(log, products.n_items),
        unused_columns={table.name: _unused(table, roles) for table in (left, right)},
        merged_duplicates=int(pd.Series(log.user_index.astype(np.int64) * products.n_items + log.item_index).duplicated().sum()),
        items_without_interactions=int((np.bincount(log.item_index, minlength=products.n_items) == 0).sum()),
        images_unmatched=0 if pictures is None else pictures.unmatched,
        sampled=shop.sampled,
        remarks=(*_drawn(shop), *(remark for note in files for remark in note.remarks), *remarks, *bought.remarks, *left_out),
    )
    found_again = _every_row(shop, products, bought, mapped)
    return Dataset(products, log, fingerprint(products, log, parts, root), notes, parts, rejected, found_again)


def _told_apart(part: str, name: str, others: Sequence[str]) -> str:
    """A file's name, with what it is for in front where another file, in another folder, has the same: ``text-vectors.npy``."""
    return f"{part}-{name}" if name in others else name


def _drawn(shop: Shop) -> tuple[Message, ...]:
    if shop.sampled is None:
        return ()
    code = "sampled" if shop.sampled.items_kept == shop.sampled.items else "sampled_catalog"
    return (Message(code=f"reading.remark.{code}", values=shop.sampled.model_dump()),)


def _every_row(shop: Shop, products: Catalog, bought: Purchases, mapped: Mapped) -> TableSource | None:
    """Where all rows are, with what reading the sample has shown of how they are to be understood; None where all are held."""
    if shop.source is None or shop.sampled is None:
        return None
    writing = next((remark.code.rpartition(".")[2] for remark in bought.remarks if remark.code.startswith("reading.times.")), "iso")
    return dataclasses.replace(
        shop.source,
        category=next((name for name, values in products.attributes.items() if values is products.category), None),
        times=None if bought.log.timestamp is None else writing,
        event_weights={**mapped.events, **bought.event_weights},
        rating_threshold=bought.rating_threshold,
        held=products if shop.sampled.items_kept == shop.sampled.items else None,
    )


def picture_sources(catalog: Path, images: Path, notes: ReadingNotes) -> Mapping[str, ImageSource]:
    """Item id -> its picture, found again as an earlier reading found it, for showing single items to a person.

    Raises
    ------
    TenbinError
        As ``read``, when the files have moved or changed since.
    """
    name = next((file.name for file in notes.files if file.role == "catalog"), catalog.name)
    table = dataclasses.replace(read_table(catalog, "catalog"), name=name)
    _require(notes.columns, table, "item_id", "E_NO_ITEM_COLUMN")
    roles = tuple(role for role in notes.columns if role.column in table.frame.columns)
    items = read_items(table, roles)
    found = find_pictures(images, items.item_ids, items.image_paths)
    return {item: source for item, source in zip(items.item_ids.tolist(), found.sources, strict=True) if source is not None}


def _answered(proposal: Proposal, left: Table, right: Table) -> None:
    """Whether every role that reading needs is played by one column."""
    for question in proposal.questions:
        if question.role in NEEDED:
            table = "catalog" if question.file == left.name else "interactions"
            columns = [candidate.column for candidate in question.candidates]
            said = {"file": question.file, "table": table, "role": question.role}
            raise TenbinError("E_TWO_CANDIDATES", **said, candidates=columns, column=columns[0])
    roles = proposal.roles
    _require(roles, left, "item_id", "E_NO_ITEM_COLUMN")
    _require(roles, right, "item_id", "E_NO_ITEM_COLUMN")
    if not columns_of(roles, right.name, "user_id") and columns_of(propose_roles(right, left).roles, left.name, "user_id"):
        raise TenbinError("E_FILES_SWAPPED", file=left.name, log=right.name)
    _require(roles, right, "user_id", "E_NO_USER_COLUMN")


def _vectors(shop: Shop, name: str, source: Path | Vectors, steps: Steps, part: tuple[float, float]) -> Vectors:
    """One modality's vectors, each row with its item where the format says which it is."""
    steps("read_features", part[0])
    if isinstance(source, Vectors):
        check_name(name)
        return source
    found = read_vectors(source, progress=steps.within("read_features", *part), cancelled=steps.cancelled)
    if shop.feature_ids is None or found.ids is not None or shop.features.get(name) != source:
        return found
    check_name(name)
    return Vectors(found.name, found.values, shop.feature_ids[: len(found.values)], found.note)


def _require(roles: tuple[ColumnRole, ...], table: Table, role: str, code: str) -> None:
    if not columns_of(roles, table.name, role):
        raise TenbinError(code, file=table.name, choices=[str(name) for name in table.frame.columns])


def _unused(table: Table, roles: tuple[ColumnRole, ...]) -> tuple[str, ...]:
    used = {role.column for role in roles if role.file == table.name}
    return tuple(str(name) for name in table.frame.columns if name not in used)


def _catalog(
    items: Items, bought: Purchases, pictures: Pictures | None, vectors: Mapping[str, FloatArray], file: str
) -> tuple[Catalog, tuple[Message, ...]]:
    category, remarks = choose_segments(items.attributes, len(items.item_ids), file)
    paid = None
    if items.price is None and bought.unit_price is not None:
        median = pd.Series(bought.unit_price).groupby(bought.log.item_index).median()
        if median.notna().any():
            paid = np.full(len(items.item_ids), np.nan)
            paid[median.index.to_numpy()] = median.to_numpy()
            remarks += (Message(code="reading.remark.price_from_log", values={"n": int(np.isfinite(paid).sum())}),)
    catalog = Catalog(
        item_ids=items.item_ids,
        titles=items.titles,
        descriptions=items.descriptions,
        texts=items.texts,
        images=None if pictures is None else pictures.sources,
        attributes=items.attributes,
        price=items.price,
        price_texts=items.price_texts,
        category=category,
        vectors=vectors,
        added=items.added,
        product=items.product,
        paid=paid,
    )
    return catalog, (*items.remarks, *remarks)
