"""Content-kNN and the baselines against slow float64 loops, and what they must say of sound and of empty information."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diagnostics.config import THRESHOLDS, Threshold
from diagnostics.errors import Cancelled
from diagnostics.profile import profile
from diagnostics.profile.standalone import Ranking, baselines, standalone_strength
from diagnostics.schema import Dataset


def _random_pairs(rng: np.random.Generator, n_users: int, n_items: int) -> tuple[list, list]:
    train, test = [], []
    for user in range(n_users):
        items = rng.choice(n_items, rng.integers(2, 7), replace=False)
        train += [(user, int(item)) for item in items[1:]]
        test += [(user, int(items[0]))]
    return train, test


def _recall_by_hand(scores: np.ndarray, train: list, test: list, k: int = 20) -> float:
    """Full sort per user: training items out, ties to the lower index, items at -inf never recommended."""
    hits = []
    for user, wanted in test:
        seen = {item for other, item in train if other == user}
        order = sorted((item for item in range(scores.shape[1]) if item not in seen), key=lambda item: (-scores[user, item], item))
        hits.append(float(wanted in [item for item in order[:k] if scores[user, item] > -np.inf]))
    return float(np.mean(hits))


@pytest.fixture
def random_shop(make_dataset: Callable[..., Dataset]) -> tuple[Dataset, list, list]:
    train, test = _random_pairs(np.random.default_rng(1), 40, 60)
    return make_dataset(60, train, test, n_users=41), train, test


@pytest.mark.parametrize("square", [8000, 0])
def test_content_neighbours_as_by_hand_with_missing_items(
    random_shop: tuple, make_block: Callable, monkeypatch: pytest.MonkeyPatch, square: int
) -> None:
    monkeypatch.setitem(THRESHOLDS, "standalone_square", Threshold(square, "both ways"))
    dataset, train, test = random_shop
    values = np.random.default_rng(2).normal(3, 1, (60, 5))
    values[[3, 17, 40]] = np.nan
    present = np.isfinite(values[:, 0])
    unit = values - values[present].mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    scores = np.full((40, 60), -np.inf)
    for user in range(40):
        owned = [item for other, item in train if other == user and present[item]]
        if owned:
            wish = np.mean([unit[item] for item in owned], axis=0)
            scores[user, present] = unit[present] @ wish / np.linalg.norm(wish)
    measured = standalone_strength(Ranking(dataset.split), make_block(values))
    assert measured.recall_at_20.value == pytest.approx(_recall_by_hand(scores, train, test))
    assert measured.recall_at_20.n == 40


def test_baselines_as_by_hand(random_shop: tuple) -> None:
    dataset, train, test = random_shop
    owns = np.zeros((40, 60))
    for user, item in train:
        owns[user, item] = 1
    sold = owns.sum(axis=0)
    found = baselines(Ranking(dataset.split))
    popularity = np.broadcast_to(sold, (40, 60))
    assert found["popularity"]["recall_at_20"].value == pytest.approx(_recall_by_hand(popularity, train, test))
    together = owns.T @ owns
    np.fill_diagonal(together, 0)
    cosine = together / np.sqrt(np.maximum(np.outer(sold, sold), 1))
    assert found["item_knn"]["recall_at_20"].value == pytest.approx(
        _recall_by_hand((owns @ cosine).round(6), train, test), abs=0.026
    )
    assert all(entry.low <= entry.value <= entry.high for metrics in found.values() for entry in metrics.values())


def _taste_shop(make_dataset: Callable[..., Dataset]) -> tuple[Dataset, np.ndarray]:
    """400 users who each like one of 20 kinds; 400 items; returns each item's kind."""
    rng = np.random.default_rng(3)
    kind = np.arange(400) % 20
    train, test = [], []
    for user in range(400):
        items = rng.choice(np.flatnonzero(kind == user % 20), 5, replace=False)
        train += [(user, int(item)) for item in items[:4]]
        test += [(user, int(items[4]))]
    return make_dataset(400, train, test), kind


def test_meaning_is_told_from_noise(make_dataset: Callable, make_block: Callable) -> None:
    dataset, kind = _taste_shop(make_dataset)
    rng = np.random.default_rng(4)
    telling = make_block(np.eye(20)[kind] + rng.normal(0, 0.1, (400, 20)), "telling")
    noise = make_block(rng.normal(0, 1, (400, 20)), "noise")
    found = profile(dataset, [telling, noise])
    strong, weak = (modality.standalone for modality in found.modalities)
    assert strong.recall_at_20.value == 1.0 and strong.lift.low > 0.8  # 19 unseen items of the kind fit into 20 places
    assert weak.lift.low <= 0 <= weak.lift.high
    assert [finding.modality for finding in found.findings if finding.code == "uninformative_alone"] == ["noise"]
    assert strong.permuted_floor.value == pytest.approx(20 / 396, abs=0.03)


def test_what_stands_in_for_a_value_is_no_value(make_dataset: Callable, make_block: Callable) -> None:
    """One vector on a quarter of the products tells of none of them, and does not fill the lists of those who bought one."""
    dataset, kind = _taste_shop(make_dataset)
    rng = np.random.default_rng(7)
    values = np.eye(20)[kind] + rng.normal(0, 0.1, (400, 20))
    lost = rng.choice(400, 100, replace=False)
    filled, empty = values.copy(), values.copy()
    filled[lost], empty[lost] = values[lost[0]], np.nan
    found = profile(dataset, [make_block(filled, "filled"), make_block(empty, "empty")]).modalities
    assert found[0].coverage.disguised == 0.25
    assert found[0].standalone.recall_at_20 == found[1].standalone.recall_at_20


def test_scale_and_rotation_do_not_matter(make_dataset: Callable, make_block: Callable) -> None:
    dataset, kind = _taste_shop(make_dataset)
    values = np.eye(20)[kind] + np.random.default_rng(5).normal(0, 0.5, (400, 20))
    rotation = np.linalg.qr(np.random.default_rng(6).normal(size=(20, 20)))[0]
    one, other = (
        standalone_strength(Ranking(dataset.split), make_block(array)) for array in (values, 1000 * values @ rotation + 7)
    )
    assert one.recall_at_20.value == pytest.approx(other.recall_at_20.value, abs=0.006)


def test_no_present_item_and_no_test_user_give_no_number(make_dataset: Callable, make_block: Callable) -> None:
    dataset = make_dataset(3, [(0, 0), (1, 1)])
    found = profile(dataset, [make_block([[1.0], [2], [3]]), make_block(np.full((3, 2), np.nan), "gone")])
    assert all(modality.standalone.recall_at_20.value is None for modality in found.modalities)
    assert found.baselines == {} and found.n_test_users == 0 and found.detectable_effect is None
    assert ("standalone", "no_test_users") in [(entry.code, entry.reason) for entry in found.not_checked]
    assert found.modalities[1].health is None and found.modalities[1].coverage.items == 0


def test_of_so_few_products_that_all_are_suggested_nothing_is_said(make_dataset: Callable, make_block: Callable) -> None:
    """Twenty products are always the first twenty, shuffled or not: that is no sign that they say nothing."""
    rng = np.random.default_rng(0)
    train, test = _random_pairs(rng, 80, 60)
    values = rng.normal(size=(60, 3))
    few = values.copy()
    few[20:] = np.nan
    found = profile(make_dataset(60, train, test), [make_block(values, "all"), make_block(few, "few")])
    alone = {modality.name: modality.standalone for modality in found.modalities}
    assert alone["all"].lift is not None and alone["few"].lift is None and alone["few"].recall_at_20.value is None
    assert [entry.values["modalities"] for entry in found.not_checked if entry.code == "standalone"] == [["few"]]


def test_a_customer_without_known_items_is_counted_and_gets_nothing(make_dataset: Callable, make_block: Callable) -> None:
    values = np.random.default_rng(0).normal(size=(30, 3))
    values[0] = np.nan
    dataset = make_dataset(30, [(0, 0), (1, 1)], [(0, 5), (1, 2)])
    found = standalone_strength(Ranking(dataset.split), make_block(values)).recall_at_20
    assert found.n == 2 and found.value <= 0.5


def test_the_floor_is_what_shuffles_give_on_average_and_where_one_falls(
    make_dataset: Callable, make_block: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Oracle: 400 shuffles by hand. Everybody wants one of four products, so that whole shuffles hit or miss."""
    rng = np.random.default_rng(0)
    train = [(user, int(item)) for user in range(150) for item in rng.choice(np.arange(4, 80), 3, replace=False)]
    dataset = make_dataset(80, train, [(user, user % 4) for user in range(150)])
    values = rng.normal(size=(80, 4))
    values[70:] = np.nan
    monkeypatch.setitem(THRESHOLDS, "standalone_permutations", Threshold(40, "a spread that is well known"))
    found = standalone_strength(Ranking(dataset.split), make_block(values)).permuted_floor
    unit = values[:70] - values[:70].mean(axis=0)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    recalls = []
    for _ in range(400):
        given = np.zeros((80, 4))
        given[:70] = unit[rng.permutation(70)]
        scores = np.full((150, 80), -np.inf)
        for user in range(150):
            wish = given[[item for other, item in train if other == user]].sum(axis=0)
            scores[user, :70] = given[:70] @ wish
        for user, item in train:
            scores[user, item] = -np.inf
        top = np.argsort(-scores, axis=1)[:, :20]
        recalls.append(np.mean([user % 4 in top[user] for user in range(150)]))
    assert found.value == pytest.approx(np.mean(recalls), abs=0.01)
    inside = np.mean((np.array(recalls) >= found.low) & (np.array(recalls) <= found.high))
    assert 0.88 <= inside <= 1 and found.high - found.low < 8 * np.std(recalls)


def test_a_catalog_in_order_of_sales_lends_nothing_to_vectors_that_are_all_alike(
    make_dataset: Callable, make_block: Callable
) -> None:
    rng = np.random.default_rng(0)
    items = (rng.random((300, 5)) ** 3 * 200).astype(int)
    train = sorted({(user, int(item)) for user in range(300) for item in items[user, 1:]})
    test = [(user, int(items[user, 0])) for user in range(300) if (user, items[user, 0]) not in train]
    values = np.where(np.arange(200)[:, None] % 2 == 0, 1.0, [[1.0, -1.0]])  # two vectors for 200 products
    lift = standalone_strength(Ranking(make_dataset(200, train, test).split), make_block(values)).lift
    assert lift.low <= 0


@pytest.mark.parametrize(("scores", "work", "n", "n_knn"), [(60 * 25, 5e8, 25, (25, 25)), (2e8, 1000, 40, (1, 39))])
def test_a_large_shop_is_measured_on_fewer_customers_and_says_so(
    random_shop: tuple, make_block: Callable, monkeypatch: pytest.MonkeyPatch, scores: float, work: float, n: int, n_knn: tuple
) -> None:
    monkeypatch.setitem(THRESHOLDS, "standalone_scores", Threshold(scores, "as asked"))
    monkeypatch.setitem(THRESHOLDS, "item_knn_work", Threshold(work, "as asked"))
    ranking = Ranking(random_shop[0].split)
    found = {name: metrics["recall_at_20"].n for name, metrics in baselines(ranking).items()}
    assert found["random"] == found["popularity"] == n and n_knn[0] <= found["item_knn"] <= n_knn[1]
    assert standalone_strength(ranking, make_block(np.random.default_rng(2).normal(size=(60, 5)))).recall_at_20.n == n


def test_random_order_is_worked_out_exactly(make_dataset: Callable) -> None:
    """50 products, 10 of them known: 40 candidates, 20 places, two targets. Half are found; NDCG by the mean gain of a place."""
    dataset = make_dataset(50, [(0, item) for item in range(10)], [(0, 20), (0, 30)])
    found = baselines(Ranking(dataset.split))["random"]
    gains = 1 / np.log2(np.arange(2, 22))
    assert found["recall_at_20"].value == pytest.approx(0.5)
    assert found["ndcg_at_20"].value == pytest.approx(2 * gains.sum() / 40 / (gains[0] + gains[1]))


def test_progress_goes_on_within_the_measures_and_cancel_stops_them(random_shop: tuple, make_block: Callable) -> None:
    dataset = random_shop[0]
    blocks = [make_block(np.random.default_rng(2).normal(size=(60, 5)), name) for name in ("one", "two")]
    told: list[float] = []
    profile(dataset, blocks, progress=lambda code, done: told.append(done))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1
    assert np.max(np.diff(told)) <= 0.12 and len(told) > 30
    for stop in (len(told) // 3, len(told) - 3):
        asked = iter(range(1000))
        with pytest.raises(Cancelled):
            profile(dataset, blocks, cancelled=lambda asked=asked, stop=stop: next(asked) >= stop)


def test_same_seed_same_profile(random_shop: tuple, make_block: Callable) -> None:
    dataset = random_shop[0]
    block = make_block(np.random.default_rng(2).normal(size=(60, 5)))
    one, two, other = (profile(dataset, [block], seed=seed).model_dump_json() for seed in (0, 0, 1))
    assert one == two != other
