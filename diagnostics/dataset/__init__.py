"""Files in, one ``Dataset`` out. Imports neither torch nor sklearn."""

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
