"""Dense Adam for the tables of several models that are stacked in one tensor each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["StackedAdam", "step_sizes"]

_EPSILON = 1e-8


class StackedAdam:
    """``tables``, of each the models' weights (n_models, ...), none at first, and both moments of all of them.

    Source: Kingma and Ba 2015, algorithm 1.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], device: torch.device) -> None:
        self.tables, self._first, self._second = ([torch.zeros((0, *shape), device=device) for shape in shapes] for _ in range(3))

    def add(self, starts: Sequence[Sequence[torch.Tensor]]) -> None:
        """More models, whose moments are zero; of each its tables (1, ...)."""
        for number, new in enumerate(zip(*starts, strict=True)):
            self.tables[number] = torch.cat([self.tables[number], *new])
            for moments in (self._first, self._second):
                moments[number] = torch.cat([moments[number], *(torch.zeros_like(one) for one in new)])

    def keep(self, models: torch.Tensor) -> None:
        """Lets go of all models but these."""
        for kept in (self.tables, self._first, self._second):
            kept[:] = [table[models] for table in kept]

    def step(self, chosen: slice, gradients: Sequence[torch.Tensor], sizes: torch.Tensor, betas: tuple[float, float]) -> None:
        """One step of some of the tables, given their gradients and each model's ``step_sizes`` (2, n_models)."""
        kept = (self.tables[chosen], self._first[chosen], self._second[chosen])
        for table, first, second, gradient in zip(*kept, gradients, strict=True):
            size, epsilon = (one.view(-1, *(1,) * (table.dim() - 1)) for one in sizes)
            first.lerp_(gradient, 1 - betas[0])
            second.mul_(betas[1]).addcmul_(gradient, gradient, value=1 - betas[1])
            table.sub_(size * first / (second.sqrt() + epsilon))


def step_sizes(
    rates: npt.NDArray[np.float64], before: npt.NDArray[np.float64], n_steps: int, betas: tuple[float, float]
) -> npt.NDArray[np.float32]:
    """Of the next steps of each model the step size and epsilon, as ``kernels.adam_rows`` has them; float32 (n_steps, 2, n_models).

    ``rates``: learning rates (n_models,); ``before``: steps that each has behind it (n_models,).
    """
    step = before + np.arange(1, n_steps + 1)[:, None]
    root = np.sqrt(1 - betas[1] ** step)
    return np.stack([rates * root / (1 - betas[0] ** step), _EPSILON * root], axis=1).astype(np.float32)
