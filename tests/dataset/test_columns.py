"""Column roles from names and values, and a person's corrections."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from diagnostics.dataset import propose, read, read_mapping, write_mapping
from diagnostics.dataset.vocabulary import NAMES, name_score, plain_name
from diagnostics.errors import TenbinError
from diagnostics.messages import has, text
from diagnostics.schema import ColumnRole
from tests.dataset.shops import ENGLISH, JAPANESE, catalog_rows, lines, log_rows, write_shop


def roles(found: tuple[ColumnRole, ...]) -> dict[tuple[str, str], list[str]]:
    answer: dict[tuple[str, str], list[str]] = {}
    for role in found:
        answer.setdefault((role.file, role.role), []).append(role.column)
    return answer


def propose_shop(folder: Path, catalog_header: tuple[str, ...], log_header: tuple[str, ...]) -> tuple[ColumnRole, ...]:
    (folder / "c.csv").write_text(lines(catalog_header, catalog_rows()), encoding="utf-8")
    (folder / "l.csv").write_text(lines(log_header, log_rows()), encoding="utf-8")
    return propose(folder / "c.csv", folder / "l.csv").roles


@pytest.mark.parametrize("catalog", [ENGLISH, JAPANESE, ("品番", "品名", "説明文", "カラー", "価格（税込）")])
@pytest.mark.parametrize(
    "log",
    [
        ("user_id", "item_id", "date", "quantity"),
        ("会員ID", "商品コード", "購入日時", "数量"),
        ("顧客番号", "商品ID", "注文日", "個数"),
        ("Customer No.", "ProductCode", "orderDate", "qty"),
        ("お客様番号", "JANコード", "売上日", "購入数量"),
    ],
)
def test_usual_names_are_known(tmp_path: Path, catalog: tuple[str, ...], log: tuple[str, ...]) -> None:
    found = roles(propose_shop(tmp_path, catalog, log))
    for role, column in zip(("item_id", "title", "description", "category", "price"), catalog, strict=True):
        assert found["c.csv", role] == [column]
    for role, column in zip(("user_id", "item_id", "timestamp", "quantity"), log, strict=True):
        assert found["l.csv", role] == [column]


def test_values_speak_where_names_do_not(tmp_path: Path) -> None:
    rows = [(row[0], row[1], f"{row[2]} and sewn by hand in a small workshop", row[3], f"￥{row[4]}") for row in catalog_rows(60)]
    log = [(u, i, d) for u, i, d, _ in log_rows(n_users=30, n_items=60)]
    log = [(u, i, f"2024-02-{n % 28 + 1:02d}") for n, (u, i, _) in enumerate(log)]
    (tmp_path / "c.csv").write_text(lines(("a", "b", "c", "d", "e"), rows), encoding="utf-8")
    (tmp_path / "l.csv").write_text(lines(("x", "y", "z"), log), encoding="utf-8")
    found = propose(tmp_path / "c.csv", tmp_path / "l.csv").roles
    assert roles(found) == {
        ("c.csv", "item_id"): ["a"],
        ("c.csv", "title"): ["b"],
        ("c.csv", "description"): ["c"],
        ("c.csv", "category"): ["d"],
        ("c.csv", "price"): ["e"],
        ("l.csv", "item_id"): ["y"],
        ("l.csv", "user_id"): ["x"],
        ("l.csv", "timestamp"): ["z"],
    }


def test_every_proposal_has_a_reason_in_words_and_samples(tmp_path: Path) -> None:
    for role in propose(*write_shop(tmp_path)).roles:
        for lang in ("en", "ja"):
            assert text(role.reason.code, lang, **role.reason.values)
            assert has(f"reading.role.{role.role}", lang)
        assert 1 <= len(role.samples) <= 3
        assert 0.3 <= role.score <= 1


def test_an_order_number_is_not_a_customer(tmp_path: Path) -> None:
    with pytest.raises(TenbinError) as caught:
        propose_shop(tmp_path, ENGLISH, ("order_id", "item_id", "date", "quantity"))
        read(tmp_path / "c.csv", tmp_path / "l.csv")
    assert caught.value.code == "E_NO_USER_COLUMN"
    assert caught.value.values["choices"] == ["order_id", "item_id", "date", "quantity"]


def test_attributes_leave_out_what_is_no_kind(tmp_path: Path) -> None:
    header = ("item_id", "name", "group", "group_code", "style_no", "weight", "shop", "empty", "checked")
    rows = [
        (f"{i:04d}", f"Shirt {i}", ("a", "b")[i % 2], str(i % 2), f"{i}", f"{i / 7:.2f}", "x", "", f"2024-01-{i % 4 + 1:02d}")
        for i in range(10, 50)
    ]
    (tmp_path / "c.csv").write_text(lines(header, rows), encoding="utf-8")
    (tmp_path / "l.csv").write_text(
        lines(("user_id", "item_id"), [(u, f"{int(i) + 9:04d}") for u, i, *_ in log_rows()]), encoding="utf-8"
    )
    dataset = read(tmp_path / "c.csv", tmp_path / "l.csv")
    assert list(dataset.catalog.attributes) == ["group"]
    reasons = {
        m.values["column"]: m.code.rsplit(".", 1)[1] for m in dataset.notes.remarks if m.code.startswith("reading.left_out.")
    }
    assert reasons == {
        "group_code": "same_as",
        "style_no": "mostly_distinct",
        "weight": "mostly_distinct",
        "shop": "one_value",
        "empty": "empty",
        "checked": "times",
    }
    for remark in dataset.notes.remarks:
        assert all(text(remark.code, lang, **remark.values) for lang in ("en", "ja"))


def test_names_are_told_apart() -> None:
    assert name_score("商品コード", "item_id") > name_score("商品名", "item_id") == 0
    assert name_score("customer_age", "user_id") == 0
    assert name_score("purchase_date_jst", "timestamp") > 0.5
    assert name_score("販売価格（税込）", "price") > 0.5
    assert plain_name("Ｐｒｏｄｕｃｔ＿ID") == "productid"


def test_no_name_stands_for_two_roles_of_one_file() -> None:
    for file in (
        ("item_id", "title", "description", "category", "price", "image"),
        ("user_id", "item_id", "timestamp", "quantity", "amount"),
    ):
        names = [plain_name(name) for role in file for name in NAMES[role]]
        assert len(names) == len(set(names))


# ---------------------------------------------------------------- mapping


def test_a_mapping_overrides_and_switches_off(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        '[catalog]\ntitle = ""\ncategory = ["colour", "name"]\nprice = []\n[interactions]\ntimestamp = ""\n', encoding="utf-8"
    )
    dataset = read(catalog, log, mapping=mapping)
    assert dataset.catalog.titles is None
    assert list(dataset.catalog.attributes) == ["colour", "name"]
    assert dataset.catalog.price is None
    assert dataset.log.timestamp is None
    chosen = {role.column for role in dataset.notes.columns if role.reason.code == "reading.reason.chosen"}
    assert chosen == {"colour", "name"}
    same = read(
        catalog,
        log,
        mapping={"catalog": {"title": "", "category": ["colour", "name"], "price": []}, "interactions": {"timestamp": ""}},
    )
    assert same.fingerprint == dataset.fingerprint


def test_a_written_mapping_reads_back(tmp_path: Path) -> None:
    found = propose(*write_shop(tmp_path)).roles
    path = write_mapping(found, "items.csv", "log.csv", tmp_path / "m.toml")
    mapped = read_mapping(path).roles
    assert mapped["catalog"]["item_id"] == ("item_id",)
    assert {
        (file, role)
        for file, table in (("items.csv", "catalog"), ("log.csv", "interactions"))
        for role, columns in mapped[table].items()
        if columns
    } == set(roles(found))


def test_hostile_column_names_survive_toml(tmp_path: Path) -> None:
    name = 'a"]\n[x]\\ \x7f 列'
    role = propose(*write_shop(tmp_path)).roles[0].model_copy(update={"column": name})
    path = write_mapping([role], "items.csv", "log.csv", tmp_path / "m.toml")
    assert tomllib.loads(path.read_text(encoding="utf-8"))["catalog"]["item_id"] == name


@pytest.mark.parametrize(
    ("mapping", "code", "nearest"),
    [
        ({"catalog": {"item_id": "itemid"}}, "E_UNKNOWN_COLUMN", "item_id"),
        ({"interactions": {"timestamp": "dat"}}, "E_UNKNOWN_COLUMN", "date"),
        ({"catalog": {"titel": "name"}}, "E_UNKNOWN_ROLE", "title"),
        ({"katalog": {}}, "E_UNKNOWN_ROLE", "catalog"),
        ({"catalog": "name"}, "E_BAD_MAPPING", None),
        ({"catalog": {"title": 3}}, "E_BAD_MAPPING", None),
        ({"catalog": {"price": ["price", "name"]}}, "E_BAD_MAPPING", None),
    ],
)
def test_a_wrong_mapping_is_explained(tmp_path: Path, mapping: dict[str, object], code: str, nearest: str | None) -> None:
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), mapping=mapping)
    assert caught.value.code == code
    assert caught.value.values.get("nearest") == nearest
    assert caught.value.words("ja") != caught.value.words("en")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"[catalog]\nitem_id: name", "E_MAPPING_SYNTAX"),
        (b"[catalog]\nitem_id = ", "E_MAPPING_SYNTAX"),
        (b"\x89PNG\r\n\x1a\n", "E_NOT_A_MAPPING"),
    ],
)
def test_a_mapping_that_is_no_toml_is_explained(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "m.toml").write_bytes(content)
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), mapping=tmp_path / "m.toml")
    assert caught.value.code == code
    assert caught.value.values.get("row", 2) == 2


def test_a_mapping_in_cp932_is_read(tmp_path: Path) -> None:
    (tmp_path / "m.toml").write_bytes('[catalog]\nitem_id = "商品番号"'.encode("cp932"))
    assert read_mapping(tmp_path / "m.toml").roles["catalog"] == {"item_id": ("商品番号",)}


def test_an_amount_may_be_pieces_or_money(tmp_path: Path) -> None:
    header = ("user_id", "item_id", "date", "amount")
    (tmp_path / "c.csv").write_text(lines(ENGLISH, catalog_rows()), encoding="utf-8")
    for cell, role in (("2", "quantity"), ("19.80", "amount")):
        (tmp_path / "l.csv").write_text(lines(header, [(*row[:3], cell) for row in log_rows()]), encoding="utf-8")
        assert roles(propose(tmp_path / "c.csv", tmp_path / "l.csv").roles)["l.csv", role] == ["amount"]


def test_a_log_as_the_catalog_brings_no_attributes_of_its_customers(tmp_path: Path) -> None:
    """One file as both: whoever bought a product first would lend it a gender and a town."""
    header = ("user_id", "item_id", "date", "gender", "town", "colour")
    colours = {row[0]: row[3] for row in catalog_rows()}
    towns = ("Kyoto", "Osaka", "Tokyo")
    rows = [(u, i, d, ("f", "m")[int(u[1:]) % 2], towns[int(u[1:]) % 3], colours[i]) for u, i, d, _ in log_rows(n_users=24)]
    rows[7] = (*rows[7][:5], "green")  # one edit does not make a colour the customer's
    (tmp_path / "log.csv").write_text(lines(header, rows), encoding="utf-8")
    dataset = read(tmp_path / "log.csv", tmp_path / "log.csv")
    assert dataset.catalog.n_items == 12
    assert set(dataset.catalog.attributes) == {"colour"}
    said = {remark.values["column"]: remark.code for remark in dataset.notes.remarks if "left_out" in remark.code}
    assert said["gender"] == said["town"] == "reading.left_out.not_of_product"
