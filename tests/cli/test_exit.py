"""How the command line ends: its status, one message, code first, in the language asked for, and never a trace."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import diagnostics
from diagnostics.__main__ import main
from diagnostics.messages import text
from diagnostics.runs import RunFolder
from diagnostics.runs.disk import whole_lines

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["diagnose"], "E_USAGE"),
        (["no such command"], "E_USAGE"),
        (["runs"], "E_USAGE"),
        (["diagnose", "--preset", "huge"], "E_USAGE"),
        (["diagnose", "--seeds", "0"], "E_USAGE"),
        (["diagnose", "--catalog", "x", "--interactions", "y", "--out", "OUT"], "E_FILE_MISSING"),
        (["diagnose", "--catalog", "x", "--interactions", "y", "--out", "OUT", "--features", "style"], "E_FEATURES_OPTION"),
        (["diagnose", "--catalog", "x", "--interactions", "y", "--out", "OUT", "--report", "doc"], "E_UNKNOWN_CHOICE"),
        (["profile", "--catalog", "x", "--interactions", "y", "--out", "OUT", "--format", "exotic"], "E_UNKNOWN_CHOICE"),
        (["diagnose", "--interactions", "y", "--out", "OUT", "--cluster", "spark://host:1"], "E_CLUSTER_ADDRESS"),
        (["train", "--interactions", "y", "--out", "OUT", "--backbone", "vbpr", "--backbone", "bm3"], "E_ONE_ARM"),
        (["report", "OUT"], "E_NO_DIAGNOSIS"),
        (["runs", "show", "../.."], "E_NO_SUCH_RUN"),
        (["runs", "cancel", "0123456789abcdef"], "E_NO_SUCH_RUN"),
        (["runs", "resume", "0123456789abcdef"], "E_NO_SUCH_RUN"),
    ],
)
@pytest.mark.parametrize("lang", ["en", "ja"])
def test_a_request_that_cannot_be_used_ends_with_2(arguments, code, lang, tmp_path, capsys):
    arguments = [str(tmp_path / "out") if argument == "OUT" else argument for argument in arguments]
    assert main([*arguments, "--lang", lang]) == 2
    said = capsys.readouterr()
    last = [line for line in said.err.splitlines() if line.startswith("E_")]
    assert len(last) == 1
    assert last[0].startswith(f"{code}: ")
    assert "Traceback" not in said.err + said.out
    assert (lang == "ja") == any("\u3041" <= letter <= "\u30ff" for letter in last[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ["diagnose"],
        ["diagnos"],
        ["diagnose", "--preset", "huge"],
        ["diagnose", "--seeds", "0"],
        ["diagnose", "--imagez", "x"],
        ["sample", "x", "--shop", "fr"],
        ["sample", "x", "--users", "many"],
    ],
)
def test_the_parsers_english_does_not_reach_a_japanese_reader(arguments, capsys):
    assert main([*arguments, "--lang", "ja"]) == 2
    said = capsys.readouterr().err
    for word in ("Invalid", "Missing", "No such", "Value error", "Input should", "Did you mean"):
        assert word not in said


def test_choices_and_the_nearest_option_are_named(capsys):
    main(["diagnose", "--preset", "huge"])
    assert "quick, standard, thorough" in capsys.readouterr().err
    main(["diagnose", "--imagez", "x"])
    assert "--images?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["diagnose", "--seeds", "0"], "--seeds takes a whole number, 1 or more"),
        (["diagnose", "--seed", "x"], "--seed takes a whole number, 0 or more"),
        (["train", "--learning-rate", "-1"], "--learning-rate takes a number, 0 or more"),
    ],
)
def test_what_an_option_takes_is_said(options, said, capsys):
    assert main([*options, "--interactions", "y", "--out", "x"]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--backbone", "--balancer"])
def test_an_unknown_model_is_refused_before_any_reading(option, tmp_path, capsys):
    assert main(["diagnose", "--catalog", "x", "--interactions", "y", "--out", str(tmp_path), option, "nope"]) == 2
    assert f"nope is not a known {option}" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"{}", b"\xff\xfe", b'{"version": "0.0.0"'])
def test_a_damaged_or_old_diagnosis_is_no_fault_of_ours(content, tmp_path, capsys):
    (tmp_path / "diagnosis.json").write_bytes(content)
    assert main(["report", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("E_BAD_DIAGNOSIS: ")


def test_a_folder_that_cannot_be_written_into_is_refused(inputs, tmp_path, capsys):
    (tmp_path / "file").write_text("not a folder")
    assert main(["profile", *inputs, "--out", str(tmp_path / "file" / "out")]) == 2
    assert capsys.readouterr().err.startswith("E_OUT_NOT_WRITABLE: ")


def test_a_folder_where_another_process_works_is_left_alone(inputs, tmp_path, capsys):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folder = RunFolder(tmp_path)
    folder.begin("{}")
    folder.claim(other.pid)
    try:
        assert main(["profile", *inputs, "--out", str(tmp_path)]) == 2
    finally:
        other.kill()
        other.wait()
    assert capsys.readouterr().err.startswith("E_RUN_BUSY: ")
    assert main(["profile", *inputs, "--out", str(tmp_path)]) == 0


def test_a_fault_of_ours_ends_with_1_and_its_trace_is_in_the_log_only(inputs, tmp_path, capsys, monkeypatch):
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a secret value")

    monkeypatch.setattr(diagnostics, "profile", broken)
    assert main(["profile", *inputs, "--out", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "E_INTERNAL: " in said.err
    assert "Traceback" not in said.err + said.out
    assert "a secret value" not in said.err + said.out
    assert "ZeroDivisionError" in (tmp_path / "log.txt").read_text(encoding="utf-8")
    outcome = RunFolder(tmp_path).outcome() or {}
    assert (outcome["status"], outcome["exit_code"], outcome["code"]) == ("failed", 1, "E_INTERNAL")


@pytest.mark.parametrize(
    ("refused", "code"), [(errno.ENOSPC, "E_DISK_FULL"), (errno.EIO, "E_DISK_ERROR"), (errno.EACCES, "E_OUT_NOT_WRITABLE")]
)
def test_what_the_disk_refuses_ends_with_2_and_its_code(refused, code, inputs, tmp_path, capsys, monkeypatch):
    def write(folder: RunFolder, name: str, text: str) -> None:
        raise OSError(refused, os.strerror(refused), name)

    monkeypatch.setattr(RunFolder, "write_text", write)
    assert main(["profile", *inputs, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith(f"{code}: ") and "Traceback" not in said
    assert (RunFolder(tmp_path).outcome() or {})["code"] == code


def test_a_disk_that_takes_nothing_at_all_still_ends_with_its_code(inputs, tmp_path, capsys, monkeypatch):
    def end(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(RunFolder, "end", end)
    assert main(["profile", *inputs, "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith("E_DISK_FULL: ")


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_command_explains_itself(lang, capsys):
    for command in (
        "",
        "diagnose",
        "profile",
        "train",
        "report",
        "sample",
        "runs",
        "runs list",
        "runs show",
        "runs resume",
        "runs cancel",
    ):
        assert main(
            [*command.split(), "--help", f"--lang={lang}"] if not command else [*command.split(), "--lang", lang, "--help"]
        ) in (0, 2)
    assert main(["diagnose", "--help", "--lang", lang]) == 0
    shown = capsys.readouterr().out
    assert ("商品の表" in shown) == (lang == "ja")
    assert "--json-progress" in shown


def test_profile_train_and_report(inputs, diagnosed, tmp_path, capsys):
    assert main(["profile", *inputs, "--out", str(tmp_path / "profile")]) == 0
    profile = RunFolder(tmp_path / "profile").profile()
    assert profile is not None
    assert [modality.name for modality in profile.modalities] == ["text", "attributes"]
    said = capsys.readouterr().out
    assert "Text: Coverage" in said and "profile.json" in said
    assert main(["profile", *inputs, "--out", str(tmp_path / "profile"), "--lang", "ja"]) == 0
    assert "テキスト：そろい具合" in capsys.readouterr().out

    options = [
        "--modalities",
        "text,attributes",
        "--epochs",
        "3",
        "--batch-size",
        "64",
        "--learning-rate",
        "0.005",
        "--balancer",
        "ckd",
    ]
    assert main(["train", *inputs, "--out", str(tmp_path / "train"), *options]) == 0
    run = json.loads((tmp_path / "train" / "run.json").read_bytes())
    assert run["arm"] == "vbpr:text+attributes:ckd"
    assert run["seed"] == 0  # as given
    assert [epoch["epoch"] for epoch in run["epochs"]] == [1, 2, 3]
    assert run["seconds_per_epoch"] > 0 and run["convergence"] in ("rising", "early_stopped", "converged")
    assert 0 <= run["test"]["recall_at_20"]["value"] <= 1
    assert (run["plan"]["batch_size"], run["plan"]["learning_rate"]) == (64, 0.005)
    assert main(["train", *inputs, "--out", str(tmp_path / "train"), "--modalities", "txt"]) == 2
    assert "text" in capsys.readouterr().err.splitlines()[-1]

    assert main(["report", str(diagnosed("one")), "--format", "html", "--lang", "ja"]) == 0
    assert (diagnosed("one") / "report.ja.html").stat().st_size > 1000


@pytest.mark.parametrize("command", ["diagnose", "profile", "train"])
def test_what_cannot_be_read_takes_no_earlier_result_away(command, diagnosed, tmp_path, capsys):
    shutil.copytree(diagnosed("one"), tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    before = {
        name: (folder.path / name).read_bytes() for name in ("diagnosis.json", "profile.json", "request.json", "outcome.json")
    }
    arguments = ["--catalog", "mistyped.csv", "--interactions", "mistyped.csv", "--out", str(folder.path)]
    for killed in (False, True):
        if killed:  # another attempt, that ended without a word
            folder.begin("{}")
            assert folder.status() == "queued"
        assert main([command, *arguments]) == 2
        assert {name: (folder.path / name).read_bytes() for name in before} == before
        assert folder.status() == "finished" and not list(folder.path.glob("earlier.*"))


@pytest.mark.parametrize("command", ["profile", "train"])
def test_no_verdict_stays_beside_another_commands_results(command, diagnosed, inputs, tmp_path):
    shutil.copytree(diagnosed("one"), tmp_path / "run")
    assert main([command, *inputs, "--out", str(tmp_path / "run"), *(["--epochs", "1"] if command == "train" else [])]) == 0
    assert not (tmp_path / "run" / "diagnosis.json").exists() and not list((tmp_path / "run").glob("earlier.*"))
    assert (tmp_path / "run" / "profile.json").exists() == (command == "profile")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--modalities", "text", "--balancer", "ckd"], "one_modality"),
        (["--modalities", " text , text", "--balancer", "auto"], "one_modality"),
        (["--modalities", "", "--balancer", "ogm_ge"], "history_only"),
        (["--backbone", "bm3", "--balancer", "ckd"], "content_not_in_score"),
        (["--backbone", "lightgcn", "--balancer", "ckd"], "history_only"),
    ],
)
def test_a_method_that_means_nothing_on_what_is_chosen_is_refused_with_its_reason(options, reason, inputs, tmp_path, capsys):
    assert main(["train", *inputs, "--out", str(tmp_path), *options]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("E_METHOD_REFUSED: ") and text(f"not_checked_reason.{reason}", "en") in said


@pytest.mark.parametrize("command", ["train", "diagnose"])
def test_auto_alone_is_an_answer(command, inputs, tmp_path):
    options = ["--epochs", "2"] if command == "train" else ["--seeds", "1"]
    assert main([command, *inputs, "--out", str(tmp_path), "--balancer", "auto", *options]) == 0


def _start(inputs: list[str], out: Path, *more: str, first: str) -> subprocess.Popen[str]:
    """A diagnosis in a process of its own, which runs the line of Python ``first`` before."""
    command = [sys.executable, "-c", f"{first}; from diagnostics.__main__ import main; raise SystemExit(main())"]
    command += ["diagnose", *inputs, "--out", str(out), "--json-progress", *more]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8")


def _until(condition, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("by", [signal.SIGINT, None])  # SIGTERM has the same handler
@pytest.mark.parametrize(
    ("first", "diagnosed"),
    [
        ("import diagnostics.console as console; console._HARD_STOP_S = 300", True),  # however busy the computer is
        ("import diagnostics, time; diagnostics.diagnose = lambda *_: time.sleep(3600)", False),  # left behind
    ],
)
def test_cancel_ends_with_3_and_keeps_what_was_finished(by, first, diagnosed, inputs, tmp_path):
    work = _start(inputs, tmp_path, "--preset", "thorough", "--seeds", "10", first=first)
    results = tmp_path / "run" / "results"
    _until(lambda: results.is_dir() and any(results.glob("*.safetensors")))
    if by is None:
        RunFolder(tmp_path).cancel()
    else:
        os.kill(work.pid, by)
    out, err = work.communicate(timeout=600)  # an hour of trainings was left
    assert work.returncode == 3
    assert "Traceback" not in out + err + (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert RunFolder(tmp_path).status() == "cancelled"
    assert any(results.glob("*.safetensors"))
    diagnosis = RunFolder(tmp_path).diagnosis()
    if not diagnosed:
        assert diagnosis is None
        return
    said = [json.loads(line) for line in out.splitlines()]
    (announced,) = [line for line in said if line.get("message", "").startswith("cli.trainings")]
    refused = [(line["backbone"], len(line["balancers"])) for line in said if line.get("message") == "cli.left_out"]
    assert refused == [("bm3", 13), ("lightgcn", 13)]  # every method of the preset
    assert announced["message"] == "cli.trainings" and announced["count"] > 1000 and announced["left"] > 0
    lines = [line for line in said if "step" in line]
    assert {"read_catalog", "profile", "probe"} <= {line["step"] for line in lines}
    probe = [line["done"] for line in lines if line["step"] == "probe"]
    assert probe == sorted(probe)
    assert lines == [json.loads(line) for line in whole_lines(tmp_path / "progress.jsonl")]
    assert diagnosis is not None  # of what was finished, and it says what is missing
    (missing,) = [one for one in diagnosis.not_checked if one.code == "cancelled_arms"]
    assert 0 < missing.values["count"] <= missing.values["total"]
