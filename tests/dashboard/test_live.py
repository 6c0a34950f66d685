"""What the screen says of a run that waits, works, or was stopped before its end."""

from __future__ import annotations

from pathlib import Path

import pytest

from diagnostics.dashboard.widgets import plain
from diagnostics.messages import LANGUAGES, text
from diagnostics.runs import RunFolder
from tests.dashboard.states import FINISHED, RUNNING, runs
from tests.dashboard.test_pages import _open, _words

__all__ = ["runs"]  # a fixture


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("page", ["overview", "probe"])
def test_a_run_that_waits_says_its_place_and_can_be_cancelled(page: str, lang: str, runs: Path) -> None:
    folder = RunFolder(runs / "runs" / RUNNING)
    folder.wait_at(3)
    assert folder.status() == "queued"
    app = _open(page, lang, RUNNING)
    assert plain(text("dashboard.live.queue", lang, place=3)) in _words(app)
    assert plain(text("step.queue", lang)) in _words(app)
    assert any(button.label == text("dashboard.live.cancel", lang) for button in app.button)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_time_left_has_a_range_where_it_says_more(lang: str, runs: Path) -> None:
    folder = RunFolder(runs / "runs" / RUNNING)
    folder.report_step("probe", 0.5, eta_s=600.0, eta_range_s=[300.0, 1200.0], arm="vbpr:text+image:ckd", seed=1, epoch=4)
    said = {"en": "about 10 min left (5 min to 20 min)", "ja": "残り約10分（5分～20分）"}
    assert plain(said[lang]) in _words(_open("probe", lang, RUNNING))
    folder.report_step("probe", 0.5, eta_s=600.0, eta_range_s=[590.0, 610.0], arm="vbpr:text+image:ckd", seed=1, epoch=5)
    words = _words(_open("probe", lang, RUNNING))
    assert plain(said[lang]) not in words and plain(text("report.time_left", lang, left=600.0)) in words


def test_the_reading_so_far_is_marked_as_provisional_and_tells_with_from_without(runs: Path) -> None:
    events = runs / "runs" / RUNNING / "run" / "events"
    line = '{"kind": "epoch", "arm": "vbpr:text+image:%s", "seed": %d, "epoch": %d, "validation": %s, "branches": {"text": 0.1}}\n'
    (events / "job.jsonl").write_text("".join(line % one for one in (("ckd", 1, 1, 0.3), ("ckd", 1, 2, 0.2))))
    (events / "plain.jsonl").write_text("".join(line % one for one in (("none", 1, 1, 0.1), ("none", 2, 1, 0.2))))
    words = _words(_open("probe", "en", RUNNING))
    assert plain(text("dashboard.live.provisional", "en")) in words
    without = text("dashboard.live.so_far", "en", setting=text("chart.curves.plain", "en"), value=0.15, count=2)
    balanced = text("dashboard.live.so_far", "en", setting=text("balancer.ckd", "en"), value=0.3, count=1)
    assert plain(without) in words and plain(balanced) in words
    of_another_model = text("dashboard.live.so_far", "en", setting=text("balancer.ckd", "en"), value=0.4, count=1)
    (events / "freedom.jsonl").write_text((line % ("ckd", 1, 1, 0.4)).replace("vbpr", "freedom"))
    assert plain(of_another_model) not in _words(_open("probe", "en", RUNNING))


def test_of_a_model_without_curves_of_its_parts_what_it_reached_is_told(runs: Path) -> None:
    """BM3 ranks without content: its epochs have a validation, but no branches."""
    events = runs / "runs" / RUNNING / "run" / "events"
    for told in events.glob("*.jsonl"):
        told.unlink()
    line = '{"kind": "epoch", "arm": "vbpr:%s:none", "seed": 1, "epoch": 1, "validation": %s, "branches": {}}\n'
    (events / "job.jsonl").write_text(line % ("id", 0.2))
    waiting = plain(text("dashboard.live.wait_curves", "en"))
    assert waiting in _words(_open("probe", "en", RUNNING))  # of history alone nothing is told
    (events / "job.jsonl").write_text(line % ("id", 0.2) + line % ("text+image", 0.3))
    words = _words(_open("probe", "en", RUNNING))
    reached = text("dashboard.live.so_far", "en", setting=text("chart.curves.plain", "en"), value=0.3, count=1)
    assert plain(reached) in words and waiting not in words


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("page", ["overview", "probe"])
def test_a_cancelled_run_shows_what_it_had_and_the_way_on(page: str, lang: str, runs: Path) -> None:
    RunFolder(runs / "runs" / FINISHED).end("cancelled", 3)
    app = _open(page, lang, FINISHED)
    assert plain(text("dashboard.ended.cancelled_result", lang)) in _words(app)
    assert any(button.label == text("dashboard.ended.resume", lang) for button in app.button)
    RunFolder(runs / "runs" / FINISHED).end("finished", 0)
    assert not any(button.label == text("dashboard.ended.resume", lang) for button in _open(page, lang, FINISHED).button)
