"""Recommenders that can be probed: one file per published model. ``BACKBONES`` is the whole list."""

from models.backbones.freedom import FREEDOM
from models.backbones.lightgcn import LightGCNContent
from models.backbones.vbpr import VBPR

__all__ = ["BACKBONES"]

BACKBONES = {"vbpr": VBPR, "lightgcn_content": LightGCNContent, "freedom": FREEDOM}
