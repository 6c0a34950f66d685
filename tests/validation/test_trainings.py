"""Trainings in one process are those of a user's probe, number for number, and are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import diagnostics as tenbin
from diagnostics.config import THRESHOLDS
from diagnostics.dataset.features import encode
from diagnostics.probe import ProbeInputs, ProbeRun, prepare
from diagnostics.schema import Dataset, ProbePlan
from diagnostics.validation import trainings
from diagnostics.validation.trainings import run_here
from diagnostics.validation.worlds import World, dataset_of


@pytest.fixture(scope="module")
def planned() -> tuple[Dataset, ProbePlan]:
    dataset = dataset_of(World(plant="none", size="tiny", seed=2))
    return dataset, tenbin.plan_probe(dataset, n_seeds=2).model_copy(update={"max_epochs": 2, "patience": 2})


def _inputs(dataset: Dataset, plan: ProbePlan) -> ProbeInputs:
    return prepare(dataset, encode(dataset), plan)


def _same(one: ProbeRun, other: ProbeRun) -> bool:
    return list(one.results) == list(other.results) and all(
        one.results[job].meta == other.results[job].meta
        and all(np.array_equal(array, other.results[job].arrays[name]) for name, array in one.results[job].arrays.items())
        for job in one.results
    )


def test_the_numbers_are_those_of_the_facade_s_probe(planned, tmp_path):
    dataset, plan = planned
    here = run_here(plan, _inputs(dataset, plan), tmp_path / "kept.safetensors")
    there = tenbin.run_probe(dataset, plan, tmp_path / "run", threads=1)
    assert here.results and not here.failures and _same(here, there)
    assert [(event.arm, event.seed, event.epoch, event.branches) for event in here.events] == [
        (event.arm, event.seed, event.epoch, event.branches) for event in there.events if event.kind == "epoch"
    ]


def test_kept_trainings_are_used_again_unless_plan_data_or_file_are_others(planned, tmp_path, monkeypatch):
    dataset, plan = planned
    inputs, kept = _inputs(dataset, plan), tmp_path / "kept.safetensors"
    first = run_here(plan, inputs, kept)
    trained = []
    real = trainings.train_job
    monkeypatch.setattr(trainings, "train_job", lambda *given: trained.append(given[2]) or real(*given))
    again = run_here(plan, inputs, kept)
    assert not trained and _same(first, again) and again.events == first.events

    longer = plan.model_copy(update={"max_epochs": 3})
    assert not _same(first, run_here(longer, inputs, kept))
    assert trained
    trained.clear()
    kept.write_bytes(kept.read_bytes()[:-100])
    assert run_here(longer, inputs, kept).results and trained
    trained.clear()
    other = dataset_of(World(plant="none", size="tiny", seed=3))
    run_here(longer, _inputs(other, longer), kept)
    assert trained


def test_kept_trainings_do_not_outlive_what_training_asks(planned, monkeypatch):
    dataset, plan = planned
    inputs = _inputs(dataset, plan)
    key = trainings._key(plan, inputs)
    others = [replace(inputs, groups=inputs.groups + 1), replace(inputs, lengths=dict.fromkeys(inputs.lengths, 9.0))]
    assert key not in [trainings._key(plan, other) for other in others] and inputs.lengths
    for name, same in (("fast_rate", False), ("copy", True)):  # one that trainings ask, and one of the verdict
        trainings._code.cache_clear()
        with monkeypatch.context() as patch:
            patch.setitem(THRESHOLDS, name, replace(THRESHOLDS[name], value=9.0))
            assert (trainings._key(plan, inputs) == key) is same
    trainings._code.cache_clear()


def test_models_are_not_kept(planned, tmp_path: Path):
    dataset, plan = planned
    run = run_here(plan, _inputs(dataset, plan), tmp_path / "kept.safetensors")
    assert not [name for result in run.results.values() for name in result.arrays if name.startswith("state.")]
