"""Pictures by item id, by path column, in folders and zips."""

from __future__ import annotations

import io
import unicodedata
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diagnostics.dataset import picture_sources, read
from diagnostics.dataset.pictures import Pictures, find_pictures
from diagnostics.errors import TenbinError
from tests.dataset.shops import ENGLISH, catalog_rows, lines, write_shop


def picture(kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(buffer, kind)
    return buffer.getvalue()


def folder(root: Path, *names: str, content: bytes | None = None) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture() if content is None else content)
    return root


def find(root: Path, *ids: str, paths: list[str | None] | None = None) -> Pictures:
    return find_pictures(root, np.array(ids, dtype=object), paths)


def names(found: Pictures) -> list[str | None]:
    return [None if source is None else source.member or source.path.name for source in found.sources]


def test_files_are_found_by_id_anywhere_below_the_root(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", "011/0111.jpg", "012/deep/0112.PNG", "x/other.jpg", "notes.txt")
    found = find(root, "0111", "0112", "0113")
    assert names(found) == ["0111.jpg", "0112.PNG", None]
    assert (found.files, found.unmatched, found.refused) == (3, 1, [])
    assert found.sources[0] is not None
    assert found.sources[0].read() == picture()


def test_numbered_views_stand_in_for_a_missing_plain_one(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", "a_2.jpg", "a_1.jpg", "b.jpg", "b-1.jpg")
    assert names(find(root, "a", "b")) == ["a_1.jpg", "b.jpg"]


def test_composed_and_decomposed_kana_are_the_same_name(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", unicodedata.normalize("NFD", "がま口.jpg"))
    assert names(find(root, "がま口"))[0] is not None


def test_ids_that_lost_their_zeros_still_find_their_pictures(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", "0111.jpg", "0112.jpg")
    assert names(find(root, "111", "112")) == ["0111.jpg", "0112.jpg"]


def test_a_path_column_goes_before_the_id(tmp_path: Path) -> None:
    root = folder(tmp_path / "p", "a.jpg", "sub/front.jpg", "c.jpg")
    found = find(root, "a", "b", "c", "d", paths=["sub/front.jpg", r"p\sub\front.jpg", None, "nowhere.jpg"])
    assert names(found) == ["front.jpg", "front.jpg", "c.jpg", None]


@pytest.mark.parametrize("content", [b"just some text", b"", b"<svg/>", b"RIFF0000WAVE"])
def test_a_text_file_called_jpg_is_no_picture(tmp_path: Path, content: bytes) -> None:
    root = folder(folder(tmp_path / "p", "a.jpg"), "b.jpg", content=content)
    found = find(root, "a", "b")
    assert names(found) == ["a.jpg", None]
    assert found.refused == [(1, "b.jpg", "not_an_image")]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
def test_all_usual_kinds_are_pictures(tmp_path: Path, kind: str) -> None:
    suffix = {"JPEG": "jpg", "TIFF": "tif"}.get(kind, kind.lower())
    root = folder(tmp_path / "p", f"a.{suffix}", content=picture(kind))
    assert names(find(root, "a")) == [f"a.{suffix}"]


def test_a_zip_is_read_without_unpacking(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("photos/a.png", picture())
        archive.writestr("photos/b.png", "text")
        archive.writestr("readme.txt", "hello")
    found = find(path, "a", "b")
    assert names(found) == ["photos/a.png", None]
    assert found.sources[0] is not None
    assert found.sources[0].read() == picture()
    assert [reason for _, _, reason in found.refused] == ["not_an_image"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["p.zip"]


def test_names_in_a_japanese_zip_are_read(tmp_path: Path) -> None:
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("XXXX.png", picture())
    path.write_bytes(path.read_bytes().replace(b"XXXX", "品番".encode("cp932")))
    found = find(path, "品番")
    assert found.sources[0] is not None
    assert found.sources[0].read() == picture()


def test_refusals_are_counted_per_catalog_row(tmp_path: Path) -> None:
    _, log = write_shop(tmp_path)
    root = folder(tmp_path / "p", "0001.png", "0002.png", "0003.png")
    folder(tmp_path, "secret.png")
    written = {"0001": "../secret.png", "0002": "0002.png", "0003": "https://shop.example/3.png"}
    catalog = tmp_path / "items.csv"
    rows = [(*row, written.get(row[0], "")) for row in catalog_rows()]
    catalog.write_text(lines((*ENGLISH, "image"), rows), encoding="utf-8")
    dataset = read(catalog, log, images=root)
    assert dataset.catalog.images is not None
    assert [source is not None for source in dataset.catalog.images[:4]] == [False, True, True, False]
    assert dataset.rejected["p"][["picture", "tenbin_row", "tenbin_reason"]].values.tolist() == [
        ["../secret.png", 2, "outside_root"],
        ["https://shop.example/3.png", 4, "web_address"],
    ]


def test_a_zip_whose_every_picture_leads_outside_says_so(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("../a.png", picture())
    with pytest.raises(TenbinError) as caught:
        find(tmp_path / "p.zip", "a")
    assert (caught.value.code, caught.value.values["n"]) == ("E_IMAGES_REFUSED", 1)


def test_pictures_are_found_again_as_they_were_read(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    pictures = folder(tmp_path / "p", "0002.png", "0003.png")
    dataset = read(catalog, log, images=pictures)
    assert dataset.catalog.images is not None
    read_then = {i: s for i, s in zip(dataset.catalog.item_ids.tolist(), dataset.catalog.images, strict=True) if s is not None}
    assert picture_sources(catalog, pictures, dataset.notes) == read_then
    assert sorted(read_then) == ["0002", "0003"]
    catalog.unlink()
    with pytest.raises(TenbinError):
        picture_sources(catalog, pictures, dataset.notes)


@pytest.mark.parametrize(("make", "code"), [("missing", "E_FILE_MISSING"), ("text", "E_NOT_IMAGES"), ("empty", "E_NO_IMAGES")])
def test_a_place_without_pictures_is_explained(tmp_path: Path, make: str, code: str) -> None:
    root = tmp_path / "p"
    if make == "text":
        root.write_text("no", encoding="utf-8")
    elif make == "empty":
        root.mkdir()
    with pytest.raises(TenbinError) as caught:
        find(root, "a")
    assert caught.value.code == code
