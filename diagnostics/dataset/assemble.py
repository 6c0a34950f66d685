"""From a shop's files to one ``Dataset``: read, propose, correct, clean, match, split; every row used or accounted for."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from diagnostics.dataset.catalog import Items, choose_segments, columns_of, read_items
from diagnostics.dataset.columns import propose_roles
from diagnostics.dataset.guard import find_pictures, read_table, read_vectors
from diagnostics.dataset.mapping import apply_mapping, read_mapping
from diagnostics.dataset.pictures import Pictures
from diagnostics.dataset.purchases import Purchases, read_purchases
from diagnostics.dataset.rejects import count_reasons, places_table
from diagnostics.dataset.splits import split as make_split
from diagnostics.dataset.tables import Table
from diagnostics.dataset.vectors import align_vectors, check_name
from diagnostics.errors import TenbinError
from diagnostics.schema import (
    Catalog,
    ColumnRole,
    Dataset,
    FileNote,
    FloatArray,
    ImageSource,
    InteractionLog,
    Message,
    Progress,
    ReadingNotes,
    Split,
)

__all__ = ["picture_sources", "propose", "read"]

_PREVIEW_ROWS = 20_000


def propose(catalog: Path, interactions: Path, mapping: Path | Mapping[str, Any] | None = None) -> tuple[ColumnRole, ...]:
    """Which column plays which role, from the beginning of both files, with a person's corrections where given.

    Raises
    ------
    TenbinError
        As ``read``, for what concerns the two files and the mapping; a missing id column is no error here.
    """
    left, right = _named_apart(
        read_table(catalog, "catalog", max_rows=_PREVIEW_ROWS), read_table(interactions, "interactions", max_rows=_PREVIEW_ROWS)
    )
    return apply_mapping(propose_roles(left, right).roles, read_mapping(mapping), {"catalog": left, "interactions": right})


def read(
    catalog: Path,
    interactions: Path,
    *,
    images: Path | None = None,
    features: Mapping[str, Path] | None = None,
    mapping: Path | Mapping[str, Any] | None = None,
    split: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
) -> Dataset:
    """Read a product table and a purchase log, with pictures and ready-made vectors where given.

    Parameters
    ----------
    catalog, interactions : CSV, TSV or Parquet files, in any of the usual encodings
    images : a folder or a zip of pictures, named by item id or by a path column of the catalog
    features : modality name -> file of vectors
    mapping : corrections to the proposed roles, as a TOML file or nested mappings; see ``mapping.py``
    split : ``auto``, ``time`` or ``user``; ``seed`` draws the user split
    progress : called with ``read_catalog``, ``read_interactions``, ``read_images``, ``read_features``, ``split``

    Raises
    ------
    TenbinError
        What cannot be used at all, with file, row, column and cure: see the codes of each part. Single rows that cannot be used
        never raise; they stand in ``Dataset.rejected``, counted in ``notes.set_aside``.

    Cost: linear in rows; about one second per 100,000 rows.
    """
    say = progress or (lambda code, done: None)
    mapped = read_mapping(mapping)
    for name in features or {}:
        check_name(name)
    say("read_catalog", 0.0)
    left = read_table(catalog, "catalog")
    say("read_catalog", 1.0)
    say("read_interactions", 0.0)
    left, right = _named_apart(left, read_table(interactions, "interactions"))
    proposal = propose_roles(left, right)
    roles = apply_mapping(proposal.roles, mapped, {"catalog": left, "interactions": right})
    _require(roles, left, "item_id", "E_NO_ITEM_COLUMN")
    _require(roles, right, "item_id", "E_NO_ITEM_COLUMN")
    if not columns_of(roles, right.name, "user_id") and columns_of(propose_roles(right, left).roles, left.name, "user_id"):
        raise TenbinError("E_FILES_SWAPPED", file=left.name, log=right.name)
    _require(roles, right, "user_id", "E_NO_USER_COLUMN")
    items = read_items(left, roles)
    bought = read_purchases(right, roles, items.item_ids, items.price, left.name)
    say("read_interactions", 1.0)

    rejected = {left.name: items.rejected, right.name: bought.rejected}
    files = [left.note, right.note]
    pictures = None
    if images is not None:
        say("read_images", 0.0)
        pictures = find_pictures(images, items.item_ids, items.image_paths)
        files.append(FileNote(name=images.name, role="images", format="folder" if images.is_dir() else "zip", rows=pictures.files))
        places = [(int(items.rows[at]) if at >= 0 else -1, written, reason) for at, written, reason in pictures.refused]
        rejected[images.name] = places_table("picture", places)
        say("read_images", 1.0)
    vectors: dict[str, FloatArray] = {}
    for done, (name, path) in enumerate((features or {}).items()):
        say("read_features", done / len(features or {}))
        found = read_vectors(path)
        vectors[name], aside = align_vectors(found, items.item_ids, items.kept, left.n_rows)
        files.append(found.note)
        rejected[path.name] = places_table("item_id", aside)
    if isinstance(mapping, Path):
        files.append(FileNote(name=mapping.name, role="mapping", format="toml"))

    products, remarks = _catalog(items, bought, pictures, vectors, left.name)
    say("split", 0.0)
    parts = make_split(bought.log, products.n_items, kind=split, seed=seed)
    say("split", 1.0)
    taken = {role.column for role in roles if role.file == left.name}
    left_out = [remark for remark in proposal.remarks if remark.values.get("column") not in taken]
    rejected = {name: rows for name, rows in rejected.items() if len(rows)}
    log = bought.log
    notes = ReadingNotes(
        files=tuple(files),
        columns=roles,
        set_aside=count_reasons(rejected),
        unused_columns={table.name: _unused(table, roles) for table in (left, right)},
        merged_duplicates=int(pd.Series(log.user_index.astype(np.int64) * products.n_items + log.item_index).duplicated().sum()),
        items_without_interactions=int((np.bincount(log.item_index, minlength=products.n_items) == 0).sum()),
        images_unmatched=0 if pictures is None else pictures.unmatched,
        remarks=(*remarks, *bought.remarks, *left_out),
    )
    return Dataset(products, log, _fingerprint(products, log, parts, images), notes, parts, rejected)


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


def _named_apart(left: Table, right: Table) -> tuple[Table, Table]:
    """Two files of one name, in different folders, get names that tell them apart."""
    if left.name != right.name:
        return left, right

    def renamed(table: Table, role: str) -> Table:
        name = f"{role}-{table.name}"
        return dataclasses.replace(table, name=name, note=table.note.model_copy(update={"name": name}))

    return renamed(left, "catalog"), renamed(right, "interactions")


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
    price = items.price
    if price is None and bought.unit_price is not None:
        paid = pd.Series(bought.unit_price).groupby(bought.log.item_index).median()
        if paid.notna().any():
            price = np.full(len(items.item_ids), np.nan)
            price[paid.index.to_numpy()] = paid.to_numpy()
            remarks += (Message(code="reading.remark.price_from_log", values={"n": int(np.isfinite(price).sum())}),)
    catalog = Catalog(
        item_ids=items.item_ids,
        titles=items.titles,
        texts=items.texts,
        images=None if pictures is None else pictures.sources,
        attributes=items.attributes,
        price=price,
        category=category,
        vectors=vectors,
    )
    return catalog, remarks


def _fingerprint(catalog: Catalog, log: InteractionLog, split: Split, images: Path | None) -> str:
    """A blake2b hash (32 hex digits) of the content that decides every later number.

    A picture enters by its place inside the folder and its size: hashing every picture here would cost more than all of reading,
    and the encoders' cache goes by the pictures' bytes anyway.
    """
    hashed = hashlib.blake2b(digest_size=16)

    def add(name: str, raw: bytes) -> None:
        hashed.update(f"{name}:{len(raw)}:".encode())
        hashed.update(raw)

    def add_texts(name: str, values: Any) -> None:
        if values is not None:
            add(name, "\0".join("\x01" if value is None else str(value) for value in values).encode("utf-8", "surrogatepass"))

    for name in ("item_ids", "titles", "texts", "category"):
        add_texts(name, getattr(catalog, name))
    for name, column in catalog.attributes.items():
        add_texts(f"attribute {name}", column)
    if catalog.images is not None and images is not None:
        add_texts("images", [_picture_name(source, images) for source in catalog.images])
    add_texts("users", log.user_ids)
    add_texts("events", log.event_type)
    arrays: dict[str, Any] = {"price": catalog.price, "user": log.user_index, "item": log.item_index, "value": log.value}
    arrays |= {f"vector {name}": values for name, values in sorted(catalog.vectors.items())}
    arrays |= {"train": split.train, "validation": split.validation, "test": split.test}
    arrays["time"] = None if log.timestamp is None else log.timestamp.astype(np.int64)
    for name, values in arrays.items():
        if values is not None:
            add(f"{name} {values.shape}", np.ascontiguousarray(values).tobytes())
    return hashed.hexdigest()


def _picture_name(source: Any, root: Path) -> str | None:
    if source is None:
        return None
    if source.member is not None:
        return str(source.member)
    return f"{source.path.relative_to(root).as_posix()} {source.path.stat().st_size}"
