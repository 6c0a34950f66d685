"""Recommenders that can be probed: one file per published model. ``BACKBONES`` is the whole list.

``HISTORY_ONLY`` lists those that know no content: they are a yardstick beside the others, and nothing can be learnt from them about
modalities.
"""

from typing import Any

from models.backbones.bm3 import BM3
from models.backbones.freedom import FREEDOM
from models.backbones.grcn import GRCN
from models.backbones.lattice import LATTICE
from models.backbones.lightgcn import LightGCN, LightGCNContent
from models.backbones.mgcn import MGCN
from models.backbones.mmgcn import MMGCN
from models.backbones.vbpr import VBPR

__all__ = ["BACKBONES", "HISTORY_ONLY", "suggested"]

BACKBONES: dict[str, type[Any]] = {
    "vbpr": VBPR,
    "lightgcn": LightGCN,
    "lightgcn_content": LightGCNContent,
    "mmgcn": MMGCN,
    "grcn": GRCN,
    "lattice": LATTICE,
    "bm3": BM3,
    "freedom": FREEDOM,
    "mgcn": MGCN,
}
HISTORY_ONLY = frozenset({"lightgcn"})

LARGE = 40_000
"""Training pairs from which on a log is large: batches twice as large still make twenty steps and more per epoch."""


def suggested(backbone: str, n_pairs: int) -> dict[str, float]:
    """Learning rate, batch size and L2 that suit a backbone and a log of ``n_pairs`` training pairs."""
    kind = BACKBONES[backbone]
    return dict(getattr(kind, "defaults_large", kind.defaults) if n_pairs >= LARGE else kind.defaults)
