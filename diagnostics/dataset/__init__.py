"""Files in, one ``Dataset`` out. Imports neither torch nor sklearn, and pandas only for the one who asks for a name below.

Whoever needs a part that does without pandas (``engine``, ``features``) is spared its 40 MB and a third of a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnostics.dataset.assemble import picture_sources, propose, read
    from diagnostics.dataset.downloads import in_cp932, remove_earlier, to_csv_bytes
    from diagnostics.dataset.mapping import read_mapping, write_mapping
    from diagnostics.dataset.rejects import rejected_csv, retold, write_rejected
    from diagnostics.dataset.splits import split
    from diagnostics.dataset.tables import READERS
    from diagnostics.dataset.vectors import VECTOR_READERS

__all__ = [
    "READERS",
    "VECTOR_READERS",
    "in_cp932",
    "picture_sources",
    "propose",
    "read",
    "read_mapping",
    "rejected_csv",
    "remove_earlier",
    "retold",
    "split",
    "to_csv_bytes",
    "write_mapping",
    "write_rejected",
]

_HOMES = {
    "assemble": ("picture_sources", "propose", "read"),
    "downloads": ("in_cp932", "remove_earlier", "to_csv_bytes"),
    "mapping": ("read_mapping", "write_mapping"),
    "rejects": ("rejected_csv", "retold", "write_rejected"),
    "splits": ("split",),
    "tables": ("READERS",),
    "vectors": ("VECTOR_READERS",),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
