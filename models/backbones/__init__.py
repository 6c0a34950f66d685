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

__all__ = ["BACKBONES", "HISTORY_ONLY"]

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
