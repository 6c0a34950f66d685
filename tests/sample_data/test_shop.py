"""The files say what the truth says, in the style of the shop, and the same seed writes the same bytes."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import sample_data
from diagnostics.errors import TenbinError
from sample_data.generator.pictures import OUTLINES, PATTERNS, SIZE, placeholder, product_picture

USERS, ITEMS = 60, 80
ENCODING = {"en": "utf-8", "ja": "cp932"}
STAMP = {"en": "%Y-%m-%d %H:%M:%S", "ja": "%Y/%m/%d %H:%M"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """Writes a small shop once per (shop, plant) and gives its folder and truth."""

    @cache
    def make(name: str, plant: str | None = None):
        folder = tmp_path_factory.mktemp("shop") / "here"
        return folder, sample_data.write_shop(folder, shop=name, plant=plant, seed=3, n_users=USERS, n_items=ITEMS)

    return make


def rows(folder: Path, name: str, shop: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO((folder / name).read_bytes().decode(ENCODING[shop]), newline="")))[1:]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", ["en", "ja"])
def test_the_same_seed_writes_the_same_bytes(shop, name, tmp_path):
    folder, _ = shop(name)
    sample_data.write_shop(tmp_path / "again", shop=name, seed=3, n_users=USERS, n_items=ITEMS)
    assert everything(folder) == everything(tmp_path / "again")
    sample_data.write_shop(tmp_path / "other", shop=name, seed=4, n_users=USERS, n_items=ITEMS)
    assert everything(folder)["catalog.csv"] != everything(tmp_path / "other")["catalog.csv"]


@pytest.mark.parametrize("name", ["en", "ja"])
def test_ids_keep_their_zeros_and_match(shop, name):
    folder, truth = shop(name)
    catalog, log = rows(folder, "catalog.csv", name), rows(folder, "transactions.csv", name)
    ids = [row[0] for row in catalog]
    assert len(set(ids)) == ITEMS == len(truth.factors)
    assert len({len(item_id) for item_id in ids}) == 1
    assert all(item_id.startswith("0") for item_id in ids)
    assert {row[1] for row in log} <= set(ids)
    assert len({row[0] for row in log}) == USERS
    assert len(log) == truth.n_interactions


@pytest.mark.parametrize("name", ["en", "ja"])
def test_the_log_spans_months_with_prices_and_quantities(shop, name):
    log = rows(shop(name)[0], "transactions.csv", name)
    times = [datetime.strptime(row[2], STAMP[name]) for row in log]
    assert times == sorted(times)
    assert 150 < (times[-1] - times[0]).days < 190
    assert all(int(row[3]) >= 1 and float(row[4]) > 0 for row in log)


def test_the_english_shop_hides_missing_photographs_in_two_departments(shop):
    folder, truth = shop("en")
    shown = {path.stem: path.read_bytes() for path in (folder / "images").iterdir()}
    cards = {item_id for item_id, raw in shown.items() if raw == placeholder()}
    assert cards == set(truth.item_ids)
    assert len(shown) == ITEMS
    assert len(cards) == round(0.35 * ITEMS)
    assert (truth.cause, truth.modality, truth.mechanism, truth.disguised) == ("missing", "image", "category", True)
    neglected = {"lamp", "chair", "tote", "backpack", "umbrella"}
    inside = [item_id in cards for item_id, factors in truth.factors.items() if factors["kind"] in neglected]
    outside = [item_id in cards for item_id, factors in truth.factors.items() if factors["kind"] not in neglected]
    assert np.mean(inside) > 0.7 > 0.3 > np.mean(outside)


def test_the_japanese_shop_lacks_descriptions_of_what_sells_little(shop):
    folder, truth = shop("ja")
    catalog = rows(folder, "catalog.csv", "ja")
    blank = {row[0] for row in catalog if not row[2]}
    assert blank == set(truth.item_ids)
    assert len(blank) == round(0.40 * ITEMS)
    bought = [row[1] for row in rows(folder, "transactions.csv", "ja")]
    sold = {row[0]: bought.count(row[0]) for row in catalog}
    assert np.mean([sold[item_id] for item_id in blank]) < np.mean([n for item_id, n in sold.items() if item_id not in blank])


def test_the_japanese_files_look_like_an_export_from_a_japanese_shop(shop):
    folder, _ = shop("ja", "none")
    raw = (folder / "catalog.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        raw.decode("utf-8")
    text = raw.decode("cp932")
    assert text.startswith("商品ID,商品名,説明文,カテゴリ,色,ブランド,価格,画像\r\n")
    assert (folder / "transactions.csv").read_bytes().decode("cp932").startswith("会員ID,商品ID,購入日時,数量,単価\r\n")
    prices = [row[6] for row in rows(folder, "catalog.csv", "ja")]
    assert np.mean([price.startswith("￥") and price.endswith("（税込）") for price in prices]) > 0.8
    assert "㈱" in text and "髙" in text
    assert b"\x5c" in raw  # the second byte of 表, ソ, 十 or 能: no escape sign


def test_a_full_japanese_catalog_has_open_prices(tmp_path):
    sample_data.write_shop(tmp_path / "shop", shop="ja", plant="missing:image:large", n_users=20, n_items=200)
    prices = [row[6] for row in rows(tmp_path / "shop", "catalog.csv", "ja")]
    assert 1 <= prices.count("オープン価格") <= 20


def test_a_missing_picture_leaves_no_file_and_no_name(shop):
    folder, truth = shop("en", "missing:image:small")
    named = {row[0]: row[7] for row in rows(folder, "catalog.csv", "en")}
    assert {item_id for item_id, file in named.items() if not file} == set(truth.item_ids)
    assert {path.stem for path in (folder / "images").iterdir()} == set(named) - set(truth.item_ids)
    assert len(truth.item_ids) == round(0.25 * ITEMS)


def test_disguised_text_is_one_sentence_for_all(shop):
    folder, truth = shop("en", "missing_disguised:text:small")
    said = {row[0]: row[2] for row in rows(folder, "catalog.csv", "en")}
    assert len({said[item_id] for item_id in truth.item_ids}) == 1
    assert len({said[item_id] for item_id in said if item_id not in truth.item_ids}) == ITEMS - len(truth.item_ids)


def test_attributes_go_missing_too(shop):
    folder, truth = shop("en", "missing:attributes:large")
    bare = {row[0] for row in rows(folder, "catalog.csv", "en") if not any(row[3:6])}
    assert bare == set(truth.item_ids)


@pytest.mark.parametrize("modality", ["text", "image", "attributes"])
def test_permuted_content_belongs_to_the_item_that_the_truth_names(shop, modality):
    sound, planted = shop("en", "none")[0], shop("en", f"uninformative:{modality}:medium")[0]
    truth = shop("en", f"uninformative:{modality}:medium")[1]
    assert len(truth.content_of) == round(0.75 * ITEMS) == len(truth.item_ids)
    before, after = ({row[0]: row for row in rows(folder, "catalog.csv", "en")} for folder in (sound, planted))
    for item_id in before:
        source = truth.content_of.get(item_id, item_id)
        assert (source != item_id) == (item_id in truth.item_ids)
        if modality == "image":
            picture = (planted / "images" / f"{item_id}.jpg").read_bytes()
            assert picture == (sound / "images" / f"{source}.jpg").read_bytes()
        else:
            columns = slice(1, 3) if modality == "text" else slice(3, 7)
            assert after[item_id][columns] == before[source][columns]
    assert (sound / "transactions.csv").read_bytes() == (planted / "transactions.csv").read_bytes()


def test_mismatched_vectors_are_as_much_too_long_as_planted(shop):
    folder, _ = shop("en", "scale_mismatch:image:large")
    text, image = (np.load(folder / "features" / f"{name}.npy", allow_pickle=False) for name in ("text", "image"))
    assert text.shape == image.shape == (ITEMS, 64)
    assert text.dtype == np.float32
    ratio = np.linalg.norm(image, axis=1).mean() / np.linalg.norm(text, axis=1).mean()
    assert ratio == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("name", ["en", "ja"])
def test_the_truth_is_written_beside_the_shop(shop, name):
    folder, truth = shop(name)
    written = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
    assert written["item_ids"] == list(truth.item_ids)
    assert written["strengths"] == dict(truth.strengths)
    assert written["cause"] == "missing"


@pytest.mark.parametrize(
    ("name", "visual"),
    [
        (
            "en",
            r"\b(stripe|striped|stripes|dots?|dotted|polka|checks?|checked|plaid|leafy|gloss|glossy|matte|matt|speckled|round)\b",
        ),
        ("ja", r"縞|ストライプ|ボーダー|水玉|ドット|チェック|格子|青海波|葉柄|つや|艶|マット|斑|丸い|無地"),
    ],
)
def test_words_never_tell_what_only_the_picture_shows(shop, name, visual):
    for row in rows(shop(name, "none")[0], "catalog.csv", name):
        assert not re.search(visual, f"{row[1]} {row[2]}", re.IGNORECASE)


def test_every_product_in_every_pattern_is_a_picture():
    for kind in OUTLINES:
        for form in range(3):
            drawn = product_picture(kind, form, "navy", "dots", "cream", "glossy", np.random.default_rng(1))
            with Image.open(io.BytesIO(drawn)) as picture:
                assert picture.size == (SIZE, SIZE)
                assert np.asarray(picture.convert("L"), dtype=float).std() > 10
    drawn = [product_picture("mug", 0, "sage", pattern, "ink", "matte", np.random.default_rng(1)) for pattern in PATTERNS]
    assert len(set(drawn)) == len(PATTERNS)


def test_progress_runs_from_none_to_all(tmp_path):
    steps = []
    sample_data.write_shop(tmp_path / "s", n_users=20, n_items=20, progress=lambda step, done: steps.append((step, done)))
    assert {step for step, _ in steps} == {"sample"}
    done = [share for _, share in steps]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("arguments", "code"), [({"shop": "fr"}, "E_SHOP_UNKNOWN"), ({"n_items": 5}, "E_SHOP_SIZE"), ({"n_users": 1}, "E_SHOP_SIZE")]
)
def test_a_shop_that_cannot_be_made_says_why(tmp_path, arguments, code):
    with pytest.raises(TenbinError) as error:
        sample_data.write_shop(tmp_path / "shop", **arguments)
    assert error.value.code == code
    assert error.value.words("ja") != error.value.words("en")
    assert not (tmp_path / "shop").exists()


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(TenbinError) as error:
        sample_data.write_shop(tmp_path, n_users=20, n_items=20)
    assert error.value.code == "E_SHOP_FOLDER"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
