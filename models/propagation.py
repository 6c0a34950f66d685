"""What torch models are made of: affine maps, smoothing over purchases, and graphs whose weights are learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from models.graph_kernels import edge_dots, spmm
from models.graphs import Bipartite, Sparse
from models.ranking import UserItems

__all__ = ["Edges", "affine", "smooth", "with_bias"]


class _Smooth(torch.autograd.Function):
    """Mean of layers 0 to K. The operator is symmetric, so its gradient is itself."""

    @staticmethod
    def forward(
        context: Any, graph: Bipartite, layers: int, users: torch.Tensor, items: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        context.graph, context.layers = graph, layers
        both = graph.mean_of_layers(users.detach().contiguous().numpy(), items.detach().contiguous().numpy(), layers)
        return torch.from_numpy(both[0]), torch.from_numpy(both[1])

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[None, None, torch.Tensor, torch.Tensor]:
        both = context.graph.mean_of_layers(*(one.contiguous().numpy() for one in gradients), context.layers)
        return None, None, torch.from_numpy(both[0]), torch.from_numpy(both[1])


def smooth(graph: Bipartite, users: torch.Tensor, items: torch.Tensor, layers: int) -> tuple[torch.Tensor, torch.Tensor]:
    """LightGCN's mean of layers 0 to ``layers`` on a graph of purchases; differentiable in ``users`` and ``items``."""
    both: tuple[torch.Tensor, torch.Tensor] = _Smooth.apply(graph, layers, users, items)
    return both


def affine(x: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """``x W + b``, where b is the table's last row."""
    return torch.addmm(table[-1], x, table[:-1])


def with_bias(weight: torch.Tensor) -> torch.nn.Parameter:
    """A table for ``affine``: the weight, and a bias that starts at zero."""
    return torch.nn.Parameter(torch.cat([weight.detach(), torch.zeros(1, weight.shape[1])]))


@dataclass(frozen=True)
class Edges:
    """Fixed pairs of items whose weights are tensors of their own, int64 or float32 (n_edges,) in the order of the rows.

    ``rows``: columns of each row; ``back``: the transpose; ``order``: where each edge of ``back`` stands among those of ``rows``.
    """

    rows: UserItems
    back: UserItems
    order: npt.NDArray[np.int64]
    row: torch.Tensor
    column: torch.Tensor

    @classmethod
    def of(cls, graph: Sparse) -> Edges:
        """The pairs of a graph, its weights forgotten."""
        row = np.repeat(np.arange(graph.rows.n_users), graph.rows.counts)
        order = np.lexsort((row, graph.rows.items))
        return cls(graph.rows, graph.back, order, torch.from_numpy(row), torch.from_numpy(graph.rows.items.astype(np.int64)))

    def dots(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """``<left[row], right[column]>`` for every edge; differentiable in both."""
        found: torch.Tensor = _Dots.apply(self, left, right)
        return found

    def product(self, weight: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        """The matrix with these weights times ``dense`` (n, width); differentiable in both."""
        found: torch.Tensor = _Product.apply(self, weight, dense)
        return found

    def likeness(self, vectors: torch.Tensor) -> torch.Tensor:
        """D^(-1/2) max(S, 0) D^(-1/2) on the edges, S the cosines of ``vectors`` and D the rows' sums.

        LATTICE, equations 1 to 3. An item is wholly like itself, even where its vector is zero.
        """
        unit = torch.nn.functional.normalize(vectors)
        cosine = torch.where(self.row == self.column, 1.0, self.dots(unit, unit).clamp(min=0))
        scale = torch.zeros(self.rows.n_users).index_add(0, self.row, cosine).rsqrt()
        return cosine * scale[self.row] * scale[self.column]

    def fixed(self, weight: torch.Tensor) -> Sparse:
        """The matrix with weights that are learnt no more."""
        values = weight.detach().numpy()
        return Sparse(self.rows, values, self.back, values[self.order])

    def _multiply(self, weight: npt.NDArray[np.float32], dense: torch.Tensor, *, transposed: bool) -> torch.Tensor:
        side = self.back if transposed else self.rows
        out = np.empty((side.n_users, dense.shape[1]), dtype=np.float32)
        spmm(side.start, side.items, weight[self.order] if transposed else weight, dense.detach().contiguous().numpy(), out)
        return torch.from_numpy(out)

    def _dots(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        out = np.empty(len(self.rows.items), dtype=np.float32)
        ends = left.detach().contiguous().numpy(), right.detach().contiguous().numpy()
        edge_dots(self.rows.start, self.rows.items, ends[0], ends[1], out)
        return torch.from_numpy(out)


class _Dots(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, edges: Edges, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        context.edges = edges
        context.save_for_backward(left, right)
        return edges._dots(left, right)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor, torch.Tensor]:
        left, right = context.saved_tensors
        weight = gradients[0].contiguous().numpy()
        return (
            None,
            context.edges._multiply(weight, right, transposed=False),
            context.edges._multiply(weight, left, transposed=True),
        )


class _Product(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, edges: Edges, weight: torch.Tensor, dense: torch.Tensor) -> torch.Tensor:
        context.edges = edges
        context.save_for_backward(weight, dense)
        return edges._multiply(weight.detach().contiguous().numpy(), dense, transposed=False)

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[None, torch.Tensor, torch.Tensor]:
        weight, dense = context.saved_tensors
        flow = context.edges._multiply(weight.contiguous().numpy(), gradients[0], transposed=True)
        return None, context.edges._dots(gradients[0], dense), flow
