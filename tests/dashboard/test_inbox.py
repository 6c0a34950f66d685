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
    choices = {"catalog": {"title": ('品名 "大"', "a\\b")}, "interactions": {"price": ()}}
    path = write_choices(choices)
    assert path is not None and read_mapping(path) == choices
    assert write_choices({"catalog": {}, "interactions": {}}) is None
