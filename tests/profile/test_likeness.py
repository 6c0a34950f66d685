"""Near copies are found as comparing each with each would find them; prices that say two currencies are named."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from diagnostics.profile.attributes import check_attributes
from diagnostics.profile.checks import Check
from diagnostics.profile.likeness import gather, near_pictures, near_texts
from diagnostics.profile.templates import skeletons


def _jaccard(left: str, right: str) -> float:
    a, b = ({text[at : at + 5] for at in range(len(text) - 4)} for text in (left, right))
    return len(a & b) / max(len(a | b), 1)


def test_texts_as_by_brute_force() -> None:
    rng = np.random.default_rng(0)
    words = [f"{first}{second}" for first in ("lor", "ips", "dol", "ame") for second in ("em", "um", "or", "it", "ta")]
    texts = []
    for _ in range(40):
        base = rng.choice(words, 30)
        for _ in range(4):
            changed = base.copy()
            places = rng.integers(0, 30, rng.integers(0, 6))
            changed[places] = rng.choice(words, len(places))
            texts.append(" ".join(changed))
    texts += ["", "abcd", "abcde", "赤いコットンのワンピースです。", "赤いコットンのワンピースです！"]
    pairs, alike = near_texts(texts)
    wanted = {(left, right) for left in range(len(texts)) for right in range(left) if _jaccard(texts[left], texts[right]) >= 0.8}
    got = {(int(right), int(left)) for left, right in pairs}
    assert got <= wanted and len(got) >= 0.98 * len(wanted) > 30
    assert alike(np.array([0]), np.array([0])).all()


def test_pictures_as_by_brute_force() -> None:
    rng = np.random.default_rng(1)
    base = rng.integers(0, 2**63, 50, dtype=np.uint64)
    flips = [sum(1 << int(bit) for bit in rng.choice(64, number, replace=False)) for number in rng.integers(0, 9, 200)]
    prints = np.repeat(base, 4) ^ np.array(flips, dtype=np.uint64)
    thumb = np.repeat(rng.integers(10, 240, (50, 192)), 4, axis=0) + rng.integers(0, 2, (200, 192))
    thumb[::8] += 9  # another colour
    pairs, _ = near_pictures(prints, thumb.astype(np.uint8))
    wanted = {
        (left, right)
        for right in range(200)
        for left in range(right)
        if int(prints[left] ^ prints[right]).bit_count() <= 6 and np.abs(thumb[left] - thumb[right]).mean() <= 1.5
    }
    assert {(int(left), int(right)) for left, right in pairs} == wanted and len(wanted) > 30


def test_groups_do_not_chain() -> None:
    """0-1-2-3-4 each near the next only: a group is what lies near its heaviest member."""

    def alike(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.abs(left - right) <= 1

    pairs = np.array([[0, 1], [1, 2], [2, 3], [3, 4]])
    groups = gather(6, pairs, np.array([1, 1, 5, 1, 1, 1]), alike)
    assert [group.tolist() for group in groups] == [[1, 2, 3]]
    assert gather(3, np.empty((0, 2), dtype=np.int64), np.ones(3), alike) == []


def test_a_skeleton_is_what_is_not_the_products_own(make_dataset: Callable) -> None:
    dataset = make_dataset(
        2,
        [(0, 0)],
        titles=["Oak lamp No 12", "赤い ワンピース"],
        category=["lamp", None],
        attributes={"colour": np.array(["Dark Red", None])},
    )
    bones = skeletons(dataset.catalog, ["Buy the Oak Lamp in dark red, 3,5 kg.", "人気の赤いワンピース、3点セット"])
    assert bones == ["buy the § in §, 0 kg.", "人気の§、0点セット"]


@pytest.mark.parametrize(
    ("odd", "code"),
    [("＄12.00", "mixed_currency"), ("EUR 9", "mixed_currency"), ("￥１，２８０（税抜）", "mixed_tax"), ("980円+税", "mixed_tax")],
)
def test_a_price_that_is_marked_otherwise(make_dataset: Callable, odd: str, code: str) -> None:
    written = [f"¥{number},000（税込）" for number in range(1, 60)] + [odd, "1,980", "1,000円（税抜）／1,100円（税込）", None]
    dataset = make_dataset(63, [(0, 0)], price_texts=written, price=np.full(63, 1000.0))
    check = Check(dataset.catalog, "attributes")
    check_attributes(check)
    assert [(issue.code, issue.item_ids) for issue in check.issues] == [(code, (dataset.catalog.item_ids[59],))]
    assert check.worklists[0].value(59) == odd
