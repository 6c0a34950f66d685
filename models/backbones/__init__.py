"""Recommenders that can be probed: one file per published model. ``BACKBONES`` is the whole list.

``HISTORY_ONLY`` lists those that know no content: they are a yardstick beside the others, and nothing can be learnt from them about
modalities.
"""

import math
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar

__all__ = ["BACKBONES", "HISTORY_ONLY", "suggested"]


class _Backbones(Mapping[str, type[Any]]):
    """Name -> class, imported when it is asked for: most need torch, which takes seconds to load, and a training needs one.

    Each suggests ``defaults``, and ``defaults_large`` for large logs. ``cost`` is what a pair and part of an epoch take beside
    VBPR's, on H&M in the suggested batches, half-way between an EPYC and a Xeon; ``epochs`` how many times as many there are before
    the patience, on H&M and in smaller shops; ``cost_balanced`` what an epoch costs with a balancing method, beside one without, on
    H&M; ``cost_fixed`` how many pairs and parts of VBPR take as long as what an epoch with content takes whatever its pairs, by the
    difference to what the others foretell of a shop of 2,600 pairs: its branches are watched and ranked.
    """

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
"""Training pairs from which on a log is large."""

LEAST_STEPS = {"vbpr": 20, "lightgcn": 10, "lightgcn_content": 10, "freedom": 10, "bm3": 10}
"""Steps of an epoch, about, in a small log: few large ones end before much is learnt. Test Recall@20 in shops of 5,000 pairs, with
one batch for all sizes and with smaller ones: VBPR .404 and .429, one modality with FREEDOM .336 and .362, with BM3 .277 and .312.
Models that are not listed have higher learning rates, which small batches do not bear."""


def suggested(backbone: str, n_pairs: int) -> dict[str, float]:
    """Learning rate, batch size and L2 that suit a backbone and a log of ``n_pairs`` training pairs (see ``LEAST_STEPS``)."""
    kind = BACKBONES[backbone]
    chosen = dict(getattr(kind, "defaults_large", kind.defaults) if n_pairs >= LARGE else kind.defaults)
    if backbone in LEAST_STEPS:
        fitting = 2 ** round(math.log2(max(n_pairs / LEAST_STEPS[backbone], 32)))  # the nearest power of two
        chosen["batch_size"] = min(chosen["batch_size"], fitting)
    return chosen
