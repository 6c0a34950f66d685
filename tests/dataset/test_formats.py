"""Published formats, each as a tiny folder written by hand: recognised by itself, read, and explained where it is not whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diagnostics.dataset import propose, read
from diagnostics.dataset.formats import FORMATS
from diagnostics.errors import TenbinError
from diagnostics.messages import text
from tests.dataset.shops import write_shop

USERS, ITEMS = 6, 8
EVENTS = [(user, (user + step) % ITEMS, 1_700_000_000 + 1000 * step) for user in range(USERS) for step in range(5)]


def write(path: Path, rows: list[tuple[object, ...]], separator: str = "\t", encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(separator.join(map(str, row)) + "\n" for row in rows).encode(encoding))


def mmrec(folder: Path, names: bool = False) -> None:
    labels = [0, 0, 0, 1, 2]
    rows = [(user, item, 1 + place % 5, time, labels[place % 5]) for place, (user, item, time) in enumerate(EVENTS)]
    write(folder / "toys.inter", [("userID", "itemID", "rating", "timestamp", "x_label"), *rows])
    draw = np.random.default_rng(0)
    np.save(folder / "image_feat.npy", draw.normal(size=(ITEMS + 1, 4)))  # one item more than the log names
    np.save(folder / "text_feat.npy", draw.normal(size=(ITEMS + 1, 3)).astype(np.float32))
    if names:
        write(folder / "i_id_mapping.csv", [("asin", "itemID"), *[(f"B{99 - item:03d}", item) for item in range(ITEMS + 1)]])


def recbole(folder: Path) -> None:
    rows = [(f"u{user}", f"i{item}", 5 if item else 2, float(time)) for user, item, time in EVENTS]
    write(folder / "toys.inter", [("user_id:token", "item_id:token", "rating:float", "timestamp:float"), *rows])
    header = ("item_id:token", "title:token_seq", "genre:token", "price:float", "style:float_seq")
    items = [
        (f"i{item}", f'Toy "{item}" of wood', ("red", "blue")[item % 2], 9.5 + item, f"{item} 0.5 1e-1") for item in range(ITEMS)
    ]
    write(folder / "toys.item", [header, *items])
    write(folder / "toys.user", [("user_id:token", "age:float"), ("u0", 33)])


def amazon(folder: Path, packed: bool = False) -> None:
    reviews = [
        {
            "rating": 5.0 if item else 1.0,
            "title": "ok",
            "text": "fine\nindeed",
            "images": [],
            "asin": f"C{item}",
            "parent_asin": f"P{item}",
        }
        | {"user_id": f"AE{user}", "timestamp": time * 1000, "helpful_vote": 0, "verified_purchase": True}
        for user, item, time in EVENTS
    ]
    meta = [
        {"main_category": "Toys", "title": f"Wooden toy number {item}", "average_rating": 4.1, "features": ["Wood", "For children"]}
        | {"description": ["A toy.", f"Numbered {item}."], "price": 9.99 if item % 3 else None, "store": ("A", "B")[item % 2]}
        | {
            "images": [{"large": f"https://example.com/{item}.jpg", "variant": "MAIN"}],
            "categories": ["Toys", ("Cars", "Dolls")[item % 2]],
        }
        | {"parent_asin": f"P{item}", "details": {"Brand": "Acme"}}
        for item in range(ITEMS)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in (("Toys.jsonl", reviews), ("meta_Toys.jsonl", meta)):
        data = "".join(json.dumps(record) + "\n" for record in records).encode()
        (folder / (name + ".gz" * packed)).write_bytes(gzip.compress(data) if packed else data)


def movielens_100k(folder: Path) -> None:
    write(folder / "u.data", [(user + 1, item + 1, 5 if item else 1, time) for user, item, time in EVENTS])
    flags = [[0] * 19 for _ in range(ITEMS)]
    for item in range(ITEMS):
        flags[item][1 + item % 3] = flags[item][8] = 1
    items = [(item + 1, f"Misérables {item} (1995)", "01-Jan-1995", "", "http://x", *flags[item]) for item in range(ITEMS)]
    write(folder / "u.item", items, "|", "latin-1")


def movielens_1m(folder: Path) -> None:
    write(folder / "ratings.dat", [(user + 1, item + 1, 5 if item else 1, time) for user, item, time in EVENTS], "::")
    items = [(item + 1, f"Misérables, Les {item} (1995)", f"{('Drama', 'Comedy')[item % 2]}|War") for item in range(ITEMS)]
    write(folder / "movies.dat", items, "::", "latin-1")


def movielens_latest(folder: Path) -> None:
    rows = [(user + 1, item + 1, 4.5 if item else 0.5, time) for user, item, time in EVENTS]
    write(folder / "ratings.csv", [("userId", "movieId", "rating", "timestamp"), *rows], ",")
    items = [(item + 1, f'"Misérables, Les {item} (1995)"', f"{('Drama', 'Comedy')[item % 2]}|War") for item in range(ITEMS)]
    write(folder / "movies.csv", [("movieId", "title", "genres"), *items], ",")


def hm(folder: Path, log: str = "transactions_train.csv") -> None:
    articles = [
        (f"01{item:02d}00{1 + item % 2}", f"01{item // 2:02d}", f"Top {item}", f"A soft top {item // 2}", "Jersey")
        for item in range(ITEMS)
    ]
    write(folder / "articles.csv", [("article_id", "product_code", "prod_name", "detail_desc", "section_name"), *articles], ",")
    rows = [("2020-09-16", f"{user:04x}", articles[item][0], 0.05, 1) for user, item, _ in EVENTS]
    write(folder / log, [("t_dat", "customer_id", "article_id", "price", "sales_channel_id"), *rows], ",")
    write(folder / "images" / "010" / f"{articles[0][0]}.jpg", [("\xff\xd8\xff",)], encoding="latin-1")


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "mmrec": ("mmrec", mmrec),
    "recbole": ("recbole", recbole),
    "amazon2023": ("amazon2023", amazon),
    "movielens 100k": ("movielens", movielens_100k),
    "movielens 1m": ("movielens", movielens_1m),
    "movielens latest": ("movielens", movielens_latest),
    "hm": ("hm", hm),
}


@pytest.mark.parametrize("layout", WRITERS)
def test_a_folder_is_recognised_by_itself(tmp_path: Path, layout: str) -> None:
    name, make = WRITERS[layout]
    make(tmp_path / "set")
    dataset = read(None, tmp_path / "set")
    assert dataset.notes.published_format == name
    assert dataset.notes.questions == ()
    assert dataset.log.n_users == USERS
    assert dataset.fingerprint == read(None, tmp_path / "set", format=name).fingerprint
    found = propose(None, tmp_path / "set")
    assert {(role.role, role.column) for role in found.roles} == {(role.role, role.column) for role in dataset.notes.columns}
    published = [role for role in found.roles if role.reason.code == "reading.reason.published"]
    assert {"user_id", "item_id"} <= {role.role for role in published}
    assert all(text(role.reason.code, lang, **role.reason.values) for role in published for lang in ("en", "ja"))


def test_every_format_is_tested() -> None:
    assert {name for name, _ in WRITERS.values()} == set(FORMATS)


def test_mmrec_keeps_its_split_its_rows_and_its_vectors(tmp_path: Path) -> None:
    mmrec(tmp_path)
    dataset = read(None, tmp_path)
    assert (dataset.split.kind, dataset.split.reason, dataset.notes.rating_threshold) == ("given", "given", None)
    assert [len(part) for part in (dataset.split.train, dataset.split.validation, dataset.split.test)] == [18, 6, 6]
    assert {(f"{user}", f"{item}") for user, item, _ in EVENTS[4::5]} == {
        (dataset.log.user_ids[user], dataset.catalog.item_ids[item]) for user, item in dataset.split.test
    }
    assert {name: vectors.shape for name, vectors in dataset.catalog.vectors.items()} == {"image": (9, 4), "text": (9, 3)}
    assert np.allclose(dataset.catalog.vectors["image"], np.load(tmp_path / "image_feat.npy", allow_pickle=False), atol=1e-6)
    assert dataset.notes.set_aside == ()


def test_mmrec_items_get_their_own_ids_back(tmp_path: Path) -> None:
    mmrec(tmp_path, names=True)
    dataset = read(None, tmp_path)
    assert dataset.catalog.item_ids.tolist() == [f"B{99 - item:03d}" for item in range(ITEMS + 1)]
    raw = np.load(tmp_path / "text_feat.npy", allow_pickle=False)
    assert np.array_equal(dataset.catalog.vectors["text"], raw)
    bought = {
        (dataset.log.user_ids[u], dataset.catalog.item_ids[i])
        for u, i in zip(dataset.log.user_index, dataset.log.item_index, strict=True)
    }
    assert bought == {(f"{user}", f"B{99 - item:03d}") for user, item, _ in EVENTS}


def test_mmrec_with_a_catalog_of_ones_own(tmp_path: Path) -> None:
    mmrec(tmp_path / "set", names=True)
    rows = [("asin", "name"), *[(f"B{99 - item:03d}", f"Toy of kind {item}") for item in reversed(range(ITEMS))]]
    write(tmp_path / "items.csv", rows, ",")
    dataset = read(tmp_path / "items.csv", tmp_path / "set")
    assert dataset.catalog.titles is not None and dataset.catalog.titles[0] == "Toy of kind 7"
    raw = np.load(tmp_path / "set" / "image_feat.npy", allow_pickle=False)
    assert np.allclose(dataset.catalog.vectors["image"], raw[ITEMS - 1 :: -1], atol=1e-6)


def test_recbole_types_give_texts_prices_and_vectors(tmp_path: Path) -> None:
    recbole(tmp_path)
    dataset = read(None, tmp_path)
    catalog = dataset.catalog
    assert catalog.titles is not None and catalog.titles[1] == 'Toy "1" of wood'
    assert catalog.price is not None and catalog.price[2] == 11.5
    assert catalog.attributes["genre"][:2].tolist() == ["red", "blue"]
    assert catalog.vectors["style"][3].tolist() == pytest.approx([3, 0.5, 0.1])
    assert dataset.notes.rating_threshold == 4
    low = sum(item == 0 for _, item, _ in EVENTS)
    assert [(entry.reason, entry.count) for entry in dataset.notes.set_aside] == [("low_rating", low)]
    assert dataset.log.timestamp is not None and str(dataset.log.timestamp[0]) == "2023-11-14T22:13:20"


def test_a_vector_that_is_none_is_missing(tmp_path: Path) -> None:
    recbole(tmp_path)
    path = tmp_path / "toys.item"
    path.write_text(
        path.read_text(encoding="utf-8").replace("3 0.5 1e-1", "3 half 1e-1").replace("4 0.5 1e-1", "4"), encoding="utf-8"
    )
    vectors = read(None, tmp_path).catalog.vectors["style"]
    assert np.isnan(vectors).all(axis=1).tolist() == [item in (3, 4) for item in range(ITEMS)]


def test_recbole_without_items_names_those_of_the_log(tmp_path: Path) -> None:
    recbole(tmp_path)
    (tmp_path / "toys.item").unlink()
    assert set(read(None, tmp_path).catalog.item_ids) == {f"i{item}" for item in range(ITEMS)}


@pytest.mark.parametrize("packed", [False, True])
def test_amazon_reviews(tmp_path: Path, packed: bool) -> None:
    amazon(tmp_path / "set", packed)
    ending = ".jsonl.gz" if packed else ".jsonl"
    by_folder = read(None, tmp_path / "set")
    by_pair = read(tmp_path / "set" / f"meta_Toys{ending}", tmp_path / "set" / f"Toys{ending}")
    assert by_folder.fingerprint == by_pair.fingerprint
    catalog = by_folder.catalog
    assert catalog.item_ids[:2].tolist() == ["P0", "P1"]
    assert catalog.descriptions is not None and catalog.descriptions[1] == "A toy.\nNumbered 1.\nWood\nFor children"
    assert catalog.attributes["category_2"][:2].tolist() == ["Cars", "Dolls"]
    assert catalog.price is not None and np.isnan(catalog.price[0]) and catalog.price[1] == 9.99
    assert catalog.images is None
    assert by_folder.notes.rating_threshold == 4
    assert by_folder.log.timestamp is not None and str(by_folder.log.timestamp[0]) == "2023-11-14T22:13:20"


@pytest.mark.parametrize("layout", ["movielens 100k", "movielens 1m", "movielens latest"])
def test_movielens(tmp_path: Path, layout: str) -> None:
    WRITERS[layout][1](tmp_path)
    dataset = read(None, tmp_path)
    assert dataset.catalog.titles is not None and dataset.catalog.titles[0].startswith("Misérables")
    assert dataset.catalog.item_ids[:2].tolist() == ["1", "2"]
    assert {"genre_1", "genre_2"} <= set(dataset.catalog.attributes)
    low = sum(item == 0 for _, item, _ in EVENTS)
    assert [(entry.reason, entry.count) for entry in dataset.notes.set_aside] == [("low_rating", low)]
    kept = {(str(user + 1), str(item + 1)) for user, item, _ in EVENTS if item}
    ids = dataset.catalog.item_ids
    assert {(dataset.log.user_ids[u], ids[i]) for u, i in zip(dataset.log.user_index, dataset.log.item_index, strict=True)} == kept


def test_a_torn_line_of_movielens_is_set_aside(tmp_path: Path) -> None:
    movielens_1m(tmp_path)
    with (tmp_path / "ratings.dat").open("a", encoding="latin-1") as file:
        file.write("7::2\n")
    dataset = read(None, tmp_path)
    rejected = dataset.rejected["ratings.dat"]
    assert rejected[rejected["tenbin_reason"] == "ragged"][["userId", "movieId", "tenbin_row"]].values.tolist() == [["7", "2", 31]]


@pytest.mark.parametrize("log", ["transactions_train.csv", "transactions.csv"])
def test_hm_brings_pictures_and_products(tmp_path: Path, log: str) -> None:
    hm(tmp_path, log)
    dataset = read(None, tmp_path)
    assert dataset.catalog.product is not None and dataset.catalog.product[:3].tolist() == ["0100", "0100", "0101"]
    assert dataset.catalog.images is not None and dataset.catalog.images[0] is not None
    assert dataset.catalog.item_ids[0] == "0100001"
    pair = read(tmp_path / "articles.csv", tmp_path / log)
    assert (pair.notes.published_format, pair.catalog.images) == ("hm", None)


def test_a_person_may_correct_a_format(tmp_path: Path) -> None:
    recbole(tmp_path)
    mapping = {"catalog": {"title": "genre"}, "interactions": {"rating": ""}, "ratings": {}}
    dataset = read(None, tmp_path, mapping=mapping)
    assert dataset.catalog.titles is not None and dataset.catalog.titles[0] == "red"
    assert (dataset.notes.rating_threshold, dataset.notes.set_aside) == (None, ())


# ---------------------------------------------------------------- what is no format


def no_format(folder: Path) -> None:
    write(folder / "notes.txt", [("hello",)])


def mixed(folder: Path) -> None:
    recbole(folder)
    movielens_1m(folder)


def without_labels(folder: Path) -> None:
    mmrec(folder)
    write(folder / "toys.inter", [("userID", "itemID"), *[event[:2] for event in EVENTS]])


def two_logs(folder: Path) -> None:
    mmrec(folder)
    (folder / "more.inter").write_bytes((folder / "toys.inter").read_bytes())


@pytest.mark.parametrize(
    ("make", "format", "code", "said"),
    [
        (no_format, "auto", "E_NO_FORMAT", "u.data"),
        (mixed, "auto", "E_MIXED_FORMATS", "movielens"),
        (recbole, "mmrec", "E_NOT_THIS_FORMAT", "x_label"),
        (hm, "movielens", "E_NOT_THIS_FORMAT", "u.item"),
        (without_labels, "auto", "E_NO_FORMAT", "mmrec"),
        (two_logs, "mmrec", "E_NOT_THIS_FORMAT", "NAME.inter"),
        (recbole, "recbol", "E_UNKNOWN_CHOICE", "recbole"),
    ],
)
def test_what_is_not_whole_is_explained(tmp_path: Path, make: Callable[[Path], None], format: str, code: str, said: str) -> None:
    make(tmp_path / "set")
    with pytest.raises(TenbinError) as caught:
        read(None, tmp_path / "set", format=format)
    assert caught.value.code == code
    for lang in ("en", "ja"):
        assert said in caught.value.words(lang)


def test_a_mixed_folder_is_read_once_the_format_is_chosen(tmp_path: Path) -> None:
    mixed(tmp_path)
    assert read(None, tmp_path, format="recbole").notes.published_format == "recbole"


def test_a_log_alone_needs_a_catalog(tmp_path: Path) -> None:
    _, log = write_shop(tmp_path)
    with pytest.raises(TenbinError) as caught:
        read(None, log)
    assert (caught.value.code, caught.value.values["file"]) == ("E_NO_CATALOG", "log.csv")


def test_a_shops_own_files_are_of_no_format(tmp_path: Path) -> None:
    assert read(*write_shop(tmp_path)).notes.published_format is None


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("image_feat.npy", b"\x80\x04\x95K\x00.", "E_VECTOR_PICKLED"),
        ("image_feat.npy", b"\x93NUMPY\x01\x00v\x00{'descr'", "E_VECTOR_BROKEN"),
        ("text_feat.npy", b"", "E_VECTOR_BROKEN"),
        ("i_id_mapping.csv", b"asin\tnumber\nB1\t0\n", "E_NOT_THIS_FORMAT"),
        ("toys.inter", b"userID\titemID\tx_label\nu\tx\t0\n", "E_NOT_THIS_FORMAT"),
    ],
)
def test_broken_parts_of_a_format_are_explained(tmp_path: Path, name: str, content: bytes, code: str) -> None:
    mmrec(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TenbinError) as caught:
        read(None, tmp_path)
    assert caught.value.code == code
    assert caught.value.words("ja") != caught.value.words("en")
