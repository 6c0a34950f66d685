"""A person's word on which column is what: a small TOML file, or the same as nested mappings.

::

    [catalog]
    item_id = "article_id"
    category = ["colour", "department"]

    [interactions]
    user_id = "customer_id"
    price = ""              # there is none, whatever the names say
"""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnostics.dataset.columns import CATALOG_ROLES, INTERACTION_ROLES, REPEATABLE
from diagnostics.dataset.encodings import decode, refuse_binary
from diagnostics.dataset.tables import Table, as_text
from diagnostics.errors import TenbinError
from diagnostics.schema import ColumnRole, Message

__all__ = ["apply_mapping", "read_mapping", "write_mapping"]

_ROLES: dict[str, tuple[str, ...]] = {"catalog": CATALOG_ROLES, "interactions": INTERACTION_ROLES}

Mapped = dict[str, dict[str, tuple[str, ...]]]


def read_mapping(mapping: Path | Mapping[str, Any] | None) -> Mapped:
    """Table -> role -> columns; an empty tuple means that the role is not played by any column.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_NOT_A_MAPPING`` (not text), ``E_MAPPING_SYNTAX`` (not TOML), ``E_BAD_MAPPING`` (not of this
        shape), ``E_UNKNOWN_ROLE``.
    """
    if mapping is None:
        return {"catalog": {}, "interactions": {}}
    name = mapping.name if isinstance(mapping, Path) else "mapping"
    raw: Mapping[str, Any]
    if isinstance(mapping, Path):
        if not mapping.is_file():
            raise TenbinError("E_FILE_MISSING", file=str(mapping))
        try:
            raw = tomllib.loads(_text(mapping))
        except tomllib.TOMLDecodeError as error:
            place = re.search(r"at line (\d+)", str(error))
            raise TenbinError(
                "E_MAPPING_SYNTAX", file=name, row=int(place[1]) if place else _text(mapping).count("\n") + 1
            ) from error
    else:
        raw = mapping
    answer: Mapped = {"catalog": {}, "interactions": {}}
    for table, roles in raw.items():
        if table not in _ROLES:
            raise TenbinError(
                "E_UNKNOWN_ROLE", file=name, found=str(table), choices=list(_ROLES), nearest=_nearest(table, list(_ROLES))
            )
        if not isinstance(roles, Mapping):
            raise TenbinError("E_BAD_MAPPING", file=name, found=f"[{table}]")
        for role, columns in roles.items():
            if role not in _ROLES[table]:
                choices = list(_ROLES[table])
                raise TenbinError("E_UNKNOWN_ROLE", file=name, found=str(role), choices=choices, nearest=_nearest(role, choices))
            listed = [columns] if isinstance(columns, str) else columns
            if not isinstance(listed, Sequence) or not all(isinstance(column, str) for column in listed):
                raise TenbinError("E_BAD_MAPPING", file=name, found=f"{table}.{role}")
            kept = tuple(dict.fromkeys(column for column in listed if column))
            if len(kept) > 1 and role not in REPEATABLE:
                raise TenbinError("E_BAD_MAPPING", file=name, found=f"{table}.{role}")
            answer[table][role] = kept
    return answer


def _text(path: Path) -> str:
    """The file's text in any of the usual encodings: editors in Japan still write cp932."""
    data = path.read_bytes()
    try:
        refuse_binary(data, path.name)
    except TenbinError as error:
        raise TenbinError("E_NOT_A_MAPPING", **error.values) from error
    return decode(data, path.name)[0].lstrip("\ufeff")


def apply_mapping(proposed: Sequence[ColumnRole], mapped: Mapped, tables: Mapping[str, Table]) -> tuple[ColumnRole, ...]:
    """The proposed roles with a person's choices in place of ours. A column that a person gave a role loses the one we gave it.

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_COLUMN`` lists the columns of the file and the nearest one.
    """
    kept = list(proposed)
    for name, roles in mapped.items():
        table = tables[name]
        chosen = [(role, column) for role, columns in roles.items() for column in columns]
        given = {column for _, column in chosen}
        kept = [role for role in kept if role.file != table.name or (role.role not in roles and role.column not in given)]
        for role, column in chosen:
            if column not in table.frame.columns:
                choices = [str(choice) for choice in table.frame.columns]
                raise TenbinError(
                    "E_UNKNOWN_COLUMN", file=table.name, column=column, choices=choices, nearest=_nearest(column, choices)
                )
            samples = tuple(
                str(value)[:120] for value in as_text(table.frame[column].head(1000)).dropna().drop_duplicates().head(3)
            )
            reason = Message(code="reading.reason.chosen")
            kept.append(ColumnRole(file=table.name, role=role, column=column, score=1.0, reason=reason, samples=samples))
    return tuple(kept)


def write_mapping(roles: Sequence[ColumnRole], catalog: str, interactions: str, path: Path) -> Path:
    """Write roles as a mapping file that ``read_mapping`` reads back. ``catalog`` and ``interactions`` are the files' names."""
    lines = []
    for table, file in (("catalog", catalog), ("interactions", interactions)):
        lines.append(f"[{table}]")
        for role in _ROLES[table]:
            columns = [found.column for found in roles if found.file == file and found.role == role]
            if columns:
                lines.append(f"{role} = {_toml(columns if role in REPEATABLE else columns[0])}")
        lines.append("")
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def _toml(value: str | list[str]) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # a JSON string is a TOML string but for DEL


def _nearest(word: str, choices: Sequence[str]) -> str:
    folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(word.casefold(), list(folded), n=1, cutoff=0.0)
    return folded[close[0]] if close else ""
