"""Encodings are kept by content, survive damage, and follow the catalog's modalities."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diagnostics.dataset import features
from diagnostics.dataset.features import encode
from diagnostics.errors import Cancelled
from diagnostics.schema import Catalog, Dataset, ImageSource, InteractionLog, ReadingNotes, Split


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "home"))


def _objects(*values: object) -> np.ndarray:
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def _dataset(**catalog: object) -> Dataset:
    n_items = len(next(iter(catalog.values())))  # type: ignore[arg-type]
    pair = np.array([[0, 0]], dtype=np.int32)
    log = InteractionLog(_objects("u"), pair[:, 0], pair[:, 1])
    split = Split("time", "asked", 1, n_items, pair, pair[:0], pair[:0])
    return Dataset(Catalog(_objects(*(f"i{number}" for number in range(n_items))), **catalog), log, "", ReadingNotes(), split)  # type: ignore[arg-type]


def _png(colour: str) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (20, 20), colour).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the encodings that were really computed, not taken from the cache."""
    seen: list[str] = []
    original = features._cached

    def spy(content: str, compute: Callable) -> object:
        def counted() -> object:
            seen.append(content)
            return compute()

        return original(content, counted)

    monkeypatch.setattr(features, "_cached", spy)
    return seen


def test_one_block_per_modality_in_order(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.png").write_bytes(_png("red"))
    dataset = _dataset(
        texts=_objects("red mug", None, "blue mug"),
        images=(ImageSource(tmp_path / "a.png"), ImageSource(tmp_path / "gone.png"), None),
        attributes={"colour": _objects("red", "blue", None)},
        price=np.array([1.0, np.nan, 3.0]),
        vectors={"audio": np.float32([[1, 2], [np.nan, np.nan], [3, 4]])},
    )
    blocks = encode(dataset)
    assert [(block.name, block.kind) for block in blocks] == [
        (modality.name, modality.kind) for modality in dataset.catalog.modalities
    ]
    present = {block.name: block.present.tolist() for block in blocks}
    assert present == {
        "text": [True, False, True],
        "image": [True, False, False],
        "attributes": [True, True, False],
        "audio": [True, False, True],
    }
    assert all(np.isnan(block.values[~block.present]).all() for block in blocks)
    assert blocks[1].facts["reason"].tolist() == ["", "unreadable", "missing"]


def test_vectors_replace_an_encoder_of_the_same_name() -> None:
    block = encode(_dataset(texts=_objects("a", "b"), vectors={"text": np.float32([[1, 2], [3, 4]])}))[0]
    assert (block.name, block.kind, block.encoder) == ("text", "text", "precomputed")
    np.testing.assert_array_equal(block.values, [[1, 2], [3, 4]])


def test_kept_by_content(computed: list[str]) -> None:
    first = encode(_dataset(texts=_objects("red", "blue")))[0]
    second = encode(_dataset(texts=_objects("red", "blue")))[0]
    encode(_dataset(texts=_objects("redb", "lue")))
    encode(_dataset(texts=_objects("red", None)))
    np.testing.assert_array_equal(first.values, second.values)
    assert len(computed) == 3


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_a_damaged_entry_is_computed_again(tmp_path: Path, computed: list[str], damage: str) -> None:
    dataset = _dataset(texts=_objects("red", "blue"))
    first = encode(dataset)[0]
    (entry,) = (tmp_path / "home" / "cache" / "features").iterdir()
    raw = bytearray(entry.read_bytes())
    raw[len(raw) // 2] ^= 1
    entry.write_bytes({"cut": raw[: len(raw) // 2], "flip": raw, "empty": b""}[damage])
    again = encode(dataset)[0]
    np.testing.assert_array_equal(first.values, again.values)
    assert len(computed) == 2
    encode(dataset)
    assert len(computed) == 2


def test_pictures_are_known_by_their_bytes_not_their_names(tmp_path: Path, computed: list[str]) -> None:
    red, blue = tmp_path / "red.png", tmp_path / "blue.png"
    red.write_bytes(_png("red"))
    blue.write_bytes(_png("blue"))
    archive = tmp_path / "pictures.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(red, "x/1.png")
        file.write(blue, "x/2.png")
    folder = encode(_dataset(images=(ImageSource(red), ImageSource(blue))))[0]
    zipped = encode(_dataset(images=(ImageSource(archive, "x/1.png"), ImageSource(archive, "x/2.png"))))[0]
    np.testing.assert_array_equal(folder.values, zipped.values)
    assert len(computed) == 1
    red.write_bytes(_png("green"))
    os.utime(red, ns=(1, 1))
    changed = encode(_dataset(images=(ImageSource(red), ImageSource(blue))))[0]
    assert len(computed) == 2 and np.abs(changed.values[0] - folder.values[0]).max() > 1e-3


def test_unchanged_pictures_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "red.png"
    path.write_bytes(_png("red"))
    dataset = _dataset(images=(ImageSource(path),))
    encode(dataset)

    def refuse(*_: object) -> bytes:
        raise AssertionError("the picture was read again")

    monkeypatch.setattr(ImageSource, "read", refuse)
    assert encode(dataset)[0].present.all()


def test_a_cache_that_cannot_be_written_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where the folder should be")
    assert encode(_dataset(texts=_objects("red")))[0].present.all()


def test_scales_are_learnt_on_training_items_where_the_split_is_by_time() -> None:
    block = encode(_dataset(price=np.array([5.0, 1.0, 2.0])))[0]  # only item 0 is in training: its price has no spread
    assert (block.values == 0).all()


def test_cancel_stops_and_progress_reaches_one() -> None:
    dataset = _dataset(texts=_objects("red"), price=np.array([1.0]))
    seen: list[tuple[str, float]] = []
    encode(dataset, progress=lambda code, done: seen.append((code, done)))
    assert seen[0] == ("encode_text", 0.0) and seen[-1] == ("encode_attributes", 1.0)
    with pytest.raises(Cancelled):
        encode(dataset, cancelled=lambda: True)
