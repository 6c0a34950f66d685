"""A thinned sample of what ``python -m tests.faults`` does in full; whole command lines are killed only there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from diagnostics.config import THRESHOLDS
from tests.cli.conftest import write_small_shop
from tests.faults.cancels import cancel
from tests.faults.damage import WAYS, damage
from tests.faults.disk import fail_everything
from tests.faults.runs import ROOT
from tests.faults.starts import start_twice

needs_proc = pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    write_small_shop(folder)
    return folder


@pytest.fixture
def _thresholds(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test changes is put back."""
    for name in ("checkpoint_seconds", "checkpoint_share"):
        monkeypatch.setitem(THRESHOLDS, name, THRESHOLDS[name])


@pytest.mark.usefixtures("_thresholds")
def test_whatever_operation_the_disk_refuses_nothing_is_corrupt(tmp_path):
    counts = fail_everything(tmp_path, every=61)
    assert counts["failures"] == counts["equal_afterwards"] >= 20
    assert counts["stopped"] > 0


def test_no_damaged_checkpoint_is_taken_for_whole(tmp_path):
    counts = damage(tmp_path, 4 * len(WAYS))
    assert counts["detected"] == counts["damaged"] == 4 * len(WAYS)


@needs_proc
@needs_signals
def test_killed_trainings_come_to_the_same_diagnosis(tmp_path):
    command = [sys.executable, "-m", "tests.faults.kills", str(tmp_path), "12"]  # it forks, so it is a process of its own
    counts = json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
    assert counts["equal"] == counts["resumes"] == counts["kills"] == 12


@needs_proc
@needs_signals
def test_a_cancelled_run_ends_and_leaves_no_process(tmp_path, shop):
    # However busy the computer is: `python -m tests.faults cancels` counts the seconds.
    assert cancel(shop, tmp_path, 1, latest_s=10.0, within_s=60.0)["cancels"] == 1


@needs_proc
@needs_signals
def test_a_run_that_is_started_twice_at_once_is_one_run(tmp_path, shop):
    assert start_twice(shop, tmp_path, 1, 20) == {"double_starts": 1, "reloads": 20, "runs": 1}
