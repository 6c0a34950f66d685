"""On a real shop our small models are at least as good as a quick prototype's: its test Recall@20, user split, same encoders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from diagnostics import read_dataset
from diagnostics.dataset.features import encode
from diagnostics.probe import JobResult, jobs, plan, prepare, train_job
from diagnostics.profile import profile

PROTOTYPE = {"id": 0.07, "text": 0.127}


@pytest.fixture(scope="module")
def shop(shared: Path):
    folder = shared / "data" / "hm"
    if not folder.is_dir():
        pytest.skip("../shared/data/hm is absent")
    dataset = read_dataset(folder / "articles.csv", folder / "transactions.csv")
    only_text = replace(dataset, catalog=replace(dataset.catalog, attributes={}, price=None))
    return only_text, encode(only_text)


def test_text_and_popularity_are_where_the_prototype_found_them(shop):
    dataset, blocks = shop
    found = profile(dataset, blocks)
    assert dataset.split.kind == "user"
    popularity = found.baselines["popularity"]["recall_at_20"]
    assert popularity.low <= 0.055 <= popularity.high
    (text,) = found.modalities
    assert text.standalone.recall_at_20.value >= 0.13
    assert text.standalone.permuted_floor.high < 0.02


@pytest.mark.parametrize("arm", PROTOTYPE)
def test_trained_models_reach_the_prototype(shop, arm):
    dataset, blocks = shop
    chosen = plan(dataset, n_seeds=1).model_copy(update={"max_epochs": 12})
    inputs = prepare(dataset, blocks, chosen)
    (job,) = [job for job in jobs(chosen) if job.arm.arm_id == f"vbpr:{arm}:none"]
    *_, result = train_job(inputs, chosen, job, {})
    assert isinstance(result, JobResult)
    full = result.meta["sets"].index(arm)
    assert result.arrays["recall"][full].mean() >= PROTOTYPE[arm]
