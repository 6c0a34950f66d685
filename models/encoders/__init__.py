"""Encoders turn raw values into float32 rows, one per item: text, pictures, tables, ready-made vectors.

``ENCODERS`` names them all; a new one is a class with ``name``, ``version`` and ``encode`` (see ``protocol.Encoder``), a line in
the table, and a case in ``tests/conformance/test_encoders.py``. Building one is cheap: weights load when it first encodes.
"""

from __future__ import annotations

import difflib

from models.encoders.image import ImageEncoder
from models.encoders.precomputed import PrecomputedEncoder
from models.encoders.protocol import Encoded, Encoder
from models.encoders.tabular import Table, TabularEncoder
from models.encoders.text import TextEncoder

__all__ = ["ENCODERS", "Encoded", "Encoder", "Table", "encoder"]

ENCODERS: dict[str, type[Encoder]] = {
    TextEncoder.name: TextEncoder,
    ImageEncoder.name: ImageEncoder,
    TabularEncoder.name: TabularEncoder,
    PrecomputedEncoder.name: PrecomputedEncoder,
}


def encoder(name: str) -> Encoder:
    """The encoder of that name.

    Raises
    ------
    KeyError
        There is none; the message lists the names and the nearest match.
    """
    if name not in ENCODERS:
        near = difflib.get_close_matches(name, ENCODERS, n=1, cutoff=0)
        raise KeyError(f"no encoder {name!r}; there are {', '.join(ENCODERS)}; nearest: {near[0]}")
    return ENCODERS[name]()
