"""A shop in H&M's layout, cut down and damaged in one known way: what is not damaged stays as it was."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diagnostics.schema import Dataset
from diagnostics.validation.real import DAMAGES, damaged

N = 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 articles with photos of noise, of which each of 30 customers buys eight; ten customers buy too little."""
    root, random = tmp_path_factory.mktemp("shop"), np.random.default_rng(0)
    articles = [(f"01{i:08d}", f"Article {i}", f"A garment in {i} colours and {i * 7} sizes") for i in range(N)]
    bought = [(user, item) for user in range(30) for item in random.choice(N, 8, replace=False)]
    bought += [(user, item) for user in range(30, 40) for item in random.choice(N, 3, replace=False)]
    tables = {
        "articles.csv": [("article_id", "prod_name", "detail_desc"), *articles],
        "transactions.csv": [
            ("t_dat", "customer_id", "article_id", "price", "sales_channel_id"),
            *((f"2020-09-{16 + item % 7}", f"{user:064x}", articles[item][0], "0.02", "1") for user, item in bought),
        ],
    }
    for name, rows in tables.items():
        with (root / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    for article, *_ in articles:
        path = root / "images" / article[:3] / f"{article}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(path)
    return root


@pytest.fixture(scope="module")
def shops(folder: Path) -> dict[str, Dataset]:
    return {name: damaged(folder, plant, 1) for name, plant in {"none": "none", **DAMAGES}.items()}


def test_customers_who_bought_too_little_are_left_out_and_the_log_is_the_same_in_all(shops):
    logs = [shop.log for shop in shops.values()]
    assert all(log.n_users == 30 and log.n_rows == 240 for log in logs)
    assert all(np.array_equal(log.item_index, logs[0].item_index) for log in logs)
    assert len({shop.fingerprint for shop in shops.values()}) == 1 + len(DAMAGES)


@pytest.mark.parametrize("name", ["masked", "boilerplate"])
def test_seven_tenths_of_the_texts_are_gone_or_say_the_same(shops, name):
    said = shops[name].catalog.texts
    counts = {text: list(said).count(text) for text in set(said)}
    most = max(counts, key=counts.__getitem__)
    assert counts[most] == 14 and (most is None) == (name == "masked")
    kept = [item for item in range(N) if said[item] != most]
    assert all(said[item] == shops["none"].catalog.texts[item] for item in kept)
    assert np.array_equal(shops[name].catalog.vectors["image"], shops["none"].catalog.vectors["image"])


def test_photos_are_permuted_scaled_or_replaced_by_the_text(shops):
    own = shops["none"].catalog.vectors["image"]
    permuted, scaled, copied = (shops[name].catalog.vectors["image"] for name in ("permuted", "scaled", "copied"))
    assert not np.array_equal(permuted, own) and np.array_equal(np.sort(permuted, axis=0), np.sort(own, axis=0))
    assert np.allclose(scaled, 1000 * own)
    assert copied.shape[0] == N and copied.shape[1] != own.shape[1]
    assert all(list(shops[name].catalog.texts) == list(shops["none"].catalog.texts) for name in ("permuted", "scaled", "copied"))
