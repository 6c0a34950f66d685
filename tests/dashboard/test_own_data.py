"""A person's own data on the Data page: questions, sheets, databases, events, a mapping saved and brought back, Cancel."""

from __future__ import annotations

import sqlite3
import threading
import tomllib
from pathlib import Path

import pytest
import xlsxwriter
from streamlit.testing.v1 import AppTest

from diagnostics.dashboard.inbox import write_choices
from diagnostics.dashboard.pages import data
from diagnostics.dashboard.reading import Job
from diagnostics.dashboard.widgets import plain
from diagnostics.dataset import read, read_mapping
from diagnostics.dataset.mapping import ROLES
from diagnostics.errors import Cancelled
from diagnostics.messages import LANGUAGES, text
from tests.dashboard.states import runs
from tests.dashboard.test_pages import _open, _read, _words

__all__ = ["runs"]  # a fixture

ITEMS = [(f"{index:05d}", f"Cup {index}", f"A round cup of clay number {index}", index % 7 + 3) for index in range(40)]
LOG = [
    (f"u{user}", f"{(user * 7 + step * 3) % 40:05d}", f"2024-0{step % 6 + 1}-1{user % 9}", ("view", "purchase")[step % 2])
    for user in range(30)
    for step in range(12)
]


def _csv(path: Path, head: str, rows: list[tuple[object, ...]]) -> Path:
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def goods(tmp_path: Path) -> Path:
    return _csv(tmp_path / "goods.csv", "item_id,title,description,price", list(ITEMS))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return _csv(tmp_path / "log.csv", "user_id,item_id,timestamp,event_type", list(LOG))


def _choose(lang: str, catalog: object, interactions: object) -> AppTest:
    app = _open("data", lang)
    app.text_input(key="path-catalog").set_value(str(catalog))
    app.text_input(key="path-interactions").set_value(str(interactions))
    return _read(app)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_two_customers_ids_are_a_question_with_samples_and_nothing_is_read_before_the_answer(
    lang: str, runs: Path, goods: Path, tmp_path: Path
) -> None:
    rows = [(row[0], f"b{number * 7 % 31}", *row[1:3]) for number, row in enumerate(LOG)]
    app = _choose(lang, goods, _csv(tmp_path / "log.csv", "user_id,customer_id,item_id,timestamp", rows))
    assert plain(text("dashboard.data.questions", lang)) in _words(app)
    assert plain(text("dashboard.data.was_read", lang)) not in _words(app)
    question = app.radio[0]
    assert question.value is None and len(question.options) == 2
    question.set_value("customer_id")
    assert plain(text("dashboard.data.was_read", lang)) in _words(_read(app))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_workbook_with_two_tables_asks_which(lang: str, runs: Path, log: Path, tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "goods.xlsx") as book:
        for name in ("商品", "old"):
            sheet = book.add_worksheet(name)
            for number, row in enumerate([("item_id", "title", "description", "price"), *ITEMS]):
                sheet.write_row(number, 0, row)
    app = _choose(lang, tmp_path / "goods.xlsx", log)
    box = next(box for box in app.selectbox if str(box.key).startswith("sheet-"))
    assert box.options == ["商品", "old"] and box.value is None
    box.set_value("商品")
    assert plain(text("dashboard.data.was_read", lang)) in _words(_read(app))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_table_of_a_database_is_read(lang: str, runs: Path, goods: Path, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("create table orders (user_id text, item_id text, timestamp text)")
        database.executemany("insert into orders values (?, ?, ?)", [row[:3] for row in LOG])
    app = _choose(lang, goods, f"sqlite://{tmp_path / 'shop.db'}?table=orders")
    assert plain(text("dashboard.data.was_read", lang)) in _words(app) and not app.error


def test_what_an_event_counts_is_said_and_can_be_changed(runs: Path, goods: Path, log: Path) -> None:
    app = _choose("en", goods, log)
    view = app.number_input(key="events-view")
    assert view.label == plain(text("dashboard.data.event", "en", event="view")) and 0 < view.value < 1
    view.set_value(1.0)
    app = _read(app)
    assert app.number_input(key="events-view").value == 1.0 and plain("view 1,") in _words(app)


def test_a_saved_mapping_reads_the_same_data_the_same_way(goods: Path, log: Path, tmp_path: Path) -> None:
    first = read(goods, log, mapping={"catalog": {"title": ["description"]}, "events": {"view": 0.5}})
    saved = tmp_path / "mapping.toml"
    saved.write_bytes(data._mapping_text(first, {"catalog": {}, "interactions": {}}))
    assert tomllib.loads(saved.read_text(encoding="utf-8"))["events"]["view"] == 0.5
    again = read(goods, log, mapping=saved)
    assert again.fingerprint == first.fingerprint
    assert read_mapping(write_choices({"events": {"view": 0.5}})).events == {"view": 0.5}
    assert set(ROLES) == {"catalog", "interactions"}


def test_a_job_stops_at_its_next_step_when_it_is_cancelled() -> None:
    begun, go = threading.Event(), threading.Event()

    def work(progress, cancelled):
        progress("read_catalog", 0.5)
        begun.set()
        go.wait(10)
        progress("read_catalog", 1.0)
        return "never"

    job = Job("key", work)
    begun.wait(10)
    assert (job.step, job.done) == ("read_catalog", 0.5) and not job.wait(0.0)
    job.cancel()
    go.set()
    assert job.wait(10) and isinstance(job.error, Cancelled) and job.result is None
