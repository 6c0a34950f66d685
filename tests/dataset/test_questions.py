"""Two columns that could play one role: a question where they differ, none where they say the same, and a mapping as the answer."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from diagnostics.dataset import propose, read
from diagnostics.dataset.columns import CATALOG_ROLES, INTERACTION_ROLES, REPEATABLE
from diagnostics.errors import TenbinError
from diagnostics.messages import has, text
from tests.dataset.shops import ENGLISH, catalog_rows, lines, log_rows

LOG = ("user_id", "item_id", "date", "quantity")
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def shop(folder: Path, header: tuple[str, ...], log: list[tuple[str, ...]], catalog: list[tuple[str, ...]] | None = None, **named):
    left, right = folder / "items.csv", folder / "log.csv"
    left.write_text(lines(named.get("catalog_header", ENGLISH), catalog or catalog_rows()), encoding="utf-8")
    right.write_text(lines(header, log), encoding="utf-8")
    return left, right


def two_customers(folder: Path, second: str = "member_id") -> tuple[Path, Path]:
    """Each purchase names a customer and a member; several members share a customer."""
    log = [(user, f"m{int(user[1:]) % 3}{place % 5}", *rest) for place, (user, *rest) in enumerate(log_rows())]
    return shop(folder, ("customer_id", second, *LOG[1:]), log)


def asked(files: tuple[Path, Path]) -> dict[str, list[str]]:
    found = propose(*files)
    assert not {(role.file, role.role) for role in found.roles} & {(question.file, question.role) for question in found.questions}
    return {question.role: [candidate.column for candidate in question.candidates] for question in found.questions}


def test_two_customers_are_a_question(tmp_path: Path) -> None:
    files = two_customers(tmp_path)
    assert asked(files) == {"user_id": ["customer_id", "member_id"]}
    with pytest.raises(TenbinError) as caught:
        read(*files)
    assert caught.value.code == "E_TWO_CANDIDATES"
    assert {"file": "log.csv", "role": "user_id", "candidates": ["customer_id", "member_id"]}.items() <= caught.value.values.items()
    for lang, said in (("en", "the field “Customer id”"), ("ja", "「顧客ID」に当たる列")):
        assert said in caught.value.words(lang)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_the_lines_that_answer_can_be_copied(tmp_path: Path, lang: str) -> None:
    """The message was no TOML: both its lines stood on one."""
    header = ('customer "id"', "member\\id", *LOG[1:])
    log = [(user, f"m{int(user[1:]) % 3}{place % 5}", *rest) for place, (user, *rest) in enumerate(log_rows())]
    quoted = tuple('"' + name.replace('"', '""') + '"' for name in header)
    files = shop(tmp_path, quoted, log)
    candidates = propose(*files).questions[0].candidates
    with pytest.raises(TenbinError) as caught:
        read(*files)
    answer = caught.value.words(lang).splitlines()[1:]
    assert len(answer) == 2 and tomllib.loads("\n".join(answer)) == {"interactions": {"user_id": candidates[0].column}}
    (tmp_path / "mapping.toml").write_text("\n".join(answer), encoding="utf-8")
    assert read(*files, mapping=tmp_path / "mapping.toml").notes.questions == ()


@pytest.mark.parametrize("column", ["customer_id", "member_id"])
def test_a_mapping_answers(tmp_path: Path, column: str) -> None:
    files = two_customers(tmp_path)
    dataset = read(*files, mapping={"interactions": {"user_id": column}})
    assert dataset.notes.questions == ()
    users = {line.split(",")[column == "member_id"] for line in files[1].read_text(encoding="utf-8").splitlines()[1:]}
    assert set(dataset.log.user_ids) == users


def test_a_candidate_that_got_another_role_leaves_the_other(tmp_path: Path) -> None:
    files = two_customers(tmp_path)
    found = propose(*files, {"interactions": {"event_type": "customer_id"}})
    assert found.questions == ()
    assert [role.column for role in found.roles if role.role == "user_id"] == ["member_id"]


def test_two_codes_of_the_same_customers_are_no_question(tmp_path: Path) -> None:
    log = [(user, f"m{int(user[1:]):05d}", *rest) for user, *rest in log_rows()]
    assert asked(shop(tmp_path, ("customer_id", "member_id", *LOG[1:]), log)) == {}


def test_a_half_empty_rival_is_none(tmp_path: Path) -> None:
    log = [(user, f"m{place % 5}" if place % 3 == 0 else "", *rest) for place, (user, *rest) in enumerate(log_rows())]
    assert asked(shop(tmp_path, ("customer_id", "member_id", *LOG[1:]), log)) == {}


def test_two_dates_are_a_question_and_two_writings_of_one_are_not(tmp_path: Path) -> None:
    log = [(u, i, d, f"2024-02-{place % 28 + 1:02d}", q) for place, (u, i, d, q) in enumerate(log_rows())]
    files = shop(tmp_path, ("user_id", "item_id", "order_date", "created_at", "quantity"), log)
    assert asked(files) == {"timestamp": ["order_date", "created_at"]}
    with pytest.raises(TenbinError) as caught:
        read(*files)
    assert (caught.value.code, caught.value.values["role"]) == ("E_TWO_CANDIDATES", "timestamp")
    assert read(*files, mapping={"interactions": {"timestamp": ""}}).log.timestamp is None
    same = [(u, i, d, f"{d} 12:30:00", q) for u, i, d, q in log_rows()]
    assert asked(shop(tmp_path, ("user_id", "item_id", "order_date", "created_at", "quantity"), same)) == {}


def test_two_products_are_a_question(tmp_path: Path) -> None:
    ids = [row[0] for row in catalog_rows()]
    log = [(u, f"x{i}", ids[(int(i) + place) % 12], d, q) for place, (u, i, d, q) in enumerate(log_rows())]
    catalog = [("x" + row[0], *row) for row in catalog_rows()]
    header, named = ("user_id", "item_id", "product_id", "date", "quantity"), ("item_id", "product_id", *ENGLISH[1:])
    files = shop(tmp_path, header, log, catalog, catalog_header=named)
    assert asked(files) == {"item_id": ["item_id", "product_id"]}
    with pytest.raises(TenbinError) as caught:
        read(*files)
    assert (caught.value.code, caught.value.values["role"]) == ("E_TWO_CANDIDATES", "item_id")
    answer = {"catalog": {"item_id": "product_id"}, "interactions": {"item_id": "product_id"}}
    assert read(*files, mapping=answer).catalog.item_ids[0] == "0001"


def test_of_two_products_the_one_named_alike_in_both_files_is_taken(tmp_path: Path) -> None:
    ids = [row[0] for row in catalog_rows()]
    log = [(u, i, ids[(int(i) + place) % 12], d, q) for place, (u, i, d, q) in enumerate(log_rows())]
    files = shop(tmp_path, ("user_id", "item_id", "product_id", "date", "quantity"), log)
    assert asked(files) == {}
    assert [role.column for role in propose(*files).roles if role.role == "item_id"] == ["item_id", "item_id"]


def test_two_prices_stay_open_and_reading_goes_on(tmp_path: Path) -> None:
    catalog = [(*row, str(int(row[4]) - 13 * (place % 4))) for place, row in enumerate(catalog_rows())]
    files = shop(tmp_path, LOG, log_rows(), catalog, catalog_header=(*ENGLISH[:4], "list_price", "sale_price"))
    dataset = read(*files)
    assert dataset.catalog.price is None
    (question,) = dataset.notes.questions
    assert (question.role, [c.column for c in question.candidates]) == ("price", ["sale_price", "list_price"])
    assert list(dataset.catalog.attributes) == ["colour"]
    prices = read(*files, mapping={"catalog": {"price": "list_price"}}).catalog.price
    assert prices is not None and prices[0] == 100.0


def test_one_price_written_twice_is_no_question(tmp_path: Path) -> None:
    catalog = [(*row, f"￥{int(row[4]):,}") for row in catalog_rows()]
    assert asked(shop(tmp_path, LOG, log_rows(), catalog, catalog_header=(*ENGLISH[:4], "list_price", "sale_price"))) == {}


def test_unnamed_codes_that_could_both_be_customers(tmp_path: Path) -> None:
    log = [(f"a{n % 30}", f"b{n % 37}", item, date) for n, (_, item, date, _) in enumerate(log_rows(n_users=40))]
    assert asked(shop(tmp_path, ("x", "y", "item_id", "date"), log)) == {"user_id": ["y", "x"]}


def test_every_question_has_words() -> None:
    for role in {*CATALOG_ROLES, *INTERACTION_ROLES} - REPEATABLE - {"product", "split"}:
        for lang in ("en", "ja"):
            assert has(f"reading.question.{role}", lang)
    for role in {*CATALOG_ROLES, *INTERACTION_ROLES}:
        assert text(f"reading.role.{role}", "en") != text(f"reading.role.{role}", "ja")


def test_the_sample_shops_raise_no_question() -> None:
    from sample_data import ensure

    for lang in ("en", "ja"):
        folder = ensure(lang)
        assert propose(folder / "catalog.csv", folder / "transactions.csv").questions == ()


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")
@pytest.mark.parametrize(
    ("catalog", "log"),
    [
        ("hm/articles.csv", "hm/transactions.csv"),
        ("hm/catalog_full.parquet", "hm/week_full.parquet"),
        ("open_bandit/random/men/item_context.csv", "open_bandit/random/men/men.csv"),
        ("open_bandit/bts/women/item_context.csv", "open_bandit/bts/women/women.csv"),
    ],
)
def test_real_shops_raise_no_question(catalog: str, log: str) -> None:
    assert propose(DATA / catalog, DATA / log).questions == ()


@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is absent")
def test_ta_feng_raises_no_question(tmp_path: Path) -> None:
    log = DATA / "tafeng" / "ta_feng.csv.zip"
    (tmp_path / "items.csv").write_text(
        "PRODUCT_ID,PRODUCT_SUBCLASS\n4710199010372,110411\n4710857472535,120107\n4710043654103,100516\n", encoding="utf-8"
    )
    found = propose(tmp_path / "items.csv", log)
    assert found.questions == ()
    assert {(role.role, role.column) for role in found.roles if role.file == log.name} == {
        ("item_id", "PRODUCT_ID"),
        ("user_id", "CUSTOMER_ID"),
        ("timestamp", "TRANSACTION_DT"),
        ("price", "SALES_PRICE"),
        ("quantity", "AMOUNT"),
    }
