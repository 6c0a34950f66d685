"""Draws from a run whose truth is known: honest intervals hold it nearly always, intervals of no width never."""

from __future__ import annotations

import pytest

import diagnostics as tenbin
from diagnostics.dataset.features import encode
from diagnostics.probe import prepare
from diagnostics.stats import Contrast
from diagnostics.validation.coverage import covered
from diagnostics.validation.trainings import run_here
from diagnostics.validation.worlds import World, dataset_of


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    dataset = dataset_of(World(plant="none", size="tiny", seed=2))
    plan = tenbin.plan_probe(dataset, n_seeds=6).model_copy(update={"max_epochs": 2, "patience": 2})
    kept = tmp_path_factory.mktemp("runs") / "kept.safetensors"
    return dataset, run_here(plan, prepare(dataset, encode(dataset), plan), kept)


def test_intervals_hold_the_truth_about_as_often_as_they_say(ran):
    found = covered(*ran, n_seeds=3, n_draws=40)
    assert {"knock_out", "contribution", "gap", "lift", "headroom"} <= set(found)
    assert all(n == 40 for _, n in found.values())
    assert sum(held for held, _ in found.values()) >= 0.85 * 40 * len(found)
    assert covered(*ran, n_seeds=3, n_draws=40) == found


def test_an_interval_without_width_is_found_out(ran, monkeypatch):
    monkeypatch.setattr(Contrast, "bounds", lambda self, n_comparisons=1: (self.value, self.value))
    assert sum(held for held, _ in covered(*ran, n_seeds=3, n_draws=10).values()) <= 2
