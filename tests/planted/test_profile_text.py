"""A quarter of the descriptions become boilerplate or a template: exactly these are named; sound shops are accused of nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diagnostics import read_dataset
from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.text import check_texts
from diagnostics.schema import Dataset
from tests.planted.shops import found, sound_shop

BOILERPLATE = {
    "en": "Welcome to our shop. We ship every order within two days. Please contact our staff with any question.",
    "ja": "当店の商品をご覧いただきありがとうございます。詳しくは店舗スタッフまでお問い合わせください。",
}
TEMPLATE = {
    "en": "Discover {title}, a quality product from our {category} range. No. {number}. Order {title} today and enjoy it.",
    "ja": "{title}は、当店がおすすめする{category}の人気商品です。商品番号{number}。ぜひこの機会に{title}をお買い求めください。",
}
_WORDS = {
    "en": ["soft", "hard", "light", "small", "large", "round", "warm", "cool", "plain", "fine"],
    "ja": ["軽い", "丈夫な", "小さな", "大きな", "丸い", "暖かい", "涼しい", "上質な", "細い", "厚い"],
}


def _check(dataset: Dataset) -> Check:
    check = Check(dataset.catalog, "text")
    check_texts(check, Kinship(dataset))
    return check


def _with_descriptions(dataset: Dataset, items: np.ndarray, words: list[str]) -> Dataset:
    catalog = dataset.catalog
    assert catalog.titles is not None and catalog.texts is not None and catalog.descriptions is not None
    texts, descriptions = catalog.texts.copy(), catalog.descriptions.copy()
    descriptions[items] = words
    texts[items] = [f"{catalog.titles[item]}\n{text}" for item, text in zip(items, words, strict=True)]
    return replace(dataset, catalog=replace(catalog, texts=texts, descriptions=descriptions))


def _filled(template: str, dataset: Dataset, items: np.ndarray) -> list[str]:
    catalog = dataset.catalog
    return [
        template.format(title=catalog.titles[item], category=catalog.category[item] or "", number=1000 + 7 * item) for item in items
    ]


def _quarter(dataset: Dataset) -> np.ndarray:
    return np.sort(np.random.default_rng(3).choice(dataset.catalog.n_items, dataset.catalog.n_items // 4, replace=False))


@pytest.mark.parametrize("shop", ["en", "ja"])
def test_a_sound_shop_is_accused_of_nothing(shop: str) -> None:
    check = _check(sound_shop(shop))
    assert [issue.code for issue in check.issues] == [] and not check.disguised.any()
    assert check.languages[shop] > 0.95 and check.lengths["p5"] <= check.lengths["p50"] <= check.lengths["longest"]


@pytest.mark.parametrize("shop", ["en", "ja"])
@pytest.mark.parametrize(("kind", "code"), [("boilerplate", "boilerplate_text"), ("template", "template_text")])
def test_a_quarter_of_planted_wording_is_named(shop: str, kind: str, code: str) -> None:
    dataset = sound_shop(shop)
    items = _quarter(dataset)
    words = [BOILERPLATE[shop]] * len(items) if kind == "boilerplate" else _filled(TEMPLATE[shop], dataset, items)
    check = _check(_with_descriptions(dataset, items, words))
    precision, recall = found(~check.described, items)
    assert precision >= 0.95 and recall >= 0.95
    (issue,) = [issue for issue in check.issues if issue.code == code]
    assert issue.flagged and issue.score == pytest.approx(1 - issue.share, abs=0.02)
    assert code in [finding.code for finding in check.findings]
    (worklist,) = [worklist for worklist in check.worklists if worklist.code == code]
    assert len(worklist.items) == issue.count and set(worklist.items) <= set(items)


@pytest.mark.parametrize("shop", ["en", "ja"])
def test_a_template_with_one_free_word_is_named_too(shop: str) -> None:
    dataset = sound_shop(shop)
    items = _quarter(dataset)
    rng = np.random.default_rng(0)
    words = [f"{text} {rng.choice(_WORDS[shop])}" for text in _filled(TEMPLATE[shop], dataset, items)]
    precision, recall = found(~_check(_with_descriptions(dataset, items, words)).described, items)
    assert precision >= 0.95 and recall >= 0.95


def test_a_few_copies_are_told_apart_from_boilerplate() -> None:
    dataset = sound_shop("en")
    other = next(item for item in range(400) if dataset.catalog.category[item] != dataset.catalog.category[0])
    text = dataset.catalog.descriptions[0]
    check = _check(_with_descriptions(dataset, np.array([other]), [text]))
    assert not check.disguised.any()
    (issue,) = check.issues
    assert issue.code == "duplicate_text" and set(issue.item_ids) == {dataset.catalog.item_ids[0], dataset.catalog.item_ids[other]}
    near = _check(_with_descriptions(dataset, np.array([other]), [text[:-1] + " 24."]))
    assert [issue.code for issue in near.issues] == ["near_duplicate_text"]


@pytest.mark.parametrize(("shop", "text", "code"), [("en", BOILERPLATE["ja"], "ja"), ("ja", BOILERPLATE["en"], "en")])
def test_a_text_in_another_language_is_named(shop: str, text: str, code: str) -> None:
    dataset = sound_shop(shop)
    catalog = dataset.catalog
    texts = catalog.texts.copy()
    texts[5] = text
    check = _check(replace(dataset, catalog=replace(catalog, texts=texts)))
    (issue,) = [issue for issue in check.issues if issue.code == "other_language"]
    assert issue.item_ids == (catalog.item_ids[5],) and check.languages[code] == pytest.approx(1 / 400)


@pytest.fixture(scope="module")
def fashion(shared: Path) -> Dataset:
    folder = shared / "data" / "hm"
    if not folder.is_dir():
        pytest.skip("../shared/data/hm is absent")
    return read_dataset(folder / "articles.csv", folder / "transactions.csv")


def test_in_a_real_shop_variants_share_their_text_and_nothing_is_boilerplate(fashion: Dataset) -> None:
    check = _check(fashion)
    assert not check.disguised.any() and [finding.code for finding in check.findings] == ["variants_share_text"]
    assert check.languages["en"] > 0.95


@pytest.mark.parametrize("kind", ["boilerplate", "template"])
def test_planted_wording_in_a_real_shop_is_named(fashion: Dataset, kind: str) -> None:
    items = _quarter(fashion)
    words = [BOILERPLATE["en"]] * len(items) if kind == "boilerplate" else _filled(TEMPLATE["en"], fashion, items)
    precision, recall = found(~_check(_with_descriptions(fashion, items, words)).described, items)
    assert precision >= 0.95 and recall >= 0.95
