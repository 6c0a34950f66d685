"""Hundreds of malformed files through the façade: an error that a person can act on, or rows set aside and counted; never more."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest

import diagnostics as tenbin
from diagnostics.errors import TenbinError
from diagnostics.messages import LANGUAGES, has
from tests.dataset.shops import write_shop
from tests.security.malformed import CASES, Case

ROOT = Path(__file__).resolve().parents[2]
OURS = {"E_INTERNAL", "E_READER_FAILED", "E_TOO_SLOW"}
"""What the application says when it is at a loss: no file of the suite may bring it there."""

ARGUMENTS = {"catalog": "catalog", "log": "interactions", "images": "images", "features": "features", "mapping": "mapping"}
BY_COMMAND = list({case.role: case for case in CASES if not case.outcomes & {"read", "aside"}}.values())
"""One file of each role that can only be refused, for the command line; starting it takes seconds."""


def inputs(case: Case, folder: Path) -> dict[str, Path]:
    """A sound shop with the malformed file in its place."""
    catalog, log = write_shop(folder)
    (folder / "in").mkdir()
    path = folder / "in" / case.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the zip library's, about names that are there twice on purpose
        case.make(path)
    handed = path if case.at is None else folder / "in" / case.at
    return {"catalog": catalog, "interactions": log, ARGUMENTS[case.role]: handed}


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 300
    assert len({case.family for case in CASES}) >= 20
    assert max(Counter(map(str, CASES)).values()) == 1


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_malformed_file_is_refused_in_words_or_set_aside_by_count(case: Case, tmp_path: Path) -> None:
    given = inputs(case, tmp_path)
    named = given[ARGUMENTS[case.role]].name
    features = {"style": given.pop("features")} if case.role == "features" else None
    before = sorted(tmp_path.rglob("*"))
    try:
        dataset = tenbin.read_dataset(**given, features=features)
    except TenbinError as error:
        outcome = error.code
        for lang in LANGUAGES:
            assert error.words(lang).startswith(f"{error.code}: ")
    else:
        for entry in dataset.notes.set_aside:
            assert entry.count > 0
            assert all(has(f"set_aside.{entry.reason}", lang) for lang in LANGUAGES), entry.reason
            assert entry.count <= len(dataset.rejected[entry.file])
        outcome = "aside" if any(entry.file == named for entry in dataset.notes.set_aside) else "read"
        assert dataset.log.n_rows > 0
    assert outcome not in OURS
    assert outcome in case.outcomes
    assert sorted(tmp_path.rglob("*")) == before  # nothing was written beside the shop's files


@pytest.mark.parametrize("case", BY_COMMAND, ids=str)
def test_the_command_line_says_the_same(case: Case, tmp_path: Path) -> None:
    given = inputs(case, tmp_path)
    if any(set(str(path)) & {"\0", "\udc80"} for path in given.values()):
        pytest.skip("no command line can carry such a name")
    options = [part for name, path in given.items() for part in (f"--{name}", f"style={path}" if name == "features" else str(path))]
    code = "import sys, json; from diagnostics.__main__ import main; sys.exit(main(json.loads(sys.argv[1])))"
    arguments = ["profile", *options, "--out", str(tmp_path / "out"), "--lang", "ja"]
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(arguments)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("E_")
    assert "Traceback" not in done.stderr
