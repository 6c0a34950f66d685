"""Whose turn it is when there are more runs than cores, and what becomes of those that die or of a lost index."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from diagnostics.console import Session
from diagnostics.errors import Cancelled
from diagnostics.runs import RunFolder, RunIndex, RunRequest, index, runs, worker
from diagnostics.runs.disk import write_atomic


@pytest.fixture
def processes() -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) for _ in range(4)]
    yield made
    for process in made:
        process.kill()
        process.wait()


@pytest.fixture
def place(tmp_path, monkeypatch, processes) -> Callable[[int], int]:
    """The place of the run of one of four processes, on two cores; an index of its own."""
    monkeypatch.setattr(index, "cores", lambda: 2)
    mine = RunIndex(tmp_path / "index.sqlite")

    def ask(number: int) -> int:
        folder = tmp_path / f"run{number}"
        folder.mkdir(exist_ok=True)
        monkeypatch.setattr(os, "getpid", lambda: processes[number].pid)
        try:
            return mine.place(folder)
        finally:
            monkeypatch.setattr(os, "getpid", real)

    real = os.getpid
    return ask


def test_first_come_first_served_one_run_for_each_core(place, tmp_path, processes):
    mine = RunIndex(tmp_path / "index.sqlite")
    assert [place(number) for number in range(4)] == [0, 0, 1, 2]
    assert [place(number) for number in (3, 2, 1, 0)] == [2, 1, 0, 0]  # asking again changes nothing
    assert mine.working() == 2
    mine.leave(tmp_path / "run0")
    assert place(3) == 1  # not before those that asked earlier
    assert place(2) == 0
    assert place(3) == 1


def test_a_process_that_dies_leaves_the_queue(place, tmp_path, processes):
    assert [place(number) for number in range(4)] == [0, 0, 1, 2]
    for number in (1, 2):
        processes[number].kill()
        processes[number].wait()
    assert place(3) == 0
    assert RunIndex(tmp_path / "index.sqlite").working() == 2


@pytest.mark.parametrize("damage", [b"no database at all, but long enough to be one" * 100, b""])
def test_a_damaged_index_is_begun_anew(place, tmp_path, damage):
    assert [place(number) for number in range(3)] == [0, 0, 1]
    (tmp_path / "index.sqlite").write_bytes(damage)
    assert [place(number) for number in range(3)] == [0, 0, 1]


def test_the_list_of_runs_survives_its_index(tmp_path, monkeypatch):
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    tokens = ["a" * 16, "b" * 16, "c" * 16]
    for age, token in enumerate(tokens):
        folder = RunFolder(tmp_path / "runs" / token)
        folder.begin("{}")
        asked = time.time() - age
        os.utime(folder.path / "request.json", (asked, asked))
    (tmp_path / "runs" / "not a run").mkdir()
    assert [folder.token for folder in runs()] == tokens
    (tmp_path / "runs" / "index.sqlite").unlink()
    assert [folder.token for folder in runs()] == tokens
    (tmp_path / "runs" / tokens[1] / "request.json").unlink()
    assert [folder.token for folder in runs()] == [tokens[0], tokens[2]]


def test_where_no_index_can_be_kept_nobody_waits(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "file"))
    request = RunRequest(catalog=Path("a.csv"), interactions=Path("b.csv"))
    with Session(tmp_path / "run", request, True) as session:
        session.wait_for_turn()
    assert RunFolder(tmp_path / "run").status() == "finished"
    assert worker._Share(3).now() == 3


def test_a_run_that_waits_says_at_which_place_and_can_be_cancelled(tmp_path, monkeypatch, capsys, processes):
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    monkeypatch.setattr(index, "cores", lambda: 1)
    other = RunIndex()
    with pytest.MonkeyPatch.context() as as_another:
        as_another.setattr(os, "getpid", lambda: processes[0].pid)
        assert other.place(tmp_path / "other") == 0
    request, folder = RunRequest(catalog=Path("a.csv"), interactions=Path("b.csv")), RunFolder(tmp_path / "run")
    seen = []

    def look() -> bool:
        seen.append((folder.status(), folder.place))
        if len(seen) == 3:
            folder.cancel()
        return folder.cancel_asked

    with pytest.raises(Cancelled), Session(folder.path, request, True) as session:
        monkeypatch.setattr(session, "cancelled", look)
        session.wait_for_turn()
    assert seen[0] == ("queued", 1)
    assert '{"step": "queue", "done": 0.0, "place": 1}' in capsys.readouterr().out
    assert folder.status() == "cancelled"
    processes[0].kill()
    processes[0].wait()
    with Session(folder.path, request, True) as session:
        session.wait_for_turn()
        assert folder.place == 0 and other.working() == 1
    assert other.working() == 0


def test_runs_at_work_share_the_cores(tmp_path, monkeypatch, processes):
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    for module in (index, worker):
        monkeypatch.setattr(module, "cores", lambda: 4)
    mine = RunIndex()
    for number, expected in enumerate((4, 2, 1, 1)):  # of four cores, for each of one, two, three and four runs
        with pytest.MonkeyPatch.context() as as_another:
            as_another.setattr(os, "getpid", lambda number=number: processes[number].pid)
            assert mine.place(tmp_path / str(number)) == 0
        assert worker._Share(4).now() == expected


def test_a_process_on_another_machine_lives_by_its_heartbeat(tmp_path):
    folder = RunFolder(tmp_path)
    folder.begin("{}")
    folder.report_step("read", 0.5)
    write_atomic(tmp_path / "pid.json", '{"pid": 1, "started": "then", "machine": "another", "claimed_at": ""}')
    assert folder.status() == "interrupted"
    folder.beat()
    assert folder.status() == "running"
    before = time.time() - 10.1
    os.utime(tmp_path / "heartbeat", (before, before))
    assert folder.status() == "interrupted"
