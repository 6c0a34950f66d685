"""On a real shop our small models are at least as good as a quick prototype's: its test Recall@20, user split, same encoders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diagnostics import read_dataset
from diagnostics.dataset.features import encode
from diagnostics.probe import JobResult, jobs, plan, prepare, train_job
from diagnostics.profile import profile
from diagnostics.profile.variants import find_products

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


def test_variants_that_share_text_are_found_and_text_is_weaker_without_them(shop):
    """The shop's own product code is the first seven of ten digits; the id and the text alone must lead there."""
    dataset, blocks = shop
    blind = replace(dataset, catalog=replace(dataset.catalog, product=None))
    ours = find_products(blind, blocks, {"text": blocks[0].present}).of_item
    codes = np.unique([item[:7] for item in dataset.catalog.item_ids], return_inverse=True)[1]
    pairs, wanted = (labels[:, None] == labels[None, :] for labels in (ours, codes))
    assert (pairs & wanted).sum() > 0.98 * pairs.sum() and (pairs & wanted).sum() > 0.85 * wanted.sum()
    found = profile(dataset, blocks)
    (text,) = found.modalities
    assert "variants_trap" in [finding.code for finding in found.findings]
    assert text.standalone_collapsed.lift.high < text.standalone.lift.value
    assert text.standalone_collapsed.lift.low > 0.08 and text.homophily.lift.low > 0.1
    assert text.new_item_ceiling.r2.low > 0.02 > text.new_item_ceiling.floor.high


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
