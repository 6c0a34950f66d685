"""The benchmark from the command line: three tiny worlds, judged by processes, kept, resumed and cancelled."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from diagnostics.__main__ import main
from diagnostics.errors import Cancelled
from diagnostics.messages import LANGUAGES, catalog, text
from diagnostics.validation import ValidationRequest, benchmark
from diagnostics.validation.benchmark import validate
from diagnostics.validation.worlds import World

TINY = tuple(World(plant="none", size="tiny", seed=seed) for seed in (3, 5, 7))


@pytest.fixture(autouse=True)
def _tiny_worlds(monkeypatch):
    monkeypatch.setattr(benchmark, "worlds", lambda which, n: TINY[:n])


def test_worlds_are_judged_kept_and_summed_up_again(tmp_path, capsys):
    asked = ["validate", "--worlds", "3", "--long", "0", "--threads", "1", "--out", str(tmp_path), "--json-progress"]
    assert main(asked) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    steps = [line for line in lines if line.get("step") == "validate"]
    assert steps[-1]["done"] == 1.0 and any(line.get("eta_s") for line in steps)
    found = json.loads((tmp_path / "validation.json").read_text(encoding="utf-8"))
    assert (found["n_judged"], found["held_back"]["n"], found["set"]) == (3, 3, "development")
    judged = sorted((tmp_path / "judged").iterdir())
    before = [(path.stat().st_mtime_ns, path.read_bytes()) for path in judged]
    assert len(before) == 3 and main(asked) == 0
    assert [(path.stat().st_mtime_ns, path.read_bytes()) for path in judged] == before

    (tmp_path / "judged_by.txt").write_text("other rules", encoding="utf-8")
    trainings = {path: path.stat().st_mtime_ns for path in (tmp_path / "trainings").iterdir()}
    assert main(asked) == 0
    assert all(path.stat().st_mtime_ns > time for path, (time, _) in zip(judged, before, strict=True))
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "trainings").iterdir()} == trainings


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_share_is_said_and_so_is_what_our_code_failed_on(tmp_path, capsys, monkeypatch, lang):
    monkeypatch.setattr(benchmark, "_judge_all", lambda *_: None)  # as if every process had died
    assert main(["validate", "--worlds", "3", "--long", "0", "--out", str(tmp_path), "--lang", lang]) == 0
    found, said = json.loads((tmp_path / "validation.json").read_bytes()), "".join(capsys.readouterr().out.split())
    assert (found["n_asked"], found["n_judged"], found["held_back"]["value"]) == (3, 0, 0.0)
    words = {key: value for key, value in catalog(lang).items() if key.startswith("cli.validation.")}
    templates = {f"cli.validation.{name}" for name in ("share", "nothing", "crashed")}
    assert "cli.validation.real_cause_named" in words.keys() - templates
    expected = [text("cli.validation.crashed", lang, count=3), *(words[key] for key in words.keys() - templates)]
    assert all("".join(one.split()) in said for one in expected)


def test_a_cancelled_benchmark_keeps_what_was_finished_and_leaves_no_process(tmp_path):
    told = []
    with pytest.raises(Cancelled):
        validate(
            ValidationRequest(worlds=3, long=0, threads=1),
            tmp_path,
            tell=lambda done, eta_s: told.append(done),
            cancelled=lambda: bool(told),
        )
    assert [path.stem for path in (tmp_path / "judged").iterdir()] == [TINY[0].name]
    alive = subprocess.run(["ps", "-A", "-o", "ppid=,args="], capture_output=True, text=True, check=True).stdout.splitlines()
    assert not [line for line in alive if line.split()[0] == str(os.getpid()) and "validation.child" in line]
