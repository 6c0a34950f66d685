"""What a run's folder says about itself, also after a kill."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from diagnostics.probe import JobResult
from diagnostics.runs import RunFolder
from diagnostics.runs.disk import append_text, last_line, whole_lines, write_atomic
from diagnostics.runs.process import is_alive, start_time
from diagnostics.runs.store import JobStore, code_version


def test_a_line_that_is_still_being_written_is_not_read(tmp_path):
    path = tmp_path / "progress.jsonl"
    assert list(whole_lines(path)) == []
    append_text(path, '{"done": 0.5}\n')
    append_text(path, '{"done": 0.')
    assert [json.loads(line) for line in whole_lines(path)] == [{"done": 0.5}]


def test_the_last_line_is_found_from_the_end(tmp_path):
    path = tmp_path / "progress.jsonl"
    assert last_line(path) is None
    append_text(path, '{"done": 0.')  # still being written
    assert last_line(path) is None
    append_text(path, "1}\n")
    assert last_line(path) == {"done": 0.1}
    append_text(path, '{"done": 0.2}\n' * 10_000 + '{"done": 0.3}\n{"do')
    assert last_line(path) == {"done": 0.3}


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    write_atomic(tmp_path / "a" / "file", "first")
    write_atomic(tmp_path / "a" / "file", "日本語")
    assert (tmp_path / "a" / "file").read_text(encoding="utf-8") == "日本語"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


def test_a_failed_write_keeps_the_old_file(tmp_path, monkeypatch):
    write_atomic(tmp_path / "file", "old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        write_atomic(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "old"


def test_results_come_back_as_they_were(tmp_path):
    store = JobStore(tmp_path, "key")
    arrays = {
        "recall": np.array([[0.0, 0.5, 1.0]], dtype=np.float32)[:, ::2],  # not contiguous
        "index": np.arange(3, dtype=np.int32),
        "flag": np.array([True, False]),
        "empty": np.zeros((0, 4)),
    }
    store.save(JobResult("vbpr.text.none.1", arrays, {"sets": ["id", "商品"], "best_epoch": 3}))
    loaded = store.load("vbpr.text.none.1")
    assert loaded is not None
    assert loaded.meta == {"sets": ["id", "商品"], "best_epoch": 3}
    assert set(loaded.arrays) == set(arrays)
    for name, array in arrays.items():
        assert loaded.arrays[name].dtype == array.dtype
        assert np.array_equal(loaded.arrays[name], array)
    assert store.load("vbpr.id.none.1") is None
    assert JobStore(tmp_path, "another key").load("vbpr.text.none.1") is None


@pytest.mark.parametrize("damage", [b"", b"garbage", b"\x00" * 64])
def test_a_damaged_result_counts_as_absent(tmp_path, damage):
    store = JobStore(tmp_path, "key")
    write_atomic(store.result_file("job"), damage)
    assert store.load("job") is None


def test_status_follows_the_process_and_the_outcome(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.begin("{}")
    assert folder.status() == "queued"
    sleeper = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folder.claim(sleeper.pid)
    assert folder.status() == "queued"
    folder.report_step("read", 0.5, eta_s=2.0)
    assert folder.status() == "running"
    assert folder.latest() == {"step": "read", "done": 0.5, "eta_s": 2.0}
    sleeper.kill()
    sleeper.wait()
    assert folder.status() == "interrupted"
    folder.end("failed", 2, "E_EMPTY_FILE", {"en": "empty", "ja": "空です"})
    assert folder.status() == "failed"
    assert folder.outcome() == {
        "status": "failed",
        "exit_code": 2,
        "code": "E_EMPTY_FILE",
        "words": {"en": "empty", "ja": "空です"},
    }
    folder.begin("{}")
    assert folder.status() == "queued"
    assert folder.latest() is None


def test_a_pid_that_another_program_wears_is_not_the_run(tmp_path):
    folder = RunFolder(tmp_path)
    folder.begin("{}")
    write_atomic(tmp_path / "pid.json", json.dumps({"pid": os.getpid(), "started": "long ago", "claimed_at": ""}))
    assert folder.status() == "interrupted"
    folder.claim(os.getpid())
    assert folder.status() == "queued"


def test_a_cancel_pressed_while_the_process_starts_is_not_forgotten(tmp_path):
    folder = RunFolder(tmp_path)
    folder.begin("{}")  # the supervisor readies the folder
    folder.claim(os.getpid())  # and notes the new process, which is this one
    folder.cancel()
    folder.begin("{}")  # the process begins
    assert folder.cancel_asked
    folder.end("cancelled", 3)
    folder.begin("{}")  # a new attempt
    assert not folder.cancel_asked


def test_a_process_that_has_ended_is_not_alive():
    done = subprocess.Popen([sys.executable, "-c", ""])
    started = start_time(done.pid)
    assert started is None or is_alive(done.pid, started) or start_time(done.pid) is None
    done.wait()
    assert start_time(done.pid) is None
    assert not is_alive(done.pid, started)
    assert is_alive(os.getpid(), start_time(os.getpid()))
    assert start_time(0) is None
    assert start_time(2**30) is None


def test_the_version_of_the_code_is_a_short_hash():
    assert len(code_version()) == 16
    assert int(code_version(), 16) >= 0
