"""A person's word on which column is what, and on what counts: a small TOML file, or the same as nested mappings.

::

    [catalog]
    sheet = "Products"      # of a workbook with several sheets
    item_id = "article_id"
    category = ["colour", "department"]

    [interactions]
    user_id = "customer_id"
    price = ""              # there is none, whatever the names say
    split = "part"          # a column that says train, validation or test: this division is kept

    [events]                # what one event counts, by the shop's own word or by the kind (view, cart, favourite, purchase, ...)
    view = 0.2
    "カート" = 0.5

    [ratings]
    threshold = 4           # from here on a product counts as liked
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diagnostics.dataset.columns import CATALOG_ROLES, INTERACTION_ROLES, REPEATABLE, Proposal
from diagnostics.dataset.encodings import decode, refuse_binary
from diagnostics.dataset.guard import refuse_unreadable
from diagnostics.dataset.tables import Table, as_text
from diagnostics.dataset.vocabulary import nearest
from diagnostics.errors import TenbinError
from diagnostics.messages import toml
from diagnostics.schema import ColumnRole, Message

__all__ = ["ROLES", "Mapped", "Setting", "apply_mapping", "mapping_text", "read_mapping", "write_mapping"]

ROLES: dict[str, tuple[str, ...]] = {"catalog": CATALOG_ROLES, "interactions": INTERACTION_ROLES}
"""Table -> the roles that its columns can play."""
Setting = str | float | Sequence[str]
"""What one line of a mapping file says: a column or several, a sheet, a weight, a threshold."""

_TABLES = (*ROLES, "events", "ratings")
_ASKED_ALWAYS = frozenset({"item_id", "user_id"})  # a saved mapping never says that there are none of these


@dataclass(frozen=True)
class Mapped:
    """What a mapping says.

    Attributes
    ----------
    roles : table (``catalog``, ``interactions``) -> role -> columns; an empty tuple means that no column plays the role
    sheets : table -> sheet of a workbook
    events : event type or kind of event -> what one such event counts
    rating_threshold : the rating from which on a product counts as liked; None where the mapping does not say
    """

    roles: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    sheets: Mapping[str, str] = field(default_factory=dict)
    events: Mapping[str, float] = field(default_factory=dict)
    rating_threshold: float | None = None


def read_mapping(mapping: Path | Mapping[str, Any] | None) -> Mapped:
    """Read a mapping file, or take the same as nested mappings.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_NOT_A_MAPPING`` (not text), ``E_MAPPING_SYNTAX`` (not TOML), ``E_BAD_MAPPING`` (not of this
        shape), ``E_UNKNOWN_ROLE``.
    """
    if mapping is None:
        return Mapped()
    name = mapping.name if isinstance(mapping, Path) else "mapping"
    raw = _toml_of(mapping) if isinstance(mapping, Path) else mapping
    roles: dict[str, dict[str, tuple[str, ...]]] = {table: {} for table in ROLES}
    sheets: dict[str, str] = {}
    events: dict[str, float] = {}
    liked: float | None = None
    for table, entries in raw.items():
        _known(str(table), _TABLES, name)
        if not isinstance(entries, Mapping):
            raise TenbinError("E_BAD_MAPPING", file=name, found=f"[{table}]")
        for key, value in entries.items():
            place = f"{table}.{key}"
            if table == "events":
                events[str(key)] = _number(value, name, place)
            elif table == "ratings":
                _known(str(key), ("threshold",), name)
                liked = _number(value, name, place)
            elif key == "sheet":
                if not isinstance(value, str):
                    raise TenbinError("E_BAD_MAPPING", file=name, found=place)
                sheets[table] = value
            else:
                _known(str(key), ROLES[table], name)
                roles[table][key] = _columns(key, value, name, place)
    return Mapped(roles, sheets, events, liked)


def _known(word: str, choices: Sequence[str], file: str) -> None:
    if word not in choices:
        raise TenbinError("E_UNKNOWN_ROLE", file=file, found=word, choices=list(choices), nearest=nearest(word, choices))


def _columns(role: str, value: Any, file: str, place: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, Sequence) or not all(isinstance(column, str) for column in listed):
        raise TenbinError("E_BAD_MAPPING", file=file, found=place)
    kept = tuple(dict.fromkeys(column for column in listed if column))
    if len(kept) > 1 and role not in REPEATABLE:
        raise TenbinError("E_BAD_MAPPING", file=file, found=place)
    return kept


def _number(value: Any, file: str, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise TenbinError("E_BAD_MAPPING", file=file, found=f"{place} = {value}"[:80])
    return float(value)


def _toml_of(path: Path) -> dict[str, Any]:
    refuse_unreadable(path)
    if path.is_dir():
        raise TenbinError("E_NOT_A_FILE", file=str(path))
    try:
        return tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        row = int(place[1]) if place else _text(path).count("\n") + 1
        raise TenbinError("E_MAPPING_SYNTAX", file=path.name, row=row) from error
    except (RecursionError, ValueError) as error:  # nested a thousand deep, or a number of thousands of digits
        raise TenbinError("E_BAD_MAPPING", file=path.name, found=type(error).__name__) from error


def _text(path: Path) -> str:
    """The file's text in any of the usual encodings: editors in Japan still write cp932."""
    data = path.read_bytes()
    try:
        refuse_binary(data, path.name)
    except TenbinError as error:
        raise TenbinError("E_NOT_A_MAPPING", **error.values) from error
    return decode(data, path.name)[0].lstrip("\ufeff")


def apply_mapping(proposal: Proposal, mapped: Mapped, tables: Mapping[str, Table]) -> Proposal:
    """The proposal with a person's choices in place of ours. A column that a person gave a role loses the one we gave it.

    A role that a person names is no question any more; a question of which one candidate is left answers itself.

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_COLUMN`` lists the columns of the file and the nearest one.
    """
    kept, asked = list(proposal.roles), list(proposal.questions)
    for name, roles in mapped.roles.items():
        table = tables[name]
        chosen = [(role, column) for role, columns in roles.items() for column in columns]
        given = {column for _, column in chosen}
        kept = [role for role in kept if role.file != table.name or (role.role not in roles and role.column not in given)]
        for question in [question for question in asked if question.file == table.name]:
            asked.remove(question)
            left = tuple(candidate for candidate in question.candidates if candidate.column not in given)
            if question.role not in roles and len(left) > 1:
                asked.append(question.model_copy(update={"candidates": left}))
            elif question.role not in roles:
                kept += left
        kept += [_chosen(table, role, column) for role, column in chosen]
    return Proposal(tuple(kept), tuple(asked), proposal.remarks)


def _chosen(table: Table, role: str, column: str) -> ColumnRole:
    if column not in table.frame.columns:
        choices = [str(choice) for choice in table.frame.columns]
        raise TenbinError("E_UNKNOWN_COLUMN", file=table.name, column=column, choices=choices, nearest=nearest(column, choices))
    samples = tuple(str(value)[:120] for value in as_text(table.frame[column].head(1000)).dropna().drop_duplicates().head(3))
    reason = Message(code="reading.reason.chosen")
    return ColumnRole(file=table.name, role=role, column=column, score=1.0, reason=reason, samples=samples)


def mapping_text(tables: Mapping[str, Mapping[str, Setting]]) -> str:
    """What a mapping file holds: table -> role, sheet, event or threshold -> what was chosen; empty tables are left out."""
    lines = []
    for table, entries in tables.items():
        if entries:
            lines += [f"[{table}]", *(f"{_key(name)} = {toml(value)}" for name, value in entries.items()), ""]
    return "\n".join(lines)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)


def write_mapping(
    roles: Sequence[ColumnRole],
    catalog: str,
    interactions: str,
    path: Path,
    *,
    sheets: Mapping[str, str] | None = None,
    events: Mapping[str, float] | None = None,
    rating_threshold: float | None = None,
) -> Path:
    """Write a mapping file that ``read_mapping`` reads back and that reads next month's files as these were read.

    ``catalog`` and ``interactions`` are the files' names. A role that nobody plays is written as ``""``, so that it stays so.
    """
    tables: dict[str, dict[str, Setting]] = {}
    for table, file in (("catalog", catalog), ("interactions", interactions)):
        tables[table] = {"sheet": sheets[table]} if sheets and table in sheets else {}
        for role in ROLES[table]:
            columns = [found.column for found in roles if found.file == file and found.role == role]
            if columns:
                tables[table][role] = columns if role in REPEATABLE else columns[0]
            elif role not in _ASKED_ALWAYS:
                tables[table][role] = ""
    tables["events"] = dict(events or {})
    tables["ratings"] = {} if rating_threshold is None else {"threshold": rating_threshold}
    path.write_text(mapping_text(tables), encoding="utf-8")
    return path
