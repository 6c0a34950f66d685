"""Lists hold every item, worst first, and no cell runs as a formula."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diagnostics.errors import Cancelled
from diagnostics.profile import profile
from diagnostics.profile.checks import Check, Worklist, above, below, per_count
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.vectors import check_vectors
from diagnostics.profile.worklists import COLUMNS, gap_worklists, write_worklists


def _rows(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_badness_is_a_half_at_the_limit_and_one_at_worst() -> None:
    assert above([6.0, 0.0, 1e9], 6.0).round(3).tolist() == [0.5, 0.0, 1.0]
    assert below([30.0, 0.0, 90.0], 30.0).tolist() == [0.5, 1.0, 0.0]
    assert per_count([0, 1, 3]).tolist() == [0.0, 0.5, 0.75]


def test_an_issue_has_a_score_a_flag_and_a_list_of_all(make_dataset: Callable, tmp_path: Path) -> None:
    titles = [f"=SUM(A{number})" if number == 3 else f"Lamp\nnumber {number}" for number in range(100)]
    dataset = make_dataset(100, [(0, 3), (1, 3), (2, 5)], titles=titles)
    check = Check(dataset.catalog, "text", value=lambda item: {3: "-1.5", 4: "＝1＋1"}.get(item, "@home " * 99))
    faulty = np.zeros(100, dtype=bool)
    faulty[:40] = True
    check.add_issue("markup_in_text", faulty, np.linspace(0.5, 0.9, 100))
    check.add_issue("broken_characters", faulty & (np.arange(100) == 7))
    check.add_issue("very_short_text", np.zeros(100, dtype=bool))
    first, second = check.issues
    assert (first.count, first.share, first.flagged) == (40, 0.4, True) and len(first.item_ids) == 20
    assert first.score == 1 - np.linspace(0.5, 0.9, 100)[:40].sum() / 100
    assert (second.flagged, second.score) == (True, 0.99)  # one broken text in a hundred is worth a look

    paths = write_worklists(tmp_path / "lists", dataset, check.worklists)
    assert [path.name for path in paths] == ["text-markup_in_text.csv", "text-broken_characters.csv"]
    header, *rows = _rows(paths[0])
    assert tuple(header) == COLUMNS and len(rows) == 40
    assert [row[0] for row in rows] == [str(rank) for rank in range(1, 41)]
    badness = [float(row[4]) for row in rows]
    assert badness == sorted(badness, reverse=True)
    three = next(row for row in rows if row[1] == dataset.catalog.item_ids[3])
    assert three[2] == "'=SUM(A3)" and three[3] == "2" and three[5] == "-1.5"
    assert next(row for row in rows if row[1] == dataset.catalog.item_ids[4])[5] == "'＝1＋1"
    assert rows[0][2] == "Lamp number 39" and rows[0][5].startswith("'@home") and len(rows[0][5]) <= 121


def test_gaps_are_listed_by_sales(make_dataset: Callable) -> None:
    dataset = make_dataset(6, [(0, 4), (1, 4), (2, 1)])
    check = Check(dataset.catalog, "image")
    check.disguised[[1, 2]] = True
    present = np.array([True, True, True, True, False, True])
    incomplete, disguised = gap_worklists(dataset, check, present)
    assert (incomplete.code, incomplete.items.tolist()) == ("modality_incomplete", [4, 1, 2])
    assert (disguised.code, disguised.items.tolist()) == ("disguised_missing", [1, 2])


def test_a_shop_without_faults_has_no_lists(make_dataset: Callable, tmp_path: Path) -> None:
    dataset = make_dataset(3, [(0, 0)])
    assert gap_worklists(dataset, Check(dataset.catalog, "x"), np.ones(3, dtype=bool)) == []
    assert write_worklists(tmp_path / "none", dataset, []) == ()


def test_lists_of_an_earlier_profile_do_not_stay_beside_the_new_ones(make_dataset: Callable, tmp_path: Path) -> None:
    """A repaired fault would go on standing in the folder; a file of the person's own is left alone."""
    dataset = make_dataset(3, [(0, 0)])
    own = tmp_path / "notes.csv"
    own.write_text("item_id,to do\n1,call the studio\n", encoding="utf-8")

    def listed(code: str) -> None:
        write_worklists(tmp_path, dataset, [Worklist("image", code, np.array([1]), np.ones(1), lambda item: "")])

    listed("dark_picture")
    listed("tiny_picture")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image-tiny_picture.csv", "notes.csv"]


def test_the_profile_writes_a_list_per_fault(make_dataset: Callable, make_block: Callable, tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(60, 8))
    values[:20] = np.nan
    values[20:32] = 0
    values[33] = 4.0
    dataset = make_dataset(60, [(user, (user * 7 + step) % 60) for user in range(40) for step in range(5)])
    found = profile(dataset, [make_block(values)], worklists=tmp_path)
    written = {path.stem: len(_rows(path)) - 1 for path in tmp_path.iterdir()}
    assert written == {"vec-zero_vector": 12, "vec-constant_vector": 1, "vec-modality_incomplete": 33, "vec-disguised_missing": 13}
    assert {issue.code: issue.flagged for issue in found.modalities[0].issues} == {"zero_vector": True, "constant_vector": True}
    with pytest.raises(Cancelled):
        profile(dataset, [make_block(values)], worklists=tmp_path / "stopped", cancelled=lambda: True)
    assert not (tmp_path / "stopped").exists()


def test_vectors_that_hardly_differ_are_named(make_dataset: Callable, make_block: Callable) -> None:
    dataset = make_dataset(50, [(0, 0)])
    values = 5 + np.arange(8) + 1e-4 * np.random.default_rng(0).normal(size=(50, 8))
    check = Check(dataset.catalog, "vec")
    check_vectors(check, make_block(values), Kinship(dataset))
    assert [(issue.code, issue.count) for issue in check.issues if issue.code != "mean_vector"] == [("near_constant_vectors", 50)]
