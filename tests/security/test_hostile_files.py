"""Files made to do harm: none may be executed, followed outside, or unpacked without limit."""

from __future__ import annotations

import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest

from diagnostics.dataset import read, read_mapping, write_rejected
from diagnostics.dataset.pictures import find_pictures
from diagnostics.errors import TenbinError
from tests.dataset.shops import ENGLISH, catalog_rows, lines, write_shop

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 32


class Bomb:
    """Writes a file when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.target,))


@pytest.mark.parametrize("name", ["style.npy", "style.npz", "style.parquet", "style.safetensors"])
def test_no_vector_file_is_unpickled(tmp_path: Path, name: str) -> None:
    fired = tmp_path / "fired"
    path = tmp_path / name
    array = np.array([Bomb(fired)] * 12, dtype=object)
    if name.endswith("npy"):
        np.save(path, array, allow_pickle=True)
    elif name.endswith("npz"):
        np.savez(path, a=array, b=np.zeros((12, 2)))
    else:
        path.write_bytes(pickle.dumps(Bomb(fired)))
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), features={"style": path})
    assert caught.value.code in ("E_VECTOR_PICKLED", "E_VECTOR_BROKEN")
    assert not fired.exists()


def test_a_pickle_in_place_of_a_table_is_not_opened(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    log.write_bytes(pickle.dumps(Bomb(tmp_path / "fired")))
    with pytest.raises(TenbinError) as caught:
        read(catalog, log)
    assert (caught.value.code, caught.value.values["found"]) == ("E_NOT_A_TABLE", "pickle")
    assert not (tmp_path / "fired").exists()


@pytest.mark.parametrize(
    "written",
    [
        "../secret.png",
        "a/../../secret.png",
        r"..\secret.png",
        "/etc/passwd",
        "~/secret.png",
        r"C:\secret.png",
        "c:secret.png",
        r"\\server\share\secret.png",
        "//server/secret.png",
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "0001.png\x00.jpg",
    ],
)
def test_no_picture_path_leaves_the_root(tmp_path: Path, written: str) -> None:
    root = tmp_path / "pictures"
    root.mkdir()
    (root / "0002.png").write_bytes(PNG)
    (tmp_path / "secret.png").write_bytes(PNG)
    found = find_pictures(root, np.array(["0001", "0002"], dtype=object), [written, None])
    assert found.sources[0] is None
    assert found.sources[1] is not None
    assert [(place, reason) for place, _, reason in found.refused] in ([(0, "outside_root")], [(0, "web_address")])


def test_links_that_leave_the_root_are_not_followed(tmp_path: Path) -> None:
    root, outside = tmp_path / "pictures", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    for folder in (root, outside):
        (folder / "0002.png").write_bytes(PNG)
    (outside / "0003.png").write_bytes(PNG)
    (root / "0001.png").symlink_to(outside / "0003.png")
    (root / "folder").symlink_to(outside, target_is_directory=True)
    (root / "loop").symlink_to(root, target_is_directory=True)
    found = find_pictures(root, np.array(["0001", "0002", "0003"], dtype=object))
    assert [source is not None for source in found.sources] == [False, True, False]
    assert sorted(entry for entry in found.refused) == [(-1, "0001.png", "outside_root"), (-1, "folder", "outside_root")]


def test_a_zip_is_never_unpacked_and_its_bombs_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0001.png", PNG)
        archive.writestr("../0002.png", PNG)
        archive.writestr("/0003.png", PNG)
        archive.writestr(r"..\0004.png", PNG)
        archive.writestr("0005.png", PNG + b"\0" * 60_000_000)
        archive.writestr("0006.png", PNG + b"\0" * 1_000_000)
        link = zipfile.ZipInfo("0007.png")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    found = find_pictures(path, np.array([f"000{i}" for i in range(1, 8)], dtype=object))
    assert [source is not None for source in found.sources] == [True] + [False] * 6
    assert [reason for _, _, reason in found.refused] == ["outside_root"] * 3 + ["too_large"] * 2 + ["outside_root"]
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["pictures.zip"]


def test_an_encrypted_or_torn_zip_gives_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0001.png", PNG)
        archive.writestr("0002.png", PNG)
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    data[central + 8] |= 1  # says: encrypted
    path.write_bytes(data)
    found = find_pictures(path, np.array(["0001", "0002"], dtype=object))
    assert [reason for _, _, reason in found.refused] == ["encrypted"]
    torn = tmp_path / "torn.zip"
    torn.write_bytes(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 9, 9, 9999, 9999, 0))
    with pytest.raises(TenbinError) as caught:
        find_pictures(torn, np.array(["0001"], dtype=object))
    assert caught.value.code in ("E_NOT_IMAGES", "E_NO_IMAGES")


def test_a_vector_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "style.npy"
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (999999999999, 4096), }"
    header += b" " * (118 - len(header)) + b"\n"
    path.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header)
    with pytest.raises(TenbinError) as caught:
        read(*write_shop(tmp_path), features={"style": path})
    assert caught.value.code == "E_VECTOR_BROKEN"


@pytest.mark.parametrize(
    "attack", ["<script>alert(1)</script>", "=HYPERLINK(1)", "{0.__class__}", "%s%n", "'; DROP TABLE items; --", "\u202egnp.exe"]
)
def test_hostile_words_pass_through_as_words(tmp_path: Path, attack: str) -> None:
    catalog, log = write_shop(tmp_path)
    rows = [(row[0], attack, *row[2:]) for row in catalog_rows()]
    catalog.write_text(lines((ENGLISH[0], "name", attack.replace(",", ""), *ENGLISH[3:]), rows), encoding="utf-8")
    dataset = read(catalog, log)
    assert attack in (dataset.catalog.titles if dataset.catalog.titles is not None else dataset.notes.files[0].preview[0])
    with pytest.raises(TenbinError) as caught:
        read(catalog, log, mapping={"catalog": {"title": attack + "x"}})
    assert attack in caught.value.words("en")


def test_rejected_files_stay_in_their_folder(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    evil = log.rename(tmp_path / "..log=;rm.csv")
    evil.write_text(evil.read_text(encoding="utf-8") + "u01,9999,2024-01-01,1\n", encoding="utf-8")
    out = tmp_path / "out"
    for path in write_rejected(read(catalog, evil), out):
        assert path.parent == out
        assert path.name == "log__rm.csv"


def test_a_mapping_is_data_only(tmp_path: Path) -> None:
    path = tmp_path / "m.toml"
    path.write_text("[catalog]\nitem_id = \"__import__('os')\"\n", encoding="utf-8")
    assert read_mapping(path).roles["catalog"]["item_id"] == ("__import__('os')",)


@pytest.mark.parametrize("seed", range(6))
def test_random_damage_never_becomes_a_traceback(tmp_path: Path, seed: int) -> None:
    draw = np.random.default_rng(seed)
    for _ in range(8):
        catalog, log = write_shop(tmp_path)
        for path in (catalog, log):
            data = bytearray(path.read_bytes())
            for place in draw.integers(0, len(data), draw.integers(1, 40)):
                data[place] = int(draw.integers(0, 256))
            path.write_bytes(data[: int(draw.integers(len(data) // 2, len(data) + 1))])
        try:
            dataset = read(catalog, log)
        except TenbinError as error:
            assert error.words("ja").startswith("E_")
        else:
            assert dataset.log.n_rows > 0
