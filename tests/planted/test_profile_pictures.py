"""Thirty per cent of the pictures become a placeholder, as one file or saved anew: exactly these are named, sound shops are not."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from diagnostics import read_dataset
from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.pictures import check_pictures
from diagnostics.schema import Dataset, FeatureBlock
from models.encoders.glance import glance_all
from tests.planted.shops import found, sound_shop

Reader = Callable[[], bytes]


def _card(quality: int, side: int) -> Reader:
    """A "no image" card as a shop's system would save it."""
    card = Image.new("RGB", (400, 400), "#f4f4f4")
    draw = ImageDraw.Draw(card)
    draw.rectangle((60, 90, 340, 310), outline="#888888", width=9)
    draw.line((60, 310, 170, 190, 240, 260, 280, 220, 340, 300), fill="#888888", width=9)
    draw.ellipse((250, 120, 300, 170), fill="#bbbbbb")
    stream = io.BytesIO()
    card.resize((side, side), Image.Resampling.LANCZOS).save(stream, "JPEG", quality=quality)
    return partial(bytes, stream.getvalue())


@cache
def _facts(shop: str) -> dict[str, np.ndarray]:
    return _look(_readers(sound_shop(shop)))


def _readers(dataset: Dataset) -> list[Reader | None]:
    return [None if source is None else source.read for source in dataset.catalog.images or ()]


def _look(readers: list[Reader | None]) -> dict[str, np.ndarray]:
    return glance_all(readers, threads=2)


def _check(dataset: Dataset, facts: dict[str, np.ndarray]) -> Check:
    present = facts["reason"] == ""
    values = np.where(present[:, None], np.float32(1), np.float32(np.nan))
    check = Check(dataset.catalog, "image")
    check_pictures(check, FeatureBlock("image", "image", "none", values, present, facts), Kinship(dataset))
    return check


def _planted(facts: dict[str, np.ndarray], items: np.ndarray, cards: list[Reader]) -> dict[str, np.ndarray]:
    put = _look(list(cards))
    changed = {name: column.copy() for name, column in facts.items()}
    for name, column in put.items():
        changed[name][items] = column
    return changed


@pytest.mark.parametrize("shop", ["en", "ja"])
def test_a_sound_shop_is_accused_of_nothing(shop: str) -> None:
    check = _check(sound_shop(shop), _facts(shop))
    assert [issue.code for issue in check.issues] == [] and not check.disguised.any()


@pytest.mark.parametrize("shop", ["en", "ja"])
@pytest.mark.parametrize("saved", ["one file", "anew"])
def test_thirty_per_cent_of_placeholders_are_named(shop: str, saved: str) -> None:
    dataset = sound_shop(shop)
    items = np.sort(np.random.default_rng(5).choice(dataset.catalog.n_items, 120, replace=False))
    cards = [_card(90, 400) if saved == "one file" else _card(70 + number % 26, 300 + 7 * (number % 29)) for number in range(120)]
    check = _check(dataset, _planted(_facts(shop), items, cards))
    precision, recall = found(check.disguised, items)
    assert precision >= 0.95 and recall >= 0.95
    (issue,) = [issue for issue in check.issues if issue.code == "placeholder_pictures"]
    assert issue.flagged and issue.count == check.disguised.sum() and issue.score == pytest.approx(0.7, abs=0.03)
    (worklist,) = [worklist for worklist in check.worklists if worklist.code == "placeholder_pictures"]
    assert set(worklist.items) == set(np.flatnonzero(check.disguised))


@pytest.fixture(scope="module")
def fashion(shared: Path) -> Dataset:
    folder = shared / "data" / "hm"
    if not folder.is_dir():
        pytest.skip("../shared/data/hm is absent")
    return read_dataset(folder / "articles.csv", folder / "transactions.csv", images=folder / "images")


def test_a_real_shop_lacks_ten_photos_and_has_no_placeholder_until_some_are_planted(fashion: Dataset) -> None:
    readers = _readers(fashion)
    without = [item for item, reader in enumerate(readers) if reader is None]
    assert len(without) == 10
    facts = _look(readers)
    assert np.flatnonzero(facts["reason"] == "missing").tolist() == without
    check = _check(fashion, facts)
    assert not check.disguised.any() and {issue.code for issue in check.issues} <= {"duplicate_picture", "near_duplicate_picture"}
    items = np.random.default_rng(1).choice(np.flatnonzero(facts["reason"] == ""), 1000, replace=False)
    cards = [_card(75 + number % 20, 128 + number % 7) for number in range(40)]
    accused = _check(fashion, _planted(facts, items, [cards[number % 40] for number in range(len(items))])).disguised
    precision, recall = found(accused, items)
    assert precision >= 0.95 and recall >= 0.95
