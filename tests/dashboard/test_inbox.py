"""Uploads land inside Tenbin's folder whatever they are called; corrections come back as they were made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from diagnostics.dashboard.inbox import from_paths, from_uploads, write_choices
from diagnostics.dataset import read_mapping


@dataclass
class File:
    name: str
    data: bytes

    def getvalue(self) -> bytes:
        return self.data


@pytest.mark.parametrize(
    "name", ["../../evil.csv", "/etc/passwd", "..", "C:\\temp\\商品.csv", "a" * 300 + ".csv", "", ".hidden\x00"]
)
def test_an_upload_stays_in_its_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    chosen = from_uploads(File(name, b"a,b\n"), File("log.csv", b"c,d\n"), None)
    assert chosen is not None and chosen.images is None
    assert chosen.catalog.resolve().is_relative_to(tmp_path / "uploads") and chosen.catalog.read_bytes() == b"a,b\n"
    assert from_uploads(File("x", b"a,b\n"), None, None) is None


def test_paths_may_be_quoted_as_file_managers_copy_them() -> None:
    chosen = from_paths(' "/data/goods.csv" ', "/data/log.csv", "")
    assert chosen is not None and chosen.catalog == Path("/data/goods.csv") and chosen.images is None
    assert from_paths("/data/goods.csv", " ", "") is None


def test_corrections_survive_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    roles = {"catalog": {"title": ('品名 "大"', "a\\b")}, "interactions": {"price": ()}}
    rest = {"events": {"カート.x": 0.5, "view": 0.0}, "ratings": {"threshold": 4.0}}
    path = write_choices({**roles, **rest, "catalog": {**roles["catalog"], "sheet": "二枚目"}})
    assert path is not None
    found = read_mapping(path)
    assert found.roles == roles and found.sheets == {"catalog": "二枚目"}
    assert found.events == rest["events"] and found.rating_threshold == 4.0
    assert write_choices({"catalog": {}, "interactions": {}}) is None


def test_a_database_keeps_its_slashes_and_a_folder_may_bring_the_products(tmp_path: Path) -> None:
    url = "sqlite:///data/shop.db?table=orders"
    chosen = from_paths("goods.csv", url, "")
    assert (
        chosen is not None and chosen.interactions == url and chosen.tables == {"catalog": Path("goods.csv"), "interactions": url}
    )
    alone = from_paths("", str(tmp_path), "")
    assert alone is not None and alone.catalog is None and alone.tables == {}
    assert from_paths("", "orders.csv", "") is None
    published = from_paths("", "u.data", "", "movielens")
    assert published is not None and published.format == "movielens"
