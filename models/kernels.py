"""The compiled numeric kernels; beside each stands its plain float64 reference in ``tests/models/references.py``.

All kernels are single-threaded by design: a probe runs one training per core. Compilation is cached on disk.
"""

from __future__ import annotations

import numpy as np
from numba import njit

__all__ = ["count_ranks"]


@njit(cache=True, nogil=True, fastmath=False)
def count_ranks(scores, seen_start, seen_items, target_start, target_items, ranks):
    """Exact 0-based rank of every target item among all items its user has not seen.

    Operations: one comparison per (target, item); bytes: each score row is read once per target from cache.
    Among equal scores the item with the lower index ranks first. A target whose score is -inf or NaN cannot be recommended
    and gets rank ``n_items``.

    Parameters
    ----------
    scores : float32 (n, n_items)
    seen_start : int64 (n + 1,), seen_items : int32; items left out of the ranking, per row
    target_start : int64 (n + 1,), target_items : int32; items whose rank is wanted, per row
    ranks : int32 (n_targets,), written
    """
    n, n_items = scores.shape
    for row in range(n):
        s = scores[row]
        for t in range(target_start[row], target_start[row + 1]):
            item = target_items[t]
            own = s[item]
            if not own > -np.inf:
                ranks[t] = n_items
                continue
            ahead = np.int32(0)
            for j in range(item):
                ahead += np.int32(s[j] >= own)
            for j in range(item + 1, n_items):
                ahead += np.int32(s[j] > own)
            for q in range(seen_start[row], seen_start[row + 1]):
                j = seen_items[q]
                if j != item and (s[j] > own or (s[j] == own and j < item)):
                    ahead -= np.int32(1)
            ranks[t] = ahead
