"""Stand-ins are found; what real shops share for good reasons is not accused."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from diagnostics.profile import profile
from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.text import _BROKEN, check_texts
from diagnostics.profile.vectors import check_vectors
from diagnostics.schema import Catalog, Dataset, FeatureBlock, InteractionLog, ReadingNotes, Split
from models.encoders import encoder

HM = Path(__file__).parents[3] / "shared" / "data" / "hm"
WORDS = [
    "linen",
    "oak",
    "steel",
    "moss",
    "cobalt",
    "amber",
    "tidal",
    "velvet",
    "harbour",
    "ember",
    "quartz",
    "willow",
    "drift",
    "saffron",
    "slate",
    "coral",
]
KINDS = ["shirt", "lamp", "kettle", "rug", "chair", "mug"]


def _shop(
    make_dataset: Callable[..., Dataset], n_items: int = 300, **more: object
) -> tuple[Dataset, list[str], list[str], np.ndarray]:
    """Unrelated products with titles, descriptions, categories and random purchases."""
    rng = np.random.default_rng(0)
    kinds = [KINDS[number] for number in rng.integers(0, 6, n_items)]
    titles = [f"{' '.join(rng.choice(WORDS, 2, replace=False))} {kind}".capitalize() for kind in kinds]
    texts = [f"{title}. A {kind} made of {' and '.join(rng.choice(WORDS, 3))}." for title, kind in zip(titles, kinds, strict=True)]
    train = [(user, int(item)) for user in range(400) for item in rng.choice(n_items, 6, replace=False)]
    return make_dataset(n_items, train, titles=titles, texts=texts, category=kinds, **more), titles, texts, rng


def _check_texts(dataset: Dataset) -> Check:
    check = Check(dataset.catalog, "text")
    check_texts(check, Kinship(dataset))
    return check


def _counts(check: Check) -> dict[str, int]:
    return {issue.code: issue.count for issue in check.issues}


def test_a_sound_shop_is_not_accused(make_dataset: Callable) -> None:
    check = _check_texts(_shop(make_dataset)[0])
    assert not check.disguised.any() and check.issues == [] and check.findings == []


@pytest.mark.parametrize("number", [6, 90])
def test_boilerplate_on_unrelated_products_is_found(make_dataset: Callable, number: int) -> None:
    dataset, titles, _, rng = _shop(make_dataset)
    chosen = rng.choice(300, number, replace=False)
    dataset.catalog.texts[chosen] = [f"{titles[item]}. Please ask our staff for details." for item in chosen]
    check = _check_texts(dataset)
    assert set(np.flatnonzero(~check.described)) == set(chosen) and not check.blank.any()
    assert not check.disguised.any()  # a title of its own is a text, however short
    assert [(finding.code, finding.values["count"], finding.values["largest"]) for finding in check.findings] == [
        ("boilerplate_text", number, number)
    ]


@pytest.mark.parametrize("tie", ["title", "id", "category", "bought_together"])
def test_variants_are_excused_whatever_ties_them(make_dataset: Callable, tie: str) -> None:
    dataset, titles, _, rng = _shop(make_dataset)
    group = rng.choice(300, 8, replace=False)
    if tie == "category":
        group = np.flatnonzero(dataset.catalog.category == "rug")[:4]  # of more, see the next test
    shared = "One text for all of them."
    if tie == "title":
        for number, item in enumerate(group):
            dataset.catalog.titles[item] = f"Riviera jumper {['red', 'blue', 'grey', 'black'][number % 4]}"
    if tie == "id":  # in a shop whose ids begin with the product: pairs of colours share their title
        dataset.catalog.item_ids[:] = [f"{1000 + item // 2}-{item % 2}" for item in range(300)]
        dataset.catalog.titles[1::2] = dataset.catalog.titles[::2]
        dataset.catalog.item_ids[group] = [f"0555-{number}" for number in range(8)]
        dataset.catalog.titles[group] = titles[:8]
    if tie == "bought_together":
        together = [(user, int(item)) for user in range(30) for item in rng.choice(group, 3, replace=False)]
        pairs = np.unique(np.concatenate([dataset.split.train, np.array(together, dtype=np.int32)]), axis=0)
        split = Split("user", "asked", 400, 300, pairs, dataset.split.validation, dataset.split.test)
        dataset = Dataset(dataset.catalog, dataset.log, "", dataset.notes, split)
    dataset.catalog.texts[group] = [f"{dataset.catalog.titles[item]}. {shared}" for item in group]
    check = _check_texts(dataset)
    assert not check.disguised.any() and "duplicate_text" not in _counts(check)
    assert [finding.code for finding in check.findings] == ([] if tie == "category" else ["variants_share_text"])


@pytest.mark.parametrize("titled", [True, False])
def test_a_text_on_a_batch_of_running_numbers_is_boilerplate(make_dataset: Callable, titled: bool) -> None:
    """Ids 100200 to 100279 begin alike because these products were entered one after the other."""
    dataset, *_ = _shop(make_dataset, item_ids=[f"{100_000 + item}" for item in range(300)])
    batch = np.arange(200, 280)
    dataset.catalog.texts[batch] = "Please ask our staff for details, and read the size chart before you order."
    catalog = dataset.catalog if titled else replace(dataset.catalog, titles=None)
    check = _check_texts(replace(dataset, catalog=catalog))
    assert [(finding.code, finding.values["count"]) for finding in check.findings] == [("boilerplate_text", 80)]


@pytest.mark.parametrize("namesakes", [False, True])
def test_a_sentence_for_a_category_is_boilerplate_unless_it_stands_on_namesakes(make_dataset: Callable, namesakes: bool) -> None:
    """Each title holds the name of its category, which makes no two of them alike."""
    rng = np.random.default_rng(0)
    kinds = [["シャツ", "パンツ", "スニーカー"][item % 3] for item in range(300)]
    words = [
        ["".join(rng.choice(list("あかさたなはまやらわいきしちにひみりうくすつぬふむゆる"), 3)) for _ in range(2)] for _ in kinds
    ]
    titles = [f"{kind} {' '.join(own)}" for kind, own in zip(kinds, words, strict=True)]
    few = list(range(0, 60, 3))  # twenty of the hundred shirts
    if namesakes:
        for item in few:
            titles[item] = titles[item % 12]
    own = [
        f"{' '.join(part)} " + " ".join("".join(rng.choice(list("えけせてねへめれおこそと"), 4)) for _ in range(8))
        for part in words
    ]
    told = [
        {"シャツ": "綿のやわらかな肌ざわりで、一年を通して快適です。"}[kinds[item]] if item in few else own[item]
        for item in range(300)
    ]
    texts = [f"{title}\n{text}" for title, text in zip(titles, told, strict=True)]
    train = [(user, int(item)) for user in range(400) for item in rng.choice(300, 6, replace=False)]
    columns = {"category": kinds, "attributes": {"category": np.array(kinds, dtype=object)}}
    check = _check_texts(make_dataset(300, train, titles=titles, texts=texts, descriptions=told, **columns))
    assert set(np.flatnonzero(~check.described)) == (set() if namesakes else set(few)) and not check.disguised.any()
    assert [finding.code for finding in check.findings] == ["variants_share_text" if namesakes else "boilerplate_text"]


def test_a_short_word_for_a_category_makes_no_text_missing(make_dataset: Callable) -> None:
    """Under boilerplate a title still tells its product, unless, numbers aside, other products are called the same."""
    dataset, titles, *_ = _shop(make_dataset)
    for item in range(0, 300, 2):
        titles[item] = f"{WORDS[item % 16]} {WORDS[item % 15]} {item % 7}ab"
    titles[:6] = [f"Mug {item}" for item in range(6)]
    dataset.catalog.titles[:] = titles
    for item in range(120):
        dataset.catalog.texts[item] = f"{titles[item]}. Please ask our staff for details."
    check = _check_texts(dataset)
    assert set(np.flatnonzero(~check.described)) == set(range(120)) and set(np.flatnonzero(check.disguised)) == set(range(6))


def test_one_dimension_in_another_unit_accuses_no_product_and_damaged_rows_are_named(
    make_dataset: Callable, make_block: Callable
) -> None:
    dataset, *_, rng = _shop(make_dataset)
    values = rng.normal(0, 1, (300, 16))
    values[:, 3] *= 1000
    check = Check(dataset.catalog, "vec")
    check_vectors(check, make_block(values), Kinship(dataset))
    assert not check.issues and not check.disguised.any()
    values[:6] *= 1000
    check = Check(dataset.catalog, "vec")
    check_vectors(check, make_block(values), Kinship(dataset))
    assert _counts(check) == {"off_scale_vector": 6} and set(np.flatnonzero(check.disguised)) == set(range(6))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("stand_in_word", "N/A"),
        ("stand_in_word", "不明"),
        ("no_description", "Slate oak lamp"),
        ("very_short_text", "Slate oak lamp\nmug"),
        ("very_short_text", "赤い鞄"),
        ("title_repeated", "Slate oak lamp of the north\nSlate oak lamp of the north"),
        ("markup_in_text", "A good and heavy mug<br/>of <b>stone</b>&nbsp;ware"),
        ("broken_characters", "CafÃ© chair, hand made of oak"),
        ("broken_characters", "襍､縺�繝ｯ繝ｳ繝斐�ｼ繧ｹ縺ｧ縺吶�らｶｺ鮗励〒縺"),
        ("broken_characters", "Itâ€™s a lamp of steel and glass"),
        ("broken_characters", "古材の棚、手作り".encode().decode("latin-1") + " of oak and steel"),
    ],
)
def test_faulty_texts(make_dataset: Callable, code: str, text: str) -> None:
    dataset = _shop(make_dataset)[0]
    dataset.catalog.texts[7] = text
    dataset.catalog.titles[7] = "Slate oak lamp" if code in ("no_description", "very_short_text") else "Slate oak lamp of the north"
    check = _check_texts(dataset)
    counts = _counts(check)
    counts.pop("other_language", None)
    assert counts == {code: 1}
    assert check.issues[0].item_ids == (dataset.catalog.item_ids[7],)


def test_where_names_are_all_there_is_a_short_name_is_no_gap(make_dataset: Callable) -> None:
    dataset = _shop(make_dataset)[0]
    dataset.catalog.texts[:] = [f"Item {number}" for number in range(300)]
    dataset.catalog.titles[:] = dataset.catalog.texts
    check = _check_texts(dataset)
    assert not check.disguised.any() and _counts(check) == {"very_short_text": 300}


@pytest.mark.parametrize(
    "text",
    [
        "Für Mädchen: ein schönes Kleid",
        "テーブルクロス（綿100％）・繊細な織り",
        "Size < 40 & price > 3, R&D lamp of steel",
        "縺れにくいコードのイヤホンです",
    ],
)
def test_unusual_but_sound_texts_are_not_accused(make_dataset: Callable, text: str) -> None:
    dataset = _shop(make_dataset)[0]
    dataset.catalog.texts[7] = text
    assert set(_counts(_check_texts(dataset))) <= {"other_language"}  # which Japanese in this English shop is


def _photo(rng: np.random.Generator) -> Image.Image:
    picture = Image.new("RGB", (160, 160), "white")
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        left, top = rng.integers(0, 110, 2)
        colour = tuple(int(part) for part in rng.integers(0, 230, 3))
        draw.rectangle((left, top, left + rng.integers(10, 60), top + rng.integers(10, 60)), fill=colour)
    return picture


def _jpeg(picture: Image.Image, quality: int = 90) -> partial:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=quality)
    return partial(bytes, stream.getvalue())


def _picture_block(readers: list) -> FeatureBlock:
    encoded = encoder("efficientnet-lite0").encode(readers)
    return FeatureBlock("image", "image", "efficientnet-lite0", encoded.values, encoded.present, encoded.facts)


def test_pictures(make_dataset: Callable) -> None:
    rng = np.random.default_rng(1)
    readers: list = [_jpeg(_photo(rng)) for _ in range(60)]
    placeholder = _photo(rng)
    for item in range(12):
        readers[item] = _jpeg(placeholder, 95 - item % 3)  # saved anew: three different files
    variants = list(range(20, 26))
    for item in variants:
        readers[item] = _jpeg(_photo(np.random.default_rng(77)))
    readers[30] = _jpeg(Image.new("RGB", (100, 100), "#eeeeee"))
    readers[31] = partial(bytes, b"not a picture")
    readers[32] = _jpeg(_photo(rng).resize((40, 40)))
    readers[33] = _jpeg(_photo(rng).point(lambda value: value // 12))
    readers[34] = _jpeg(_photo(rng).resize((14, 14)).resize((300, 300), Image.Resampling.BICUBIC))
    readers[35] = None
    dataset = _shop(make_dataset, 60, images=tuple(object() for _ in readers))[0]
    for number, item in enumerate(variants):
        dataset.catalog.titles[item] = f"Riviera jumper {number}"
    found = profile(dataset, [_picture_block(readers)])
    image = found.modalities[0]
    counts = {issue.code: issue.count for issue in image.issues}
    assert counts == {
        "picture_unreadable": 1,
        "tiny_picture": 1,
        "dark_picture": 1,
        "blurred_picture": 1,
        "flat_picture": 1,
        "placeholder_pictures": 12,
        "duplicate_picture": 9 + 5,
        "near_duplicate_picture": 2,  # the other two ways of saving the placeholder
    }
    assert image.coverage.disguised == pytest.approx(13 / 60) and image.coverage.items == pytest.approx(45 / 60)
    assert {finding.code for finding in found.findings} == {
        "placeholder_pictures",
        "variants_share_picture",
        "disguised_missing",
        "modality_incomplete",
    }


def test_filled_in_vectors(make_dataset: Callable, make_block: Callable) -> None:
    dataset, *_, rng = _shop(make_dataset)
    values = rng.normal(1, 1, (300, 16))
    values[:5] = 0
    rugs = np.flatnonzero(dataset.catalog.category == "rug")
    filled = rugs[rugs > 20][:10]
    values[filled] = values[rugs].mean(axis=0)  # the category's mean
    missing = np.array([6, 7, 8])
    values[missing] = np.nan
    known = np.isfinite(values[:, 0])
    values[12] = (values[known].sum(axis=0) - values[12]) / (known.sum() - 1)  # the mean of all the others
    values[13, 4] = np.nan
    check = Check(dataset.catalog, "vec")
    block = make_block(values)
    check_vectors(
        check,
        FeatureBlock("vec", "vector", "", block.values, block.present, {"reason": np.array(["not_finite"] * 14 + [""] * 286)}),
        Kinship(dataset),
    )
    assert _counts(check) == {"vector_not_finite": 14, "zero_vector": 5, "mean_vector": 1, "copied_vectors": 10}
    assert set(np.flatnonzero(check.disguised)) == {0, 1, 2, 3, 4, 12, *filled}


def test_attributes_and_prices(make_dataset: Callable, make_block: Callable) -> None:
    rng = np.random.default_rng(0)
    price = np.exp(rng.normal(3, 0.3, 100))
    price[[1, 2, 3]] = [price[1] * 100, 0, np.nan]
    colour = ["red", "blue"] * 50
    brand = ["north", "south"] * 50
    colour[9] = "Unknown"
    colour[10] = brand[10] = "Other"
    colour[11] = "Other"
    dataset = make_dataset(
        100, [(0, 0)], attributes={"colour": np.array(colour, dtype=object), "brand": np.array(brand, dtype=object)}, price=price
    )
    found = profile(dataset, [make_block(np.ones((100, 1)), "attributes", "attributes")]).modalities[0]
    assert {issue.code: issue.item_ids for issue in found.issues} == {
        "stand_in_word": (dataset.catalog.item_ids[10], dataset.catalog.item_ids[9]),
        "price_not_positive": (dataset.catalog.item_ids[2],),
        "price_outlier": (dataset.catalog.item_ids[1],),
    }
    assert found.coverage.disguised == 0.01  # only the item that says nothing in any column
    written = np.array([f"{number:g}" for number in price], dtype=object)
    written[2] = "無料"
    gift = replace(dataset, catalog=replace(dataset.catalog, price_texts=written))
    found = profile(gift, [make_block(np.ones((100, 1)), "attributes", "attributes")]).modalities[0]
    assert "price_not_positive" not in {issue.code for issue in found.issues}


def _hm_catalog() -> tuple[Dataset, list[str]]:
    pandas = pytest.importorskip("pandas")
    articles = pandas.read_csv(HM / "articles.csv", dtype=str)
    sales = pandas.read_csv(HM / "transactions.csv", dtype=str)

    def objects(series) -> np.ndarray:
        return np.array([None if pandas.isna(value) else value for value in series], dtype=object)

    titles = objects(articles.prod_name)
    texts = np.array(
        [title if text is None else f"{title}. {text}" for title, text in zip(titles, objects(articles.detail_desc), strict=True)],
        dtype=object,
    )
    catalog = Catalog(objects(articles.article_id), titles=titles, texts=texts, category=objects(articles.product_group_name))
    users, user_index = np.unique(sales.customer_id, return_inverse=True)
    position = {item: number for number, item in enumerate(catalog.item_ids)}
    item_index = sales.article_id.map(position).to_numpy()
    pairs = np.unique(np.column_stack([user_index, item_index]), axis=0).astype(np.int32)
    log = InteractionLog(users.astype(object), user_index.astype(np.int32), item_index.astype(np.int32))
    nothing = np.empty((0, 2), dtype=np.int32)
    split = Split("user", "asked", len(users), len(titles), pairs, nothing, nothing)
    return Dataset(catalog, log, "", ReadingNotes(), split), list(titles)


@pytest.mark.skipif(not HM.exists(), reason="needs ../shared/data/hm")
def test_a_real_shop_whose_colours_share_their_text_is_not_accused_and_boilerplate_in_it_is_found() -> None:
    dataset, titles = _hm_catalog()
    check = _check_texts(dataset)
    assert not check.disguised.any() and [finding.code for finding in check.findings] == ["variants_share_text"]
    chosen = np.random.default_rng(0).choice(len(titles), 200, replace=False)
    dataset.catalog.texts[chosen] = [f"{titles[item]}. See picture." for item in chosen]
    assert set(np.flatnonzero(~_check_texts(dataset).described)) == set(chosen)


@pytest.mark.skipif(not HM.exists(), reason="needs ../shared/data/hm")
def test_real_photos_are_not_accused_and_placeholders_among_them_are_found() -> None:
    dataset = _hm_catalog()[0]
    readers: list = [None] * dataset.catalog.n_items
    for item in range(0, dataset.catalog.n_items, 15):
        path = HM / "images" / dataset.catalog.item_ids[item][:3] / f"{dataset.catalog.item_ids[item]}.jpg"
        readers[item] = path.read_bytes if path.exists() else None
    kinship = Kinship(dataset)

    def check(given: list) -> Check:
        from diagnostics.profile.pictures import check_pictures

        result = Check(dataset.catalog, "image")
        check_pictures(result, _picture_block(given), kinship)
        return result

    assert not check(readers).disguised.any()
    chosen = [item for item in np.random.default_rng(0).permutation(dataset.catalog.n_items) if readers[item] is not None][:40]
    for number, item in enumerate(chosen):
        readers[item] = _jpeg(Image.effect_mandelbrot((128, 128), (-2, -1.5, 1, 1.5), 50).convert("RGB"), 80 + number % 5)
    assert set(np.flatnonzero(check(readers).disguised)) == set(chosen)


def test_french_quotes_and_accents_are_sound() -> None:
    assert not _BROKEN.search("Table « café\u00a0» d'été, bois brûlé, façade à côté")
    assert _BROKEN.search("棚".encode().decode("latin-1")) and _BROKEN.search("ペン".encode().decode("latin-1"))
