"""Checkpoints on disk: which one is found again, what is never taken for whole, and how often they are written."""

from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from diagnostics.config import threshold
from diagnostics.probe import Checkpoint
from diagnostics.runs.checkpoint import Checkpoints


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _checkpoint(epoch: int) -> Checkpoint:
    """Says in every part which epoch it is of."""
    records = [{"epoch": number, "loss": 1 / 3, "商品": "値"} for number in range(1, epoch + 1)]
    arrays = {
        "table": np.full((3, 2), epoch, dtype=np.float32)[:, ::-1],  # not contiguous
        "step": np.array(epoch),  # no dimension
        "rng": np.arange(6, dtype=np.uint64) + np.uint64(2**63),
    }
    return Checkpoint(records, arrays)


def _keep(keeper: Checkpoints, *epochs: int) -> Checkpoints:
    for epoch in epochs:
        keeper.keep(lambda epoch=epoch: _checkpoint(epoch), now=True)
    return keeper


def _epoch(found: Checkpoint | None) -> int | None:
    """Which epoch a checkpoint is of; every part of it must agree."""
    if found is None:
        return None
    (epoch,) = {len(found.records), int(found.arrays["step"]), int(found.arrays["table"].max()), int(found.arrays["table"].min())}
    return epoch


def test_it_comes_back_as_it_was(tmp_path):
    _keep(Checkpoints(tmp_path, "key", "job"), 3)
    found, wanted = Checkpoints(tmp_path, "key", "job").last(), _checkpoint(3)
    assert found is not None and found.records == wanted.records
    assert set(found.arrays) == set(wanted.arrays)
    for name, array in wanted.arrays.items():
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape)
        assert np.array_equal(found.arrays[name], array)


def test_another_job_plan_or_folder_has_none(tmp_path):
    _keep(Checkpoints(tmp_path, "key", "job"), 3)
    assert Checkpoints(tmp_path, "key", "other").last() is None
    assert Checkpoints(tmp_path, "other", "job").last() is None
    assert Checkpoints(tmp_path / "none", "key", "job").last() is None


def test_two_generations_take_turns_and_the_older_one_steps_in(tmp_path, caplog):
    _keep(Checkpoints(tmp_path, "key", "job"), 1, 2, 3)
    assert len(list(tmp_path.iterdir())) == 3  # two generations and the manifest
    assert _epoch(Checkpoints(tmp_path, "key", "job").last()) == 3
    newest = tmp_path / "job.0.safetensors"  # 1 and 3 lie here, 2 in the other
    data = bytearray(newest.read_bytes())
    data[-1] ^= 1
    newest.write_bytes(data)
    keeper = Checkpoints(tmp_path, "key", "job")
    assert _epoch(keeper.last()) == 2
    assert "job.0.safetensors" in caplog.text
    _keep(keeper, 4)  # over the damaged one, never over the one that is whole
    assert _epoch(Checkpoints(tmp_path, "key", "job").last()) == 4
    (tmp_path / "job.0.safetensors").unlink()
    assert _epoch(Checkpoints(tmp_path, "key", "job").last()) == 2


@pytest.mark.parametrize("broken", ["", "{", "[]", "null", '{"manifest": {}, "checksum": ""}', "\x00" * 40])
def test_without_its_manifest_nothing_is_believed(tmp_path, broken):
    _keep(Checkpoints(tmp_path, "key", "job"), 1, 2)
    (tmp_path / "job.json").write_text(broken)
    assert Checkpoints(tmp_path, "key", "job").last() is None


def test_a_manifest_that_was_edited_or_comes_from_the_future_or_of_another_job_is_not_believed(tmp_path):
    _keep(Checkpoints(tmp_path, "key", "job"), 1)
    _keep(Checkpoints(tmp_path, "key", "other"), 2)
    sealed = json.loads((tmp_path / "job.json").read_text())
    assert sealed["manifest"]["format"] == 1
    sealed["manifest"]["format"] = 2
    (tmp_path / "job.json").write_text(json.dumps(sealed))
    assert Checkpoints(tmp_path, "key", "job").last() is None
    shutil.copy(tmp_path / "other.json", tmp_path / "job.json")
    shutil.copy(tmp_path / "other.0.safetensors", tmp_path / "job.0.safetensors")
    assert Checkpoints(tmp_path, "key", "job").last() is None


@pytest.mark.parametrize("failing", ["fsync", "replace"])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_disk_that_fails_leaves_the_last_one_whole(tmp_path, monkeypatch, failing, at):
    keeper = _keep(Checkpoints(tmp_path, "key", "job"), 1, 2)
    calls, real = [], getattr(os, failing)

    def fail(*arguments, **options):
        calls.append(arguments)
        if len(calls) == at + 1:
            raise OSError(28, "No space left on device")
        return real(*arguments, **options)

    monkeypatch.setattr(os, failing, fail)
    try:
        _keep(keeper, 3)
        failed = False
    except OSError:
        failed = True
    monkeypatch.undo()
    assert failed == (len(calls) > at)
    assert _epoch(Checkpoints(tmp_path, "key", "job").last()) in ((2, 3) if failed else (3,))
    assert not list(tmp_path.glob(".*.tmp"))
    _keep(keeper, 4)  # with room again, it goes on
    assert _epoch(Checkpoints(tmp_path, "key", "job").last()) == 4


def test_a_job_that_is_done_leaves_nothing(tmp_path):
    keeper = _keep(Checkpoints(tmp_path, "key", "job"), 1, 2)
    keeper.forget()
    keeper.forget()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("epoch_s", "cost_s"), [(0.01, 0.005), (0.2, 0.05), (5.0, 0.05), (60.0, 1.0)])
def test_all_checkpoints_together_cost_less_than_three_percent(tmp_path, monkeypatch, epoch_s, cost_s):
    clock = Clock()
    keeper = Checkpoints(tmp_path, "key", "job", clock)
    written: list[float] = []

    def write(made):
        clock.now += cost_s
        written.append(clock.now)
        return sum(array.nbytes for array in made.arrays.values())

    monkeypatch.setattr(keeper, "_write", write)
    monkeypatch.setattr(Checkpoints, "_timed", (80, cost_s))  # as an earlier job of this process has found
    trained, lost = 0.0, 0.0
    while trained < 400 * max(epoch_s, 1.0):
        clock.now += epoch_s
        trained += epoch_s
        keeper.keep(lambda: _checkpoint(1))
        lost = max(lost, clock.now - (written[-1] if written else 0.0))
    assert len(written) * cost_s <= 0.03 * trained
    pays = max(cost_s / threshold("checkpoint_share"), threshold("checkpoint_seconds"))
    assert lost <= pays + 2 * epoch_s
    if epoch_s >= pays:
        assert len(written) >= trained / epoch_s - 1  # every epoch that lasts is kept
