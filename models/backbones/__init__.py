"""Recommenders that can be probed: one file per published model. ``BACKBONES`` is the whole list.

``HISTORY_ONLY`` lists those that know no content: they are a yardstick beside the others, and nothing can be learnt from them about
modalities.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar

__all__ = ["BACKBONES", "HISTORY_ONLY", "suggested"]


class _Backbones(Mapping[str, type[Any]]):
    """Name -> class, imported when it is asked for: most need torch, which takes seconds to load, and a training needs one."""

    _classes: ClassVar[dict[str, str]] = {
        "vbpr": "vbpr:VBPR",
        "lightgcn": "lightgcn:LightGCN",
        "lightgcn_content": "lightgcn:LightGCNContent",
        "mmgcn": "mmgcn:MMGCN",
        "grcn": "grcn:GRCN",
        "lattice": "lattice:LATTICE",
        "bm3": "bm3:BM3",
        "freedom": "freedom:FREEDOM",
        "mgcn": "mgcn:MGCN",
    }

    def __getitem__(self, name: str) -> type[Any]:
        module, _, kind = self._classes[name].partition(":")
        found: type[Any] = getattr(import_module(f"models.backbones.{module}"), kind)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._classes)

    def __len__(self) -> int:
        return len(self._classes)


BACKBONES = _Backbones()
HISTORY_ONLY = frozenset({"lightgcn"})

LARGE = 40_000
"""Training pairs from which on a log is large: batches twice as large still make twenty steps and more per epoch."""


def suggested(backbone: str, n_pairs: int) -> dict[str, float]:
    """Learning rate, batch size and L2 that suit a backbone and a log of ``n_pairs`` training pairs."""
    kind = BACKBONES[backbone]
    return dict(getattr(kind, "defaults_large", kind.defaults) if n_pairs >= LARGE else kind.defaults)
