# ruff: noqa: E501  (a case a line)
"""Places instead of files: devices, pipes, folders, links that turn in circles, names that no system accepts; and mappings."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.security.malformed.case import Case, Make, raw
from tests.security.malformed.text import catalog_bytes

__all__ = ["PLACES"]

NO_FILE = frozenset(
    {
        "E_FILE_MISSING",
        "E_NOT_A_FILE",
        "E_FILE_UNREADABLE",
        "E_VECTOR_FORMAT",
        "E_NOT_IMAGES",
        "E_NO_IMAGES",
        "E_EMPTY_FILE",
        "E_NO_FORMAT",
    }
)
ROLES = ("catalog", "log", "images", "features", "mapping")
BAD_MAPPING = ("E_BAD_MAPPING", "E_NOT_A_MAPPING", "E_MAPPING_SYNTAX", "E_UNKNOWN_ROLE", "E_UNKNOWN_COLUMN", "E_UNKNOWN_CHOICE")


def _nothing(path: Path) -> None:
    """Writes no file."""


def _places() -> Iterator[Case]:
    paths = {
        "absent": "absent.csv", "folder": ".", "above": "../../..", "absolute": "/no/such/items.csv", "share": r"\\server\share\items.csv",
        "share-as-posix": "//server/share/items.csv", "drive": r"Z:\items.csv", "home": "~nobody/items.csv", "long": "x" * 5000 + ".csv",
        "zero-byte": "a\0b.csv", "half-sign": "a\udc80.csv", "formula": "=cmd.csv", "below-a-file": "../items.csv/more.csv",
        "fragment": "items.csv#sheet", "stream": "items.csv:stream", "blank": " ", "line-end": "a\nb.csv", "markup": "<script>.csv",
    }  # fmt: skip
    devices = {
        "endless": "/dev/zero",
        "random": "/dev/urandom",
        "nothing": "/dev/null",
        "memory": "/proc/self/mem",
        "process": "/proc/self/fd",
    }
    for name, at in (paths | (devices if sys.platform == "linux" else {})).items():
        for role in ROLES:
            if (role, name) not in (("images", "folder"), ("images", "above"), ("images", "process")):
                outcomes = NO_FILE | {"E_BAD_MAPPING", "E_NOT_A_MAPPING", "E_MAPPING_SYNTAX"} if role == "mapping" else NO_FILE
                yield Case("places", name, role, _nothing, outcomes, at)


def _links() -> Iterator[Case]:
    makers: dict[str, Make] = {
        "circle.csv": lambda path: path.symlink_to(path.name),
        "dangling.csv": lambda path: path.symlink_to("nowhere.csv"),
        "to-a-folder.csv": lambda path: path.symlink_to("."),
        "to-a-device.csv": lambda path: path.symlink_to("/dev/zero"),
        "pipe.csv": lambda path: os.mkfifo(path),
        "folder.csv": lambda path: path.mkdir(),
    }
    if sys.platform != "win32":
        for name, make in makers.items():
            for role in ("catalog", "log", "images", "features", "mapping"):
                yield Case("links", name, role, make, NO_FILE | {"E_BAD_MAPPING", "E_NOT_A_MAPPING"})


def _mappings() -> Iterator[Case]:
    texts: dict[str, Callable[[], bytes]] = {
        "deep": lambda: b"[catalog]\nitem_id = " + b"[" * 100_000, "deep-tables": lambda: b"[" + b".".join([b"a"] * 5_000) + b"]\n",
        "deep-inline": lambda: b"a = " + b"{a=" * 50_000, "numbers": lambda: b"[catalog]\nitem_id = 5\n", "no-table": lambda: b"catalog = 5\n",
        "half": lambda: b"[catalog]\nitem_id = \"\\ud800\"\n", "not-utf-8": lambda: b"[catalog]\nitem_id = \"\xff\xfe\"\n", "zero": lambda: b"\0" * 500,
        "unknown-table": lambda: b"[other]\nitem_id = \"x\"\n", "unknown-role": lambda: b"[catalog]\nnope = \"x\"\n", "unknown-column": lambda: b"[catalog]\nitem_id = \"x\"\n",
        "many": lambda: b"[catalog]\n" + b"".join(b"k%d = \"x\"\n" % at for at in range(20_000)), "twice": lambda: b"[catalog]\ntitle = \"name\"\ntitle = \"name\"\n",
        "long": lambda: b"[catalog]\ntitle = \"" + b"x" * 3_000_000 + b"\"\n", "list-of-tables": lambda: b"[[catalog]]\nitem_id = \"item_id\"\n",
        "big-number": lambda: b"[catalog]\nitem_id = " + b"9" * 10_000 + b"\n", "table": catalog_bytes, "date": lambda: b"[catalog]\nitem_id = 1979-05-27\n",
    }  # fmt: skip
    for name, content in texts.items():
        yield Case("mappings", f"{name}.toml", "mapping", raw(content), frozenset(BAD_MAPPING))


PLACES: tuple[Case, ...] = (*_places(), *_links(), *_mappings())
"""All cases of places and mappings."""
