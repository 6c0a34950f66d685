"""What the signal measures look at: one sample of items, each modality's view of them, and what purchases know of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import sparse

from diagnostics.config import threshold
from diagnostics.profile.neighbours import Neighbours, unit_rows
from diagnostics.schema import BoolArray, FeatureBlock, FloatArray, Split
from diagnostics.seeds import generator

__all__ = ["Collaborative", "View", "clusters", "sample_items"]

_COMPONENTS = 128  # of a modality: they hold 85 to 98 % of the variance of our encoders' vectors on a real shop
_FACTORS = 32  # of the purchases: beyond, a log of some ten purchases per item is noise

Items = npt.NDArray[np.int64]


def sample_items(n_items: int, seed: int) -> Items:
    """The items that neighbours are sought among: all, or ``signal_items`` of them drawn with the seed; sorted."""
    most = int(threshold("signal_items"))
    if n_items <= most:
        return np.arange(n_items)
    return np.sort(generator(seed, "signal items").choice(n_items, most, replace=False))


@dataclass(frozen=True)
class View:
    """One modality as the sampled items with a real value show it.

    Attributes
    ----------
    items : int64 (n,), sorted catalog indices
    values : float32 (n, d), their vectors
    """

    name: str
    items: Items
    values: FloatArray
    seed: int = 0

    @classmethod
    def of(cls, block: FeatureBlock, real: BoolArray, sample: Items, *, seed: int = 0) -> View:
        """The sampled items for which ``real`` holds: present, and not a stand-in."""
        items = sample[real[sample]]
        return cls(block.name, items, block.values[items], seed)

    @cached_property
    def neighbours(self) -> Neighbours:
        return Neighbours(unit_rows(self.values, np.ones(len(self.values), dtype=bool)), self.seed)

    @cached_property
    def components(self) -> FloatArray:
        """The first 128 principal components, centred, their relative sizes kept; float32 (n, <= 128)."""
        centred = self.values - self.values.mean(axis=0, dtype=np.float64).astype(np.float32)
        largest = np.abs(centred).max(initial=0.0)
        centred = centred / largest if largest > 0 else centred  # so that squares neither overflow nor vanish
        rng = generator(self.seed, "components", self.name)
        left, sizes, _ = _largest(lambda x: centred @ x, lambda x: centred.T @ x, centred.shape, _COMPONENTS, rng)
        return np.asarray(left * sizes, dtype=np.float32)

    def at(self, items: Items) -> Items:
        """The places of some catalog items, all of them in view, in ``items``."""
        return np.searchsorted(self.items, items)


@dataclass(frozen=True)
class Collaborative:
    """What training purchases know of the sampled items, whatever their content."""

    split: Split
    sample: Items
    seed: int = 0

    @cached_property
    def _bought(self) -> sparse.csr_array:
        """Who has which sampled item in training, float64 (n_users, n_sample)."""
        place = np.full(self.split.n_items, -1, dtype=np.int64)
        place[self.sample] = np.arange(len(self.sample))
        users, items = self.split.train[:, 0], place[self.split.train[:, 1]]
        inside = items >= 0
        ones = np.ones(int(inside.sum()))
        return sparse.csr_array((ones, (users[inside], items[inside])), shape=(self.split.n_users, len(self.sample)))

    @cached_property
    def together(self) -> BoolArray:
        """Whether one customer has both items in training; bool (n_sample, n_sample), False on the diagonal.

        Memory: one byte per pair, 36 MB for the largest sample.
        """
        bought = self._bought
        result = np.zeros((len(self.sample),) * 2, dtype=bool)
        buyers = sparse.csr_array(bought.T)
        for begin in range(0, len(self.sample), 1000):
            pairs = (buyers[begin : begin + 1000] @ bought).tocoo()
            result[begin + pairs.coords[0], pairs.coords[1]] = True
        np.fill_diagonal(result, False)
        return result

    @cached_property
    def items(self) -> Items:
        """Catalog indices of the sampled items with at least ``factor_min_rows`` buyers in training."""
        return self.sample[self._bought.sum(axis=0) >= threshold("factor_min_rows")]

    @cached_property
    def factors(self) -> FloatArray:
        """The items' collaborative factors, rows of length 1; float32 (len(items), <= 32).

        Truncated SVD of the 0/1 matrix divided by the roots of the customers' and of the items' counts, so that neither a large
        account nor a best seller decides alone.
        """
        bought = self._bought[:, np.isin(self.sample, self.items)]
        users, items = (1 / np.sqrt(np.maximum(bought.sum(axis=axis), 1)) for axis in (1, 0))
        even = sparse.csr_array(bought * users[:, None] * items[None, :])
        turned = sparse.csr_array(even.T)
        rng = generator(self.seed, "factors")
        _, sizes, right = _largest(lambda x: even @ x, lambda x: turned @ x, even.shape, _FACTORS, rng)
        rows = right.T * sizes
        return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12), dtype=np.float32)


def clusters(points: FloatArray, count: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """A group of each point, in [0, count); int64 (n,).

    Source: k-means (Lloyd) from seeds spread out as k-means++ (Arthur and Vassilvitskii 2007); the best of three starts.
    """
    from scipy.cluster.vq import kmeans2

    best: tuple[float, npt.NDArray[np.int64]] | None = None
    for _ in range(3):
        centres, labels = kmeans2(points, count, iter=30, minit="++", rng=rng)
        far = float(((points - centres[labels]) ** 2).sum())
        if best is None or far < best[0]:
            best = far, labels.astype(np.int64)
    return best[1] if best else np.zeros(len(points), dtype=np.int64)


Product = Callable[[npt.NDArray], npt.NDArray]


def _largest(
    times: Product, transposed: Product, shape: tuple[int, int], rank: int, rng: np.random.Generator
) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    """The largest singular triplets of a matrix known by its products: left (n, r), sizes (r,), right (r, m).

    Source: Halko, Martinsson, Tropp 2011, algorithms 4.4 (two power steps) and 5.1.
    """
    rank = min(rank, *shape)
    basis = rng.standard_normal((shape[1], min(rank + 10, *shape)), dtype=np.float32)
    for _ in range(2):
        basis = np.linalg.qr(transposed(np.linalg.qr(times(basis))[0]))[0]
    left = np.linalg.qr(times(basis))[0]
    turned, sizes, right = np.linalg.svd(transposed(left).T, full_matrices=False)
    return (left @ turned)[:, :rank], sizes[:rank], right[:rank]
