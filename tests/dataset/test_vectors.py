"""Ready-made vectors in every format, by row and by id."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

from diagnostics.dataset import read, write_rejected
from diagnostics.errors import TenbinError
from tests.dataset.shops import write_shop

VALUES = np.arange(24, dtype=np.float32).reshape(12, 2)
IDS = [f"{i:04d}" for i in range(12, 0, -1)]  # in reverse


def archive(member: str) -> bytes:
    """A zip with one member, as ``torch.save`` writes them."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(member, b"\x80\x02.")
    return buffer.getvalue()


def write(folder: Path, kind: str, values: np.ndarray, ids: list[str] | None) -> Path:
    path = folder / f"style.{kind}"
    if kind == "npy":
        np.save(path, values)
    elif kind == "npz":
        np.savez(path, vectors=values, **({} if ids is None else {"item_id": np.array(ids)}))
    elif kind == "parquet":
        frame = (
            pd.DataFrame({"v": list(values)})
            if values.shape[1] == 2
            else pd.DataFrame(values, columns=[f"d{i}" for i in range(values.shape[1])])
        )
        if ids is not None:
            frame.insert(0, "item_id", ids)
        frame.to_parquet(path)
    else:
        save_file({"vectors": values}, path, metadata=None if ids is None else {"item_id": json.dumps(ids)})
    return path


@pytest.mark.parametrize("kind", ["npy", "npz", "parquet", "safetensors"])
def test_rows_belong_to_rows_of_the_file(tmp_path: Path, kind: str) -> None:
    catalog, log = write_shop(tmp_path)
    text = catalog.read_text(encoding="utf-8").replace("0003,", "0002,", 1)  # row 3 repeats an id and is set aside
    catalog.write_text(text, encoding="utf-8")
    found = read(catalog, log, features={"style": write(tmp_path, kind, VALUES, None)}).catalog
    assert found.n_items == 11
    assert found.vectors["style"].dtype == np.float32
    assert np.array_equal(found.vectors["style"], np.delete(VALUES, 2, axis=0))


@pytest.mark.parametrize("kind", ["npz", "parquet", "safetensors"])
@pytest.mark.parametrize("width", [2, 3])
def test_rows_belong_to_ids(tmp_path: Path, kind: str, width: int) -> None:
    catalog, log = write_shop(tmp_path)
    values = np.arange(12 * width, dtype=np.float32).reshape(12, width)
    path = write(tmp_path, kind, values[:11], [*IDS[:10], "9999"])
    dataset = read(catalog, log, features={"style": path})
    found = dataset.catalog.vectors["style"]
    assert np.array_equal(found[2:], values[:10][::-1])
    assert np.isnan(found[:2]).all()
    assert [(entry.reason, entry.count) for entry in dataset.notes.set_aside if entry.file == path.name] == [("unknown_item", 1)]
    modality = next(modality for modality in dataset.catalog.modalities if modality.name == "style")
    assert modality.present.tolist() == [False, False] + [True] * 10


@pytest.mark.parametrize("damage", [int, float, "{:>04}".format])
def test_ids_that_a_table_took_for_numbers_are_matched_and_it_is_said(tmp_path: Path, damage: Callable) -> None:
    frame = pd.DataFrame({"item_id": [damage(int(name)) for name in IDS], "v": list(VALUES)})
    path = tmp_path / "style.parquet"
    frame.to_parquet(path)
    dataset = read(*write_shop(tmp_path), features={"style": path})
    assert np.array_equal(dataset.catalog.vectors["style"], VALUES[::-1])
    said = [remark.values for remark in dataset.notes.remarks if remark.code == "reading.remark.zeros"]
    assert said == ([{"file": path.name, "n": 12}] if damage in (int, float) else [])


@pytest.mark.parametrize("loose", ["1", "０００１"])
def test_an_id_as_it_is_written_comes_before_one_that_only_means_it(tmp_path: Path, loose: str) -> None:
    values = np.array([[9, 9], [1, 1]], dtype=np.float32)
    dataset = read(*write_shop(tmp_path), features={"style": write(tmp_path, "npz", values, [loose, "0001"])})
    assert dataset.catalog.vectors["style"][list(dataset.catalog.item_ids).index("0001")].tolist() == [1, 1]
    assert dataset.rejected["style.npz"]["tenbin_reason"].tolist() == ["duplicate_item"]


def test_the_index_that_pandas_keeps_of_a_shuffled_table_is_no_dimension(tmp_path: Path) -> None:
    frame = pd.DataFrame(VALUES, columns=["a", "b"]).assign(item_id=IDS).sample(frac=1, random_state=0)
    path = tmp_path / "style.parquet"
    frame.to_parquet(path)
    found = read(*write_shop(tmp_path), features={"style": path}).catalog.vectors["style"]
    assert np.array_equal(found, VALUES[::-1])


def test_an_index_without_a_name_is_ids_where_it_is_text_and_a_question_where_it_is_numbers(tmp_path: Path) -> None:
    shop, path = write_shop(tmp_path), tmp_path / "style.parquet"
    pd.DataFrame(VALUES, index=IDS).to_parquet(path)
    assert np.array_equal(read(*shop, features={"style": path}).catalog.vectors["style"], VALUES[::-1])
    pd.DataFrame(VALUES).sample(frac=1, random_state=0).to_parquet(path)
    with pytest.raises(TenbinError, match="E_VECTOR_INDEX"):
        read(*shop, features={"style": path})


def test_one_bad_number_makes_the_item_absent(tmp_path: Path) -> None:
    values = VALUES.astype(np.float64)
    values[3, 1], values[5, 0] = np.inf, np.nan
    found = read(*write_shop(tmp_path), features={"style": write(tmp_path, "npy", values, None)}).catalog.vectors["style"]
    assert np.flatnonzero(np.isnan(found).all(axis=1)).tolist() == [3, 5]


def test_vectors_replace_a_modality_of_their_name(tmp_path: Path) -> None:
    catalog = read(*write_shop(tmp_path), features={"text": write(tmp_path, "npy", VALUES, None)}).catalog
    assert [(modality.name, modality.kind) for modality in catalog.modalities] == [("text", "text"), ("attributes", "attributes")]


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.npy", VALUES[:5], "E_VECTOR_ROWS"),
        ("a.npy", VALUES[:, 0], "E_VECTOR_SHAPE"),
        ("a.npy", np.array([["a", "b"]] * 12), "E_VECTOR_SHAPE"),
        ("a.npy", np.array([{"a": 1}] * 12, dtype=object), "E_VECTOR_PICKLED"),
        ("a.npy", b"\x80\x04nonsense.", "E_VECTOR_PICKLED"),
        ("a.npy", b"nonsense", "E_VECTOR_BROKEN"),
        ("torch.npy", archive("archive/data.pkl"), "E_VECTOR_PICKLED"),
        ("torch.npz", archive("archive/data.pkl"), "E_VECTOR_PICKLED"),
        ("npz.npy", archive("a.npy"), "E_VECTOR_BROKEN"),
        ("text.npz", archive("readme.txt"), "E_VECTOR_BROKEN"),
        ("a.npz", b"PK\x03\x04nonsense", "E_VECTOR_BROKEN"),
        ("a.parquet", b"PAR1nonsense", "E_VECTOR_BROKEN"),
        ("a.safetensors", b"nonsense", "E_VECTOR_BROKEN"),
        ("a.pt", b"nonsense", "E_VECTOR_FORMAT"),
        ("a.pkl", b"nonsense", "E_VECTOR_FORMAT"),
    ],
)
def test_unusable_vectors_are_explained(tmp_path: Path, name: str, content: np.ndarray | bytes, code: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        np.save(path, content, allow_pickle=True)
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), features={"style": path})
    assert caught.value.code == code
    assert name in caught.value.words("ja")


@pytest.mark.parametrize("name", ["id", "a+b", "a:b", "", "../x", "a b", "x" * 41])
def test_names_that_would_confuse_arm_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), features={name: write(tmp_path, "npy", VALUES, None)})
    assert caught.value.code == "E_BAD_MODALITY_NAME"


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    """Two modalities whose files are both called vectors.npz: what is set aside of one must not hide the other's."""
    catalog, log = write_shop(tmp_path)
    given = {}
    for modality, unknown in (("text", ["9998", "9999"]), ("image", ["9997"])):
        (tmp_path / modality).mkdir()
        path = tmp_path / modality / "vectors.npz"
        np.savez(path, vectors=np.ones((12 + len(unknown), 2), dtype=np.float32), item_id=np.array([*IDS, *unknown]))
        given[modality] = path
    given["style"] = write(tmp_path, "npz", np.ones((12, 2), dtype=np.float32), [*IDS[1:], "9996"])
    dataset = read(catalog, log, features=given)
    assert {entry.file: entry.count for entry in dataset.notes.set_aside} == {
        "text-vectors.npz": 2,
        "image-vectors.npz": 1,
        "style.npz": 1,
    }
    assert [file.name for file in dataset.notes.files if file.role == "features"] == [*dataset.rejected]
    assert {path.name: len(pd.read_csv(path)) for path in write_rejected(dataset, tmp_path / "out")} == {
        "text-vectors.npz.csv": 2,
        "image-vectors.npz.csv": 1,
        "style.npz.csv": 1,
    }


def test_rows_set_aside_never_overwrite_each_other(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    rows = [pd.DataFrame({"tenbin_row": range(n), "tenbin_reason": "bad_time"}) for n in range(1, 5)]
    dataset = replace(read(catalog, log), rejected=dict(zip(("a:b", "a?b.csv", "A_B", "a_b-2"), rows, strict=True)))
    written = write_rejected(dataset, tmp_path / "out")
    assert len({path.name.casefold() for path in written}) == 4 == len(list((tmp_path / "out").iterdir()))
    assert [len(pd.read_csv(path)) for path in written] == [1, 2, 3, 4]
