"""A probe of two modalities on a handful of pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from diagnostics.probe import ProbeInputs
from diagnostics.schema import Arm, ProbePlan


@pytest.fixture
def inputs() -> ProbeInputs:
    pairs = np.array([[0, 0], [0, 1], [1, 1]], dtype=np.int32)
    return ProbeInputs(
        n_users=2,
        n_items=2,
        train=pairs,
        validation=pairs[:1],
        test=pairs[1:],
        features={},
        groups=np.zeros(2, dtype=np.int32),
        lengths={},
        real={},
    )


@pytest.fixture
def make_plan() -> Callable[..., ProbePlan]:
    def make(seeds: tuple[int, ...] = (1, 2), **options: Any) -> ProbePlan:
        arms = [
            Arm(backbone="vbpr", modalities=("text", "image"), balancer="ckd"),  # first, so that it has to wait for its teachers
            Arm(backbone="vbpr", modalities=()),
            Arm(backbone="vbpr", modalities=("text",)),
            Arm(backbone="vbpr", modalities=("image",)),
            Arm(backbone="vbpr", modalities=("text", "image")),
        ]
        return ProbePlan(
            fingerprint="test",
            preset="quick",
            modalities=("text", "image"),
            arms=tuple(arms),
            seeds=seeds,
            split="user",
            max_epochs=10,
            patience=2,
            batch_size=2,
            learning_rate=0.1,
            l2=0.0,
            dimensions=2,
            options=options,
        )

    return make
