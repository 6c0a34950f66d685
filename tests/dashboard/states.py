"""A home of its own for each test, with runs in every state that a page can meet."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from diagnostics.runs import RunFolder, RunRequest
from diagnostics.schema import Diagnosis, ProbeEvent
from tests.report.example import example

__all__ = ["FAILED", "FINISHED", "OPEN", "RUNNING", "fill", "finish", "runs"]

FINISHED, OPEN, RUNNING, FAILED = ("a" * 16, "b" * 16, "c" * 16, "d" * 16)


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path))
    fill(tmp_path)
    return tmp_path


def fill(home: Path) -> None:
    """One run in each state."""
    finish(home, FINISHED, example())
    finish(home, OPEN, example("undetermined"))
    running = _begin(home, RUNNING)
    running.claim(os.getpid())
    running.write_text("profile.json", example().profile.model_dump_json())
    running.report_step("probe", 0.4, eta_s=95.0, arm="vbpr:text+image:ckd", seed=1, epoch=3)
    events = running.path / "run" / "events"
    events.mkdir(parents=True, exist_ok=True)
    for backbone, recall in (("vbpr", 0.1), ("freedom", 0.3)):
        arm = f"{backbone}:text+image:ckd"
        lines = [
            ProbeEvent(
                kind="epoch", arm=arm, seed=1, epoch=epoch, validation=recall, branches={"text": recall, "image": recall / 2}
            )
            for epoch in (1, 2, 3)
        ]
        (events / f"{backbone}.jsonl").write_text("".join(line.model_dump_json() + "\n" for line in lines))
    running.write_text("run/plan.json", json.dumps({"arms": [{"backbone": "vbpr"}, {"backbone": "freedom"}]}))
    words = {"en": "E_NO_ITEM_COLUMN: no column names the product", "ja": "E_NO_ITEM_COLUMN: 商品の列がありません"}
    _begin(home, FAILED).end("failed", 2, "E_NO_ITEM_COLUMN", words)


def _begin(home: Path, token: str) -> RunFolder:
    folder = RunFolder(home / "runs" / token)
    folder.begin(RunRequest(catalog=Path("articles.csv"), interactions=Path("transactions.csv")).model_dump_json())
    return folder


def finish(home: Path, token: str, diagnosis: Diagnosis) -> None:
    """Write a finished run with this result."""
    folder = _begin(home, token)
    folder.write_text("diagnosis.json", diagnosis.model_dump_json())
    (folder.path / "rejected").mkdir(exist_ok=True)
    (folder.path / "rejected" / "transactions.csv").write_text("tenbin_row,tenbin_reason\n7,unknown_item\n")
    folder.end("finished", 0)
