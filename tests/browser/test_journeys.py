"""A few journeys in a real browser: what a person sees, and that nothing leaves the computer."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from diagnostics.messages import LANGUAGES, text
from diagnostics.report import write_report
from diagnostics.runs import RunFolder
from sample_data import _version, write_shop
from tests.dashboard.states import FINISHED, RUNNING, fill, finish
from tests.report.example import HOSTILE, example

pytestmark = pytest.mark.browser

SLOW_MS = 90_000


class Visit:
    """A page that notes every dialog, every error and every request that goes elsewhere."""

    def __init__(self, browser: Any, home: str) -> None:
        self.page = browser.new_page(viewport={"width": 1440, "height": 2400}, locale="en-GB")
        self.page.set_default_timeout(SLOW_MS)
        self.trouble: list[str] = []
        self.page.on("dialog", lambda dialog: (self.trouble.append(f"dialog {dialog.message}"), dialog.dismiss()))
        self.page.on("pageerror", lambda error: self.trouble.append(f"error {error}"))
        self.page.on("request", lambda request: self._note(request.url, home))

    def _note(self, url: str, home: str) -> None:
        if not url.startswith((home, home.replace("http", "ws"), "data:", "blob:", "file:", "about:")):
            self.trouble.append(f"request {url}")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_from_verdict_to_report(lang: str, chromium: Any, server: tuple[str, Path]) -> None:
    address, home = server
    fill(home)
    visit = Visit(chromium, address)
    visit.page.goto(f"{address}/?run={FINISHED}&lang={lang}")
    visit.page.get_by_text(example().verdict.sentence[lang]).first.wait_for()
    for name in ("data", "modalities", "probe", "report"):
        visit.page.get_by_test_id("stSidebarNav").get_by_text(text(f"dashboard.nav.{name}", lang), exact=True).click()
        visit.page.get_by_role("heading", name=text(f"dashboard.{name}.title", lang)).wait_for()
        assert f"run={FINISHED}" in visit.page.url and f"lang={lang}" in visit.page.url
    preview = visit.page.frame_locator("iframe")
    preview.get_by_text(example().verdict.sentence[lang]).first.wait_for()
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="HTML").click()
    assert download.value.suggested_filename == f"report.{lang}.html"
    assert visit.trouble == []


def test_a_person_switches_the_language(chromium: Any, server: tuple[str, Path]) -> None:
    address, home = server
    fill(home)
    visit = Visit(chromium, address)
    visit.page.goto(f"{address}/?run={FINISHED}")
    visit.page.get_by_text(example().verdict.sentence["en"]).first.wait_for()
    visit.page.get_by_role("radio", name="日本語").or_(visit.page.get_by_role("button", name="日本語")).first.click()
    visit.page.get_by_text(example().verdict.sentence["ja"]).first.wait_for()
    visit.page.reload()
    visit.page.get_by_text(example().verdict.sentence["ja"]).first.wait_for()
    assert "lang=ja" in visit.page.url and visit.trouble == []


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_names_do_nothing(kind: str, chromium: Any, server: tuple[str, Path]) -> None:
    address, home = server
    hostile = HOSTILE[kind]
    token = "e" * 15 + str(list(HOSTILE).index(kind))
    finish(home, token, example(name=hostile, item=hostile))
    visit = Visit(chromium, address)
    for page in ("modalities", "data"):
        visit.page.goto(f"{address}/{page}?run={token}&lang=en")
        visit.page.get_by_role("heading", name=text(f"dashboard.{page}.title", "en")).wait_for()
        assert visit.page.locator("a[href^='javascript']").count() == 0
        assert visit.page.locator("main script, .stMarkdown img, .katex").count() == 0
    assert visit.trouble == []


def test_cancel_cancels(chromium: Any, server: tuple[str, Path]) -> None:
    address, home = server
    fill(home)
    visit = Visit(chromium, address)
    visit.page.goto(f"{address}/probe?run={RUNNING}&lang=en")
    visit.page.get_by_role("button", name=text("dashboard.live.cancel", "en")).click()
    visit.page.get_by_text(text("dashboard.live.cancelling", "en")).wait_for()
    assert RunFolder(home / "runs" / RUNNING).cancel_asked and visit.trouble == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_report_works_alone_and_offline(lang: str, chromium: Any, tmp_path: Path) -> None:
    (path,) = write_report(example(name=HOSTILE["script"], item=HOSTILE["attribute"]), tmp_path, ("html",), lang)
    visit = Visit(chromium, path.as_uri())
    visit.page.goto(path.as_uri())
    visit.page.get_by_text(example().verdict.sentence[lang]).first.wait_for()
    wide = visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0 and visit.trouble == []


def _points(page: Any) -> int:
    """How many points all curves on the page have together."""
    counted = "[...document.querySelectorAll('.js-plotly-plot')].flatMap(p => p.calcdata || []).reduce((n, t) => n + t.length, 0)"
    return int(page.evaluate(counted))


def _wait(page: Any, condition: Any, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, page.inner_text("body")
        page.wait_for_timeout(200)


def _go(page: Any, name: str) -> None:
    """Another page of the run, by its link; a click that falls into a rerun of the page before can be lost, and is made again."""
    for _ in range(4):
        page.get_by_test_id("stSidebarNav").get_by_text(text(f"dashboard.nav.{name}", "en"), exact=True).click()
        for _ in range(50):
            if f"/{name}?" in page.url and "run=" in page.url:
                return
            page.wait_for_timeout(200)
        print(f"the click on {name} was lost at {page.url}")
    raise AssertionError(page.url)


def test_a_run_is_watched_reloaded_cancelled_resumed_and_finished(chromium: Any, server: tuple[str, Path]) -> None:
    address, home = server
    write_shop(home / "sample" / f"en-{_version()}", shop="en", n_users=240, n_items=100)  # the sample, but smaller
    visit = Visit(chromium, address)
    page = visit.page
    page.goto(f"{address}/?lang=en")
    page.get_by_role("button", name=text("dashboard.overview.try", "en")).first.click()
    page.wait_for_url("**run=*")
    token = page.url.partition("run=")[2][:16]
    run = RunFolder(home / "runs" / token)
    _go(page, "probe")  # the page before has a chart too
    _wait(page, lambda: _points(page) > 0)
    first = _points(page)
    process = (run.path / "pid.json").read_bytes()
    page.reload()
    _wait(page, lambda: _points(page) > first)
    assert token in page.url and (run.path / "pid.json").read_bytes() == process
    page.get_by_text(text("dashboard.live.provisional", "en")).wait_for()

    page.get_by_role("button", name=text("dashboard.live.cancel", "en")).click()
    _wait(page, lambda: run.status() == "cancelled", 10)
    page.get_by_text("You cancelled this run.").wait_for()
    kept = {path.name: path.stat().st_mtime_ns for path in (run.path / "run" / "results").iterdir()}
    page.get_by_role("button", name=text("dashboard.ended.resume", "en")).click()
    _wait(page, lambda: run.status() == "finished", 400)
    page.get_by_text(text("dashboard.probe.again", "en"), exact=True).wait_for()
    results = {path.name: path.stat().st_mtime_ns for path in (run.path / "run" / "results").iterdir()}
    assert kept and kept.items() <= results.items()  # nothing that was finished was trained again
    assert visit.trouble == []
