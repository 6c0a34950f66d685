"""The wall between a shop's files and the application: limits hold, a dying reader harms nobody, results are the reader's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.config import THRESHOLDS, Threshold, home
from diagnostics.dataset import guard, pictures, tables, vectors
from diagnostics.errors import Cancelled, TenbinError

ROOT = Path(__file__).resolve().parents[2]
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither signals nor limits of memory")


@pytest.fixture(autouse=True, scope="module")
def _own_readers() -> Iterator[None]:
    """Readers of these tests are their own: some get odd limits, some are killed."""
    with pytest.MonkeyPatch.context() as patch:
        pool = guard._Pool()
        patch.setattr(guard, "_POOL", pool)
        yield
        pool.close()


@pytest.fixture(autouse=True)
def _leaves_nothing() -> Iterator[None]:
    yield
    assert list((home() / "reading").iterdir()) == []


@pytest.fixture
def slow(tmp_path: Path) -> Path:
    """A CSV that takes half a minute to read: in every row a quote that never closes, and each time all rows below are searched."""
    path = tmp_path / "slow.csv"
    path.write_text("id,name\n" + '1,"x\n' * 400_000, encoding="utf-8")
    return path


def small(folder: Path) -> Path:
    path = folder / "small.csv"
    path.write_text("id,name\n0001,café\n2,NA\n3\n", encoding="utf-8")
    return path


def limit(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    for name, value in (("reader_seconds", seconds), ("reader_seconds_per_mb", 0.0)):
        monkeypatch.setitem(THRESHOLDS, name, Threshold(value, "a test"))


def idle_pids() -> list[int]:
    return [reader._process.pid for reader in guard._POOL._idle]


def test_what_comes_through_is_what_the_readers_found(tmp_path: Path) -> None:
    here, there = tables.read_table(small(tmp_path), "catalog"), guard.read_table(small(tmp_path), "catalog")
    pd.testing.assert_frame_equal(there.frame, here.frame)
    pd.testing.assert_frame_equal(there.rejected, here.rejected)
    assert (there.name, there.note, there.rows.tolist()) == (here.name, here.note, here.rows.tolist())

    np.savez(tmp_path / "v.npz", v=np.arange(6.0).reshape(3, 2), item_id=np.array(["a", "b", "ü"]))
    ours, theirs = vectors.read_vectors(tmp_path / "v.npz"), guard.read_vectors(tmp_path / "v.npz")
    assert np.array_equal(ours.values, theirs.values)
    assert ours.ids is not None and theirs.ids is not None and ours.ids.tolist() == theirs.ids.tolist()
    assert (ours.name, ours.note) == (theirs.name, theirs.note)

    root = tmp_path / "pictures"
    root.mkdir()
    (root / "0001.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 32)
    (root / os.fsdecode(b"\x8f\xa4.png") if sys.platform == "linux" else root / "x.png").write_bytes(b"no picture")
    ids = np.array(["0001", "2"], dtype=object)
    for paths in (None, ["../x.png", None], [None, os.fsdecode(b"\x8f\xa4.png")]):
        assert guard.find_pictures(root, ids, paths) == pictures.find_pictures(root, ids, paths)


def test_one_process_serves_file_after_file(tmp_path: Path) -> None:
    guard._POOL.close()
    guard.read_table(small(tmp_path), "catalog")
    first = idle_pids()
    with pytest.raises(TenbinError, match="E_FILE_MISSING"):
        guard.read_table(tmp_path / "absent.csv", "catalog")
    guard.read_table(small(tmp_path), "catalog")
    assert len(first) == 1
    assert idle_pids() == first


def test_a_relative_path_means_what_it_means_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard.read_table(small(tmp_path), "catalog")
    (tmp_path / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "deeper")
    assert guard.read_table(Path("../small.csv"), "catalog").name == "small.csv"
    with pytest.raises(TenbinError) as caught:
        guard.read_table(Path("absent.csv"), "catalog")
    assert caught.value.values == {"file": "absent.csv"}


@posix
def test_memory_beyond_the_limit_is_an_error_with_a_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    large = tmp_path / "large.csv"
    large.write_text("id,name\n" + '1,"one, ""two"""\n' * 5_000_000, encoding="utf-8")
    monkeypatch.setenv("TENBIN_READER_MEMORY_MB", "60")
    with pytest.raises(TenbinError) as caught:
        guard.read_table(large, "catalog")
    assert (caught.value.code, caught.value.values) == ("E_READER_MEMORY", {"file": "large.csv", "limit": 60_000_000})
    assert "TENBIN_READER_MEMORY_MB" in caught.value.words("ja")
    assert len(guard.read_table(small(tmp_path), "catalog").frame) == 2


def test_time_beyond_the_limit_is_an_error(tmp_path: Path, slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard.read_table(small(tmp_path), "catalog")
    with monkeypatch.context() as tight:
        limit(tight, 0.3)
        with pytest.raises(TenbinError, match="E_TOO_SLOW"):
            guard.read_table(slow, "catalog")
    assert len(guard.read_table(small(tmp_path), "catalog").frame) == 2


def test_more_time_for_more_bytes_and_more_again_for_packed_ones(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.csv", tmp_path / "packed.csv"
    plain.write_bytes(b"id,nm" + bytes(1_999_995))
    packed.write_bytes(b"\x1f\x8b\x08\x00" + bytes(1_999_996))
    assert guard._effort(plain) == (2_000_000, 8 + 2 * 2)
    assert guard._effort(packed) == (2_000_000, 8 + 2 * 2 * 5)
    assert guard._effort(tmp_path / "absent") == (0, 8)
    assert guard._effort(Path("/dev/zero")) == (0, 8)
    assert guard._effort(tmp_path)[1] == 900


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, "E_READER_MEMORY"), (signal.SIGSEGV, "E_READER_FAILED")])
def test_a_reader_that_dies_is_an_error_and_the_next_one_lives(
    tmp_path: Path, slow: Path, number: signal.Signals, code: str
) -> None:
    guard.read_table(small(tmp_path), "catalog")
    (pid,) = idle_pids()
    threading.Timer(0.3, os.kill, (pid, number)).start()
    with pytest.raises(TenbinError) as caught:
        guard.read_table(slow, "catalog")
    assert caught.value.code == code
    assert caught.value.values["file"] == "slow.csv"
    assert len(guard.read_table(small(tmp_path), "catalog").frame) == 2


@posix
def test_a_reader_that_died_while_it_waited_is_replaced(tmp_path: Path) -> None:
    guard.read_table(small(tmp_path), "catalog")
    (pid,) = idle_pids()
    os.kill(pid, signal.SIGKILL)
    guard._POOL._idle[0]._process.wait()
    assert len(guard.read_table(small(tmp_path), "catalog").frame) == 2
    assert idle_pids() != [pid]


def test_cancel_stops_at_once(tmp_path: Path, slow: Path) -> None:
    guard.read_table(small(tmp_path), "catalog")
    (pid,) = idle_pids()
    asked = iter([False, False, False])
    with pytest.raises(Cancelled):
        guard.read_table(slow, "catalog", cancelled=lambda: next(asked, True))
    assert idle_pids() == []
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with pytest.raises(Cancelled):
        guard.read_table(slow, "catalog", cancelled=lambda: True)


def test_a_long_table_reports_progress(tmp_path: Path) -> None:
    row = "a0001,lamp," + "x" * 100 + "\n"
    (tmp_path / "long.csv").write_text("item_id,title,text\n" + row * (12_000_000 // len(row)))
    steps: list[float] = []
    guard.read_table(tmp_path / "long.csv", "catalog", progress=steps.append)
    assert steps == sorted(steps) and 0 < steps[0] < 0.4 < steps[-1] <= 1 and len(steps) > 4


def test_pictures_report_progress(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"0" * 32)
    steps: list[float] = []
    guard.find_pictures(tmp_path, np.array([str(number) for number in range(2500)], dtype=object), progress=steps.append)
    assert steps == [0.0, 0.4, 0.8]


@posix
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_reader_dies_with_its_parent(tmp_path: Path, slow: Path, number: signal.Signals) -> None:
    code = (
        "import sys, threading, time; from pathlib import Path; from diagnostics.dataset import guard\n"
        f"guard.read_table(Path({str(small(tmp_path))!r}), 'catalog'); print(guard._POOL._idle[0]._process.pid, flush=True)\n"
        f"guard.read_table(Path({str(slow)!r}), 'catalog')"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.3)
    parent.send_signal(number)
    parent.wait()
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while alive(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(child)


@posix
def test_an_alarm_ends_a_reader_whose_parent_is_stuck(tmp_path: Path, slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    guard.read_table(small(tmp_path), "catalog")
    reader = guard._POOL._idle[0]
    folder = home() / "reading" / "stuck"
    folder.mkdir()
    arguments = {"path": str(slow), "role": "catalog", "max_rows": None}
    request = {"call": "table", "folder": str(folder), "directory": "/", "seconds": 0.1, "arguments": arguments}
    with monkeypatch.context() as still:
        still.setattr(guard.time, "monotonic", lambda: 0.0)  # a parent whose clock stands still
        assert reader.answer(request, None, None) == {"kind": "late"}
    assert reader._process.returncode == -signal.SIGALRM
    folder.rmdir()


def test_many_people_read_at_once(tmp_path: Path) -> None:
    paths = []
    for number in range(12):
        paths.append(tmp_path / f"{number}.csv")
        paths[-1].write_text(f"id,name\n{number},x\n", encoding="utf-8")
    with ThreadPoolExecutor(6) as people:
        found = list(people.map(lambda path: guard.read_table(path, "catalog"), paths))
    assert [table.frame["id"].tolist() for table in found] == [[str(number)] for number in range(12)]
    assert 1 <= len(idle_pids()) <= guard._MOST_AT_ONCE


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has collected does not."""
    state = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return not state.exists() or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return False
