"""The catalog's table becomes items: unique ids, texts, attributes, prices and one category for segments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from diagnostics.dataset.keys import plain_ids
from diagnostics.dataset.rejects import Sieve
from diagnostics.dataset.tables import Table, as_text
from diagnostics.dataset.values import parse_numbers, parse_times
from diagnostics.errors import TenbinError
from diagnostics.schema import ColumnRole, Message

__all__ = [
    "DESTROYED",
    "Items",
    "choose_segments",
    "columns_of",
    "destroyed_by_spreadsheet",
    "nothing_usable",
    "objects",
    "read_items",
]

ObjectArray = npt.NDArray[np.object_]

_BEST_SEGMENTS = 12  # about as many as a person can compare on one screen
_KINDS_OF_THINGS = re.compile(r"categor|genre|department|type|group|カテゴリ|分類|ジャンル|部門|種類|品目", re.IGNORECASE)
_LEAST_READABLE_PRICES = 0.5
DESTROYED = r"\d(\.\d+)?[eE]\+\d{1,2}"
"""What an id looks like that a spreadsheet took for a number."""


@dataclass(frozen=True)
class Items:
    """The usable rows of the catalog, column by column, as in ``Catalog``.

    ``rows`` int64 (n_items,) is each item's row as a spreadsheet shows it, ``kept`` its place among all data rows of the file.
    """

    item_ids: ObjectArray
    titles: ObjectArray | None
    descriptions: ObjectArray | None
    texts: ObjectArray | None
    attributes: dict[str, ObjectArray]
    price: npt.NDArray[np.float64] | None
    added: npt.NDArray[np.datetime64] | None
    product: ObjectArray | None
    price_texts: ObjectArray | None
    image_paths: list[str | None] | None
    rows: npt.NDArray[np.int64]
    kept: npt.NDArray[np.int64]
    rejected: pd.DataFrame
    remarks: tuple[Message, ...]


def columns_of(roles: Sequence[ColumnRole], file: str, role: str) -> list[str]:
    """The columns of a file that play a role."""
    return [found.column for found in roles if found.file == file and found.role == role]


def destroyed_by_spreadsheet(ids: pd.Series) -> npt.NDArray[np.bool_]:
    """Ids such as ``4.90E+12``: a spreadsheet took the code for a number, and its last digits are gone."""
    return ids.str.fullmatch(DESTROYED).fillna(False).to_numpy(dtype=bool)


def read_items(table: Table, roles: Sequence[ColumnRole]) -> Items:
    """Keep the rows that name an item for the first time; set the others aside.

    Raises
    ------
    TenbinError
        ``E_NO_USABLE_ROW`` or ``E_SPREADSHEET_IDS`` when nothing is left, ``E_BAD_PRICES`` when the column that a person chose
        holds no number.
    """
    ids = plain_ids(as_text(table.frame[columns_of(roles, table.name, "item_id")[0]]))
    sieve = Sieve(table)
    sieve.drop(ids.isna().to_numpy(), "missing_item_id")
    sieve.drop(destroyed_by_spreadsheet(ids), "spreadsheet_number")
    sieve.drop(ids.where(sieve.kept).duplicated().to_numpy(), "duplicate_item")
    kept = sieve.kept
    if not kept.any():
        raise nothing_usable(table, sieve, columns_of(roles, table.name, "item_id")[0])
    frame = table.frame.loc[kept]

    def texts_of(role: str) -> list[ObjectArray]:
        return [objects(as_text(frame[column])) for column in columns_of(roles, table.name, role)]

    titles = _joined(texts_of("title"), " ")
    descriptions = _joined(texts_of("description"), "\n")
    single = {role: found[0] for role in ("price", "image", "added", "product") if (found := columns_of(roles, table.name, role))}
    added = None if "added" not in single else parse_times(as_text(frame[single["added"]])).values
    price, remarks = _prices(table, frame[single["price"]], roles) if "price" in single else (None, ())
    place_of_row = np.argsort(np.argsort(np.concatenate([table.rows, table.rejected["tenbin_row"].to_numpy(dtype=np.int64)])))
    return Items(
        item_ids=objects(ids.loc[kept]),
        titles=titles,
        descriptions=descriptions,
        texts=_joined([part for part in (titles, descriptions) if part is not None], "\n"),
        attributes={column: objects(as_text(frame[column])) for column in columns_of(roles, table.name, "category")},
        price=price,
        added=None if added is None or np.isnat(added).all() else added,
        price_texts=objects(as_text(frame[single["price"]])) if "price" in single else None,
        product=objects(as_text(frame[single["product"]])) if "product" in single else None,
        image_paths=objects(as_text(frame[single["image"]])).tolist() if "image" in single else None,
        rows=table.rows[kept],
        kept=place_of_row[: len(kept)][kept].astype(np.int64),
        rejected=sieve.rejected(),
        remarks=remarks,
    )


def nothing_usable(table: Table, sieve: Sieve, item_column: str) -> TenbinError:
    """What to raise where every row of a table is set aside: why, in most cases."""
    if sieve.commonest != "spreadsheet_number":
        return TenbinError("E_NO_USABLE_ROW", file=table.name, n=table.n_rows, reason=sieve.commonest)
    ids = as_text(table.frame[item_column])
    lost = destroyed_by_spreadsheet(ids)
    return TenbinError("E_SPREADSHEET_IDS", file=table.name, column=item_column, found=str(ids[lost].iloc[0]), n=int(lost.sum()))


def choose_segments(
    attributes: Mapping[str, ObjectArray], n_items: int, file: str
) -> tuple[ObjectArray | None, tuple[Message, ...]]:
    """The one attribute that divides the shop best: well filled, evenly spread, about a dozen values, named like a category."""
    best: tuple[float, str, int] | None = None
    for name, values in attributes.items():
        counts = pd.Series(values, dtype=object).value_counts().to_numpy()
        if len(counts) < 2:
            continue
        share = counts / counts.sum()
        evenness = float(-(share * np.log(share)).sum() / np.log(len(counts)))
        size = 1.0 / (1.0 + abs(np.log(len(counts) / _BEST_SEGMENTS)))
        score = counts.sum() / n_items * evenness * size * (2.0 if _KINDS_OF_THINGS.search(name) else 1.0)
        if best is None or score > best[0]:
            best = (float(score), name, len(counts))
    if best is None:
        return None, ()
    return attributes[best[1]], (Message(code="reading.remark.segments", values={"file": file, "column": best[1], "n": best[2]}),)


def objects(text: pd.Series) -> ObjectArray:
    """A text column as an object array of str, None where there is no value."""
    plain = text.astype(object)
    return np.asarray(plain.where(text.notna(), None), dtype=np.object_)


def _joined(parts: Sequence[ObjectArray], between: str) -> ObjectArray | None:
    """Row by row the parts that have a value, without saying the same twice; None where none has."""
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    answer = np.full(len(parts[0]), None, dtype=object)
    for row, values in enumerate(zip(*parts, strict=True)):
        said = list(dict.fromkeys(value for value in values if value is not None))
        answer[row] = between.join(said) if said else None
    return answer


def _prices(
    table: Table, cells: pd.Series, roles: Sequence[ColumnRole]
) -> tuple[npt.NDArray[np.float64] | None, tuple[Message, ...]]:
    """The prices, None where none can be read, which is an error in a column that a person chose; said where most cannot."""
    text = as_text(cells)
    price = parse_numbers(text)
    readable = np.isfinite(price)
    written = int(text.notna().sum())
    if readable.sum() >= _LEAST_READABLE_PRICES * written:
        return (price if readable.any() else None), ()
    (role,) = (role for role in roles if role.file == table.name and role.role == "price")
    odd = text[text.notna().to_numpy() & ~readable]
    said = {"file": table.name, "column": role.column, "found": str(odd.iloc[0])[:60]}
    if role.reason.code == "reading.reason.chosen" and not readable.any():
        raise TenbinError("E_BAD_PRICES", row=int(table.rows[odd.index[0]]), **said)
    remark = Message(code="reading.remark.price_unreadable", values={**said, "n": len(odd), "written": written})
    return (price if readable.any() else None), (remark,)
