"""Losses as functions of margins: each returns its value and its gradient with respect to the margin.

A margin is s(user, positive) - s(user, negative). Working on margins keeps every loss independent of how a backbone computes its
scores, so that one balancer serves compiled and torch backbones alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["bpr", "distil_generic", "distil_specific", "sigmoid"]

FloatArray = npt.NDArray[np.float32]


def sigmoid(x: FloatArray) -> FloatArray:
    """1 / (1 + exp(-x)), without overflow."""
    half = np.float32(0.5)
    return half * np.tanh(half * x) + half


def bpr(margin: FloatArray) -> tuple[float, FloatArray]:
    """Mean of -log sigma(margin) over the batch, and its gradient (n,).

    Source: Rendle et al., UAI 2009.
    """
    n = np.float32(len(margin))
    return float(np.logaddexp(0, -margin).mean()), -sigmoid(-margin) / n


def distil_specific(teacher: FloatArray, student: FloatArray) -> tuple[FloatArray, FloatArray]:
    """``max(0, teacher - student)`` per triple and its gradient with respect to the student's margin.

    Source: Zhang et al., ACM MM 2024, modality-specific distillation.
    """
    gap = teacher - student
    return np.maximum(gap, 0), -(gap > 0).astype(np.float32)


def distil_generic(teacher: FloatArray, student: FloatArray, temperature: float) -> tuple[FloatArray, FloatArray]:
    """Cross entropy between the soft preferences ``sigma(margin / temperature)`` per triple, and its gradient.

    Source: Zhang et al., ACM MM 2024, generic distillation.
    """
    scale = np.float32(1.0 / temperature)
    target, x = sigmoid(teacher * scale), student * scale
    return np.logaddexp(0, x) - target * x, (sigmoid(x) - target) * scale
