"""Worlds with one known defect, from ready-made vectors to the verdict: the defect is named, innocent data are not accused.

Small on purpose (the published benchmark is ``python -m diagnostics validate``); every world is run for real.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from diagnostics import diagnose
from diagnostics.profile import profile
from diagnostics.schema import Diagnosis
from tests.probe.worlds import dataset_of, run_here

N_USERS, N_ITEMS, D = 700, 200, 5


@cache
def _verdict(defect: str, seed: int = 0) -> Diagnosis:
    rng = np.random.default_rng(seed)
    text, image, other = (rng.normal(size=(N_ITEMS, D)) for _ in range(3))
    blocks = [rng.normal(size=(N_USERS, D)) @ factors.T for factors in (text, image, other)]
    content, chance = 1.1, 0.5
    if defect == "irrelevant":
        content, chance = 0.0, 1.5
    utility = content * (blocks[0] + blocks[1]) / np.sqrt(D) + chance * blocks[2] / np.sqrt(D)

    def view(factors: np.ndarray) -> np.ndarray:
        mixed = factors @ rng.normal(size=(D, 24))
        return mixed + 0.3 * rng.normal(size=mixed.shape)

    vectors = {"text": view(text), "image": view(image)}
    if defect == "uninformative":
        vectors["image"] = vectors["image"][rng.permutation(N_ITEMS)]
    if defect == "missing":
        vectors["image"][rng.random(N_ITEMS) < 0.5] = np.nan
    dataset, features = dataset_of(vectors, utility, per_user=14, seed=seed)
    return diagnose(dataset, profile(dataset, features), run_here(dataset, features, n_seeds=5))


@pytest.mark.parametrize("defect", ["uninformative", "missing"])
def test_a_planted_fault_of_the_data_is_named_with_its_modality(defect):
    found = _verdict(defect)
    assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
    causes = {modality.name: [cause.code for cause in modality.causes] for modality in found.modalities}
    assert causes["image"][0] == defect
    assert causes["text"] == []


def test_a_sound_world_is_not_accused():
    found = _verdict("none")
    assert found.verdict.action in ("leave", "undetermined")
    assert not [cause for modality in found.modalities for cause in modality.causes]
    both = [modality.contribution for modality in found.modalities]
    assert all(estimate is not None and estimate.low > 0 for estimate in both)


def test_where_tastes_ignore_content_no_repair_and_no_balancing_is_sold():
    found = _verdict("irrelevant")
    assert found.verdict.action in ("skip_content", "undetermined")
    assert all(modality.status in ("uninformative", "undetermined") for modality in found.modalities)
