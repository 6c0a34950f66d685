"""What makes items variants of one product, and strength counted by product, worked by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diagnostics.profile.standalone import Ranking, standalone_strength
from diagnostics.profile.variants import Products, collapse, find_products
from diagnostics.schema import Dataset

IDS = ["100001-1", "100001-2", "200002-1", "200002-2", "300003-1", "400004-1"]


def _families(dataset: Dataset, features=(), **real: list[bool]) -> list[list[int]]:
    known = {name: np.array(flags) for name, flags in real.items()}
    of_item = find_products(dataset, features, known).of_item
    return sorted([np.flatnonzero(of_item == product).tolist() for product in np.unique(of_item)])


def test_one_text_is_one_product_but_a_stand_in_is_none(make_dataset: Callable) -> None:
    texts = ["Knit blue", "Knit  BLUE", "Coming soon", "Coming soon", "Cap", None]
    dataset = make_dataset(6, [(0, 0)], texts=texts)
    assert _families(dataset, text=[True, True, False, False, True, False]) == [[0, 1], [2], [3], [4], [5]]


def test_one_description_or_title_needs_ids_that_begin_alike(make_dataset: Callable) -> None:
    columns = {
        "item_ids": IDS,
        "titles": ["Knit red", "Knit blue", "Cap", "Cap", "Cap", "Sock"],
        "descriptions": ["Warm.", "Warm.", "Round.", "Flat.", "Warm.", "Soft."],
    }
    columns["texts"] = [f"{a} {b}" for a, b in zip(columns["titles"], columns["descriptions"], strict=True)]
    dataset = make_dataset(6, [(0, 0)], **columns)
    assert _families(dataset, text=[True] * 6) == [[0, 1], [2, 3], [4], [5]]


def test_one_picture_needs_ids_that_begin_alike_and_a_code_needs_nothing(make_dataset: Callable, make_block: Callable) -> None:
    block = make_block([[1.0, 2], [1, 2], [3, 4], [5, 6], [1, 2], [np.nan, np.nan]], "image", "image")
    dataset = make_dataset(6, [(0, 0)], item_ids=IDS)
    assert _families(dataset, [block], image=block.present.tolist()) == [[0, 1], [2], [3], [4], [5]]
    coded = make_dataset(6, [(0, 0)], item_ids=IDS, product=["A", "B", "A", None, None, "B"])
    assert _families(coded) == [[0, 2], [1, 5], [3], [4]]


def test_bought_together_by_hand(make_dataset: Callable) -> None:
    """Items 0 and 1 are one product; two of three customers have both. Of 4 pairs that customers have, 2 are variants."""
    train = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1), (2, 2), (3, 2), (3, 3)]
    dataset = make_dataset(4, train, product=["A", "A", None, None])
    found = find_products(dataset, [], {})
    assert found.together == 2
    # sales 2, 3, 2, 1: of the 23 pairs of different items' sales, 2 x 3 are variants; customers have 4 pairs
    assert found.lift == pytest.approx(2 / (4 * 6 / 23))
    assert found.variants.tolist() == [True, True, False, False] and not found.bought_together


def test_collapsing_by_hand(make_dataset: Callable, make_block: Callable) -> None:
    """Products: {0, 1}, {2}, {3, 4}. Customer 0 has 0, wants 1 (dropped) and 2; customer 1 has 2 and 3, wants 4: nothing left."""
    dataset = make_dataset(5, [(0, 0), (1, 2), (1, 3), (2, 4)], [(0, 1), (0, 2), (1, 4), (2, 0), (2, 1)])
    block = make_block([[2.0, 0], [0, 2], [-2, 0], [0, -2], [np.nan, np.nan]])
    of_item = np.array([0, 0, 1, 2, 2])
    split, vectors = collapse(dataset.split, block, Products(of_item, {}, 0, 0.0))
    assert split.n_items == 3
    assert sorted(map(tuple, split.train.tolist())) == [(0, 0), (1, 1), (1, 2), (2, 2)]
    assert sorted(map(tuple, split.test.tolist())) == [(0, 1), (2, 0)]  # both of customer 2's variants are one wish
    assert vectors.values == pytest.approx(np.array([[0.5, 0.5], [-1, 0], [0, -1]]))
    assert vectors.present.all()


def test_strength_from_variants_alone_is_gone_when_they_count_as_one(make_dataset: Callable, make_block: Callable) -> None:
    """Everyone buys two colours of one product and one unrelated thing: text finds colours only."""
    rng = np.random.default_rng(0)
    of_item = np.arange(600) // 2
    train = [(user, 2 * int(product)) for user, product in enumerate(rng.integers(0, 300, 500))]
    test = [(user, item + 1) for user, item in train]
    test += [(user, int(rng.choice(np.setdiff1d(np.arange(600), [item, item + 1])))) for user, item in train]
    dataset = make_dataset(600, train, test)
    block = make_block(rng.normal(size=(300, 30))[of_item])
    plain = standalone_strength(Ranking(dataset.split), block)
    split, vectors = collapse(dataset.split, block, Products(of_item, {}, 0, 0.0))
    by_product = standalone_strength(Ranking(split), vectors)
    assert plain.recall_at_20.value > 0.5 and plain.lift.low > 0.4
    assert by_product.lift.low <= 0.02 and by_product.recall_at_20.n == 500
