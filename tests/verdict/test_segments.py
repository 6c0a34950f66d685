"""Which products make a segment, and each segment's shares against a plain sum over its test purchases."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from diagnostics.probe import JobResult, ProbeRun, jobs, plan
from diagnostics.probe.run import set_name
from diagnostics.schema import Catalog, Dataset, InteractionLog, ReadingNotes, Split
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.segments import segment_shares, segments

N_USERS, N_ITEMS, SEEDS = 80, 20, 3
SETS = {(): "id", ("image",): "image", ("text",): "text", ("image", "text"): "image+text"}


def _shop(train: list[int], test: np.ndarray, **columns) -> Dataset:
    """``train``: how often each of the items was bought, by user 0, 1, 2, ..."""
    vectors = {name: np.ones((len(train), 2), dtype=np.float32) for name in ("text", "image")}
    catalog = Catalog(np.array([f"i{item}" for item in range(len(train))], dtype=object), vectors=vectors)
    catalog = replace(catalog, **columns)
    bought = np.array([(user, item) for item, times in enumerate(train) for user in range(times)], dtype=np.int32)
    log = InteractionLog(np.array([f"u{user}" for user in range(N_USERS)], dtype=object), bought[:, 0], bought[:, 1])
    parts = Split("user", "days_too_few", N_USERS, len(train), bought, test.astype(np.int32), test.astype(np.int32))
    return Dataset(catalog, log, "shop", ReadingNotes(), parts)


def _found(dataset: Dataset) -> dict[tuple[str, str], list[int]]:
    return {(dimension, name): np.flatnonzero(items).tolist() for dimension, name, items in segments(dataset)}


def test_a_tenth_of_the_sales_is_few_bestsellers_and_many_slow_ones():
    sold = [1] * 10 + [10] * 9 + [0]  # a hundred sales: the ten slow ones together are the first tenth
    found = _found(_shop(sold, np.array([[0, 19]])))
    assert found["popularity", "1"] == list(range(10))
    assert [found["popularity", str(tenth)] for tenth in range(2, 11)] == [[item] for item in range(10, 19)]
    assert (found["age", "new"], found["age", "known"]) == ([19], list(range(19)))


def test_bands_of_the_price_hold_a_fifth_of_the_priced_items_each():
    price = np.array([5.0, 1, 2, 3, 4, 6, 7, 8, 9, 10, np.nan])
    found = _found(_shop([1] * 11, np.array([[0, 0]]), price=price))
    assert [found["price", str(band)] for band in range(1, 6)] == [[1, 2], [3, 4], [0, 5], [6, 7], [8, 9]]
    assert not any(10 in items for (dimension, _), items in found.items() if dimension == "price")


def test_categories_come_by_what_was_bought_and_products_without_one_make_none():
    category = np.array(["shoes", "hats", "hats", None], dtype=object)
    test = np.array([[0, 1], [1, 2], [2, 0], [3, 3]])
    names = [name for dimension, name, _ in segments(_shop([1] * 4, test, category=category)) if dimension == "category"]
    assert names == ["hats", "shoes"]


@pytest.fixture(scope="module")
def measured() -> tuple[Dataset, Measures, dict[tuple[str, ...], np.ndarray]]:
    """Every customer bought two test products; which were found is drawn, text making a hit likelier."""
    rng = np.random.default_rng(0)
    test = np.array([(user, item) for user in range(N_USERS) for item in rng.choice(N_ITEMS, 2, replace=False)])
    category = np.array(["hats"] * 12 + ["shoes"] * 6 + ["rare"] * 2, dtype=object)
    dataset = _shop([1 + item for item in range(N_ITEMS)], test, category=category)
    made = plan(dataset, n_seeds=SEEDS)
    n = len(test)
    hits = {names: rng.random((SEEDS, n)) < 0.3 + 0.3 * ("text" in names) for names in SETS}
    ordered = test[np.lexsort((test[:, 1], test[:, 0]))]
    results = {}
    for job in jobs(made):
        if job.arm.balancer != "none" or job.arm.variant:
            continue
        names = tuple(sorted(job.arm.modalities))
        own = hits[names][made.seeds.index(job.seed)]
        recall = np.bincount(ordered[:, 0], weights=own) / np.bincount(ordered[:, 0])
        meta = {"sets": [set_name(job.arm.modalities, made.modalities)], "convergence": "converged", "learning_rate": 0.1}
        arrays = {"recall": recall[None], "ndcg": recall[None], "hits": np.packbits(own[None], axis=1)}
        results[job.job_id] = JobResult(job.job_id, arrays, meta)
    return (
        replace(dataset, split=replace(dataset.split, test=ordered.astype(np.int32))),
        Measures(ProbeRun(made, "finished", (), results), dataset, "vbpr"),
        hits,
    )


def test_a_segments_share_is_the_mean_over_its_customers_of_the_mean_over_their_purchases(measured):
    dataset, measures, hits = measured
    (one,) = [cell for cell in segment_shares(measures) if (cell.segment, cell.modality) == ("hats", "text")]
    v = {names: found.astype(float) for names, found in hits.items()}
    shapley = (v[("text",)] - v[()] + v[("image", "text")] - v[("image",)]) / 2
    test = dataset.split.test
    inside = test[:, 1] < 12
    users = np.unique(test[inside, 0])
    wanted = np.mean([shapley[:, inside & (test[:, 0] == user)].mean() for user in users])
    assert one.share.value == pytest.approx(wanted)
    assert (one.share.n, one.n_purchases) == (len(users), inside.sum())
    assert one.share.low < wanted < one.share.high


def test_over_all_items_the_segment_is_the_whole(measured):
    _, measures, _ = measured
    whole = {cell.modality: cell.share.value for cell in segment_shares(measures) if cell.segment == "known"}
    assert whole == {name: pytest.approx(measures.contribution(name)[1].value) for name in ("text", "image")}


def test_small_segments_have_no_share_and_the_map_is_corrected_as_one(measured, monkeypatch):
    _, measures, _ = measured
    told = segment_shares(measures)
    cells = [cell for cell in told if cell.share.value is not None]
    assert {(cell.segment, cell.p, cell.stands_out) for cell in told if cell not in cells} >= {("rare", None, False)}
    assert {cell.share.n < 30 for cell in told if cell not in cells} == {True}
    assert "rare" not in {cell.segment for cell in cells} and "new" not in {cell.segment for cell in told}  # everything was sold
    raw = []
    monkeypatch.setattr("diagnostics.verdict.segments.benjamini_hochberg", lambda p: raw.extend(p) or p)
    segment_shares(measures)
    assert [cell.p for cell in cells] == pytest.approx(false_discovery_control(raw))
    assert all(cell.stands_out == (cell.p < 0.05) for cell in cells)
    assert ("age", "known", "text") in {(cell.dimension, cell.segment, cell.modality) for cell in cells if cell.stands_out}


def test_without_kept_hits_there_is_no_map(measured):
    _, measures, _ = measured
    bare = {
        name: replace(result, arrays={key: array for key, array in result.arrays.items() if key != "hits"})
        for name, result in measures.run.results.items()
    }
    assert segment_shares(replace(measures, run=replace(measures.run, results=bare))) == ()
