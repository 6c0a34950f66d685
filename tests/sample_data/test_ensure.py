"""The sample shop is made once, whole or not at all, also when two processes want it at the same time."""

from __future__ import annotations

import threading

import pytest

import sample_data
from diagnostics.errors import TenbinError


@pytest.fixture
def small(monkeypatch):
    """``ensure`` with a shop small enough for a test; counts how often one is written."""
    written = []

    def write(folder, *, shop, progress=None):
        written.append(shop)
        return write_shop(folder, shop=shop, n_users=20, n_items=20, progress=progress)

    write_shop = sample_data.write_shop
    monkeypatch.setattr(sample_data, "write_shop", write)
    return written


def test_a_shop_is_made_once_in_tenbins_own_folder(small, monkeypatch, tmp_path):
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    first = sample_data.ensure("ja")
    assert first.parent == tmp_path / "sample"
    assert {path.name for path in first.iterdir()} == {"catalog.csv", "transactions.csv", "images", "truth.json"}
    assert sample_data.ensure("ja") == first
    assert small == ["ja"]


def test_two_at_once_get_the_same_whole_shop(small, tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(sample_data.ensure("en", tmp_path))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1]
    assert [path.name for path in tmp_path.iterdir()] == [found[0].name]
    assert (found[0] / "truth.json").exists()


def test_a_failure_leaves_nothing_behind(monkeypatch, tmp_path):
    def fail(folder, **_):
        folder.mkdir()
        (folder / "catalog.csv").write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(sample_data, "write_shop", fail)
    with pytest.raises(OSError, match="no space"):
        sample_data.ensure("en", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_shop_names_those_there_are(tmp_path):
    with pytest.raises(TenbinError) as error:
        sample_data.ensure("fr", tmp_path)
    assert error.value.code == "E_SHOP_UNKNOWN"
    assert "en, ja" in error.value.words()
