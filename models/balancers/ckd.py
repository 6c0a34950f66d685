"""CKD: counterfactual knowledge distillation, stronger where a modality contributes less.

Paper: Zhang et al., "Modality-Balanced Learning for Multimedia Recommendation", ACM MM 2024 (arXiv 2408.06360). For modality m a
frozen uni-modal teacher T_m (same backbone trained with m alone beside the ID) supervises the student's keep-m margin K_m:

    loss = BPR + alpha * mean_t sum_m w_m(t) * (spec_m(t) + beta * gen_m(t))
    spec_m = max(0, T_m - K_m)                    on the BPR triples
    gen_m  = BCE(sigma(T_m / tau), sigma(K_m / tau))   on extra uniform triples
    c_m    = clip((D_full - D_without_m) / K_m, 1e-8, 10),   w_m proportional to 1 / c_m with mean 1 over modalities

so that for two modalities w_t = 2 c_v / (c_t + c_v), as in the paper. No gradient flows through the weights.

Variants. ``paper`` takes the ratio per triple. It is ambiguous in sign (two negatives look like a contribution) and falls to the
clip's floor when the ID dominates, which then hands all weight to one modality at random. ``signsafe`` [own], the default, compares
probabilities instead of margins, c_m = mean(sigma(D_full) - sigma(D_without_m)) / mean(sigma(K_m)) over the batch's BPR triples,
smoothed over steps, floored at ``floor``; both report how often their clip fired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np

from models.backbones.protocol import MarginGradients, Margins
from models.balancers.protocol import TaughtBalancer
from models.losses import FloatArray, distil_generic, distil_specific, sigmoid
from models.sampling import Triples

__all__ = ["CKD"]


class CKD(TaughtBalancer):
    """See the module.

    Parameters
    ----------
    teachers : see ``TaughtBalancer``
    alpha, beta, temperature : as in the paper (.01, 5, .1)
    n_generic : uniform triples per step for the generic loss (paper: 5,000 beside a batch of 2,048; the same ratio to our 1,024)
    smoothing : how much of the old contribution survives a step, ``signsafe`` only
    """

    remembers = ("_contribution",)

    def __init__(
        self,
        teachers: Mapping[str, Callable[[Triples], FloatArray]],
        *,
        variant: Literal["signsafe", "paper"] = "signsafe",
        alpha: float = 0.01,
        beta: float = 5.0,
        temperature: float = 0.1,
        n_generic: int = 2500,
        smoothing: float = 0.9,
        floor: float = 0.01,
    ) -> None:
        if variant not in ("signsafe", "paper"):
            raise ValueError(f"unknown variant {variant!r}; known: signsafe, paper")
        super().__init__(teachers)
        self.n_extra, self._variant = n_generic, variant
        self._alpha, self._beta, self._temperature = alpha, beta, temperature
        self._smoothing, self._floor = smoothing, floor
        self._contribution: FloatArray | None = None

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        n, n_bpr = len(margins.full), triples.n_bpr
        weights = self._weights(margins, n_bpr)
        keep = np.zeros_like(margins.keep)
        for m, target in enumerate(self.taught(triples)):
            w = weights[:, m]
            keep[:n_bpr, m] = w[:n_bpr] * distil_specific(target[:n_bpr], margins.keep[:n_bpr, m])[1] * (self._alpha / n_bpr)
            if n > n_bpr:
                gradient = distil_generic(target[n_bpr:], margins.keep[n_bpr:, m], self._temperature)[1]
                keep[n_bpr:, m] = w[n_bpr:] * gradient * (self._alpha * self._beta / (n - n_bpr))
        full = np.zeros(n, dtype=np.float32)
        full[:n_bpr] = bpr_gradient
        return MarginGradients(full, keep)

    def _weights(self, margins: Margins, n_bpr: int) -> FloatArray:
        """w_m(t), float32 (n, n_modalities), mean 1 over modalities."""
        if self._variant == "paper":
            # A keep-m margin of exactly zero has no ratio; it is nudged and lands on the clip.
            safe = np.where(margins.keep == 0, np.float32(1e-12), margins.keep)
            ratio = (margins.full[:, None] - margins.without) / safe
            contribution = np.clip(ratio, 1e-8, 10)
            clipped = (contribution != ratio).mean(axis=0)
        else:
            full, without, keep = sigmoid(margins.full[:n_bpr]), sigmoid(margins.without[:n_bpr]), sigmoid(margins.keep[:n_bpr])
            now = (full.mean() - without.mean(axis=0)) / keep.mean(axis=0)
            old = now if self._contribution is None else self._contribution
            self._contribution = self._smoothing * old + (1 - self._smoothing) * now
            contribution = np.maximum(self._contribution, self._floor)[None, :]
            clipped = (self._contribution < self._floor).astype(np.float32)
        weights = 1 / contribution
        weights = weights / weights.mean(axis=1, keepdims=True)
        self.note(weight=weights.mean(axis=0), contribution=contribution.mean(axis=0), clip_share=clipped)
        return np.broadcast_to(weights, (*margins.full.shape, len(self.names))).astype(np.float32)
