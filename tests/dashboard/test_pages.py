"""Each page, in each language, with each state of a run: it opens, asks its question, and shows what the run's folder holds."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from diagnostics.config import PRESETS, cores
from diagnostics.dashboard import state
from diagnostics.dashboard.widgets import plain
from diagnostics.dataset import in_cp932, read, to_csv_bytes
from diagnostics.messages import LANGUAGES, text, write
from diagnostics.report import build
from diagnostics.report.model import Paragraph, Points
from diagnostics.runs import RunFolder, RunRequest
from diagnostics.schema import ProbeEvent
from tests.dashboard.states import FAILED, FINISHED, OPEN, RUNNING, finish, runs
from tests.dataset.shops import write_shop
from tests.report.example import HOSTILE, example

ROOT = Path(__file__).parents[2]
__all__ = ["runs"]  # a fixture

PAGES = ("overview", "data", "modalities", "probe", "report")


def _open(page: str, lang: str, run: str | None = None) -> AppTest:
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    app.query_params["lang"] = lang
    if run is not None:
        app.query_params["run"] = run
    app._page_hash = calc_hash("" if page == "overview" else page)
    app.run()
    assert not app.exception, [entry.message for entry in app.exception]
    return app


def _read(app: AppTest) -> AppTest:
    """Run the page until nothing is being read any more, as its own timer does in a browser."""
    for _ in range(120):
        app.run()
        assert not app.exception, [entry.message for entry in app.exception]
        if not any(str(button.key).startswith("cancel-") for button in app.button):
            return app
    raise AssertionError("reading takes for ever")


def _words(app: AppTest) -> str:
    kinds = ("markdown", "header", "subheader", "caption", "error", "warning")
    return "\n".join(str(element.value) for kind in kinds for element in app.get(kind))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_lists_can_be_taken_in_cp932_with_the_characters_that_it_lacks(lang: str, runs: Path) -> None:
    folder = runs / "runs" / FINISHED / "worklists"
    folder.mkdir()
    frame = pd.DataFrame(
        {"rank": [1], "item_id": ["0001"], "title": ["髙島①😀"], "times_sold": [3], "badness": ["1.000"], "value": [""]}
    )
    (folder / "image-dark_picture.csv").write_bytes(to_csv_bytes(frame)[0])
    app = _open("modalities", lang, FINISHED)
    assert "😀" not in _words(app)
    (toggle,) = [entry for entry in app.toggle if entry.key == "cp932"]
    toggle.set_value(True).run()
    assert not app.exception and "😀 → 〓" in _words(app).replace("\\", "")
    data, replaced = in_cp932(folder / "image-dark_picture.csv")
    assert "髙島①〓" in data.decode("cp932") and replaced == {"😀": "〓"}


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("run", [None, FINISHED, OPEN, RUNNING, FAILED], ids=["none", "finished", "open", "running", "failed"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_opens_and_asks_its_question(page: str, run: str | None, lang: str, runs: Path) -> None:
    app = _open(page, lang, run)
    assert [header.value for header in app.header] == [plain(text(f"dashboard.{page}.title", lang))]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_verdict_stands_on_the_first_screen(lang: str, runs: Path) -> None:
    words = _words(_open("overview", lang, FINISHED))
    report = build(example(), lang)
    assert plain(report.headline.sentence) in words and plain(report.headline.confidence) in words
    assert plain("14.3%") in words
    blocks = report.section("limits").blocks
    reasons = [block.text for block in blocks if isinstance(block, Paragraph)]
    unchecked = [point.title for block in blocks if isinstance(block, Points) for point in block.items]
    assert len(unchecked) == len(example().not_checked) and len(reasons) == len(set(reasons)) > 0
    assert all(plain(told) in words for told in (*reasons, *unchecked))


def test_live_curves_and_time_left(runs: Path) -> None:
    app = _open("probe", "en", RUNNING)
    assert plain("about 2 min left") in _words(app) and plain("Text + Images") in _words(app)
    assert len(app.get("plotly_chart")) == 1
    assert len(_open("overview", "en", RUNNING).get("plotly_chart")) == 1


def test_the_report_of_a_run_under_way_is_to_come(runs: Path) -> None:
    app = _open("report", "en", RUNNING)
    said = _words(app)
    assert plain(text("dashboard.report.under_way", "en")) in said and plain(text("dashboard.report.empty", "en")) not in said


def test_cancel_asks_the_run_to_stop(runs: Path) -> None:
    app = _open("probe", "en", RUNNING)
    folder = RunFolder(runs / "runs" / RUNNING)
    assert not folder.cancel_asked
    next(button for button in app.button if button.label == text("dashboard.live.cancel", "en")).click().run()
    assert folder.cancel_asked


def test_a_failed_run_says_why_and_lets_go(runs: Path) -> None:
    app = _open("overview", "ja", FAILED)
    assert plain("商品の列がありません") in _words(app)
    next(button for button in app.button if button.label == text("dashboard.ended.leave", "ja")).click().run()
    assert "run" not in app.query_params and not app.exception


@pytest.mark.parametrize("token", ["f" * 16, "../../etc", "<script>alert(1)</script>"])
def test_a_token_that_names_no_run_is_an_error_in_words(token: str, runs: Path) -> None:
    assert "E\\_NO\\_SUCH\\_RUN" in _words(_open("overview", "en", token))


def test_the_language_is_kept_in_the_address(runs: Path) -> None:
    app = _open("overview", "en", FINISHED)
    app.get("button_group")[0].set_value("ja").run()
    assert app.query_params["lang"] in ("ja", ["ja"]) and app.query_params["run"] in (FINISHED, [FINISHED])
    assert app.header[0].value == plain(text("dashboard.overview.title", "ja"))


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_words_stay_words(page: str, kind: str, runs: Path) -> None:
    hostile = HOSTILE[kind]
    finish(runs, FINISHED, example(name=hostile, item=hostile))
    app = _open(page, "en", FINISHED)
    said = re.sub(r"\\.", "", _words(app))  # what a backslash has made harmless
    for meaning in ("<script", "<img", "**bold**", "[link](", "$x^2$", ":red[hot]", "`code`"):
        assert meaning not in said


def test_plain_takes_every_meaning_away() -> None:
    assert plain("a*b_c") == "a\\*b\\_c"
    assert plain(":smile:").replace("\u2060", "") == "\\:smile\\:" and ":s" not in plain(":smile:")
    assert "://" not in plain("http://evil.example") and "www\\.evil" not in plain("www.evil.example")
    assert plain("two\nlines") == "two lines"
    assert plain("価格は￥1,280です。") == "価格は￥1\\,280です。"


def test_own_files_are_read_and_columns_can_be_corrected(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    items = "\n".join(f"{index:05d},Cup {index},A round cup of clay number {index},{index % 7 + 3}.50" for index in range(40))
    (tmp_path / "shop" / "goods.csv").write_text(f"item_id,title,description,price\n{items}\n")
    rows = "\n".join(
        f"u{user},{(user * 7 + step * 3) % 40:05d},2024-0{step % 6 + 1}-1{user % 9}" for user in range(30) for step in range(12)
    )
    (tmp_path / "shop" / "log.csv").write_text(f"user_id,item_id,timestamp\n{rows}\nu1,99999,2024-01-01\n")
    app = _open("data", "en")
    app.text_input(key="path-catalog").set_value(str(tmp_path / "shop" / "goods.csv"))
    app.text_input(key="path-interactions").set_value(str(tmp_path / "shop" / "log.csv"))
    _read(app)
    said = _words(app)
    assert plain("40 products, 30 customers and") in said and plain("1 rows were set aside.") in said
    title = next(box for box in app.multiselect if "catalog-title" in str(box.key))
    assert title.value == ["title"]
    title.set_value(["description"])
    assert plain(text("dashboard.data.your_choice", "en")) in _words(_read(app))


def test_a_file_that_cannot_be_used_is_named(runs: Path, tmp_path: Path) -> None:
    app = _open("data", "ja")
    app.text_input(key="path-catalog").set_value(str(tmp_path / "nowhere.csv"))
    app.text_input(key="path-interactions").set_value(str(tmp_path / "nowhere too.csv"))
    assert plain("nowhere.csv") in _words(_read(app))


def _finish_with_pictures(home: Path, folder: Path, content: bytes) -> Path:
    """A finished run on a shop of its own, whose faulty picture belongs to item 0002."""
    folder.mkdir()
    catalog, log = write_shop(folder)
    (folder / "p").mkdir()
    (folder / "p" / "0002.png").write_bytes(content)
    notes = read(catalog, log, images=folder / "p").notes
    finish(home, FINISHED, example(item="0002").model_copy(update={"reading": notes}))
    request = RunRequest(catalog=catalog, interactions=log, images=folder / "p")
    (home / "runs" / FINISHED / "request.json").write_text(request.model_dump_json())
    return catalog


def test_faulty_pictures_are_shown_and_their_loss_is_no_error(runs: Path, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), "red").save(buffer, "PNG")
    catalog = _finish_with_pictures(runs, tmp_path / "shop", buffer.getvalue())
    app = _open("modalities", "ja", FINISHED)
    assert [entry.proto.imgs[0].caption for entry in app.get("image")] == ["0002"]
    assert plain(text("dashboard.modalities.pictures", "ja")) in _words(app)
    catalog.unlink()
    state._pictures.clear()
    assert not _open("modalities", "ja", FINISHED).get("image")


def test_a_picture_that_no_decoder_takes_is_left_out(runs: Path, tmp_path: Path) -> None:
    _finish_with_pictures(runs, tmp_path / "shop", b"\x89PNG\r\n\x1a\nnothing")
    assert not _open("modalities", "en", FINISHED).get("image")


def test_a_chart_stands_on_the_page_once(runs: Path) -> None:
    said = [str(element.value) for element in _open("modalities", "en", FINISHED).markdown]
    titles = [line for line in said if line == f"**{plain(text('chart.standalone.title', 'en'))}**"]
    assert len(titles) == 1


def test_a_running_run_is_not_asked_for_its_files_again(runs: Path) -> None:
    assert plain(text("dashboard.data.working", "ja")) in _words(_open("data", "ja", RUNNING))


def test_a_damaged_result_is_said_in_words(runs: Path) -> None:
    (runs / "runs" / FINISHED / "diagnosis.json").write_text("{}")
    app = _open("overview", "ja", FINISHED)
    assert "E\\_BAD\\_DIAGNOSIS" in _words(app)
    next(button for button in app.button if button.label == text("dashboard.ended.leave", "ja")).click().run()
    assert "run" not in app.query_params and not app.exception


def test_presets_say_how_long_they_take_here(runs: Path) -> None:
    folder = RunFolder(runs / "runs" / FINISHED)
    jobs = folder.path / "run" / "events"
    jobs.mkdir(parents=True)
    event = ProbeEvent(kind="epoch", arm="vbpr:text:none", seed=1, epoch=1, seconds=600.0 * cores())
    (jobs / "job.jsonl").write_text(event.model_dump_json() + "\n")
    options = _open("probe", "en", FINISHED).selectbox[0].options
    # quick: 5 repetitions of 1 model x 2 trainings, standard: 5 of 3 x 4 and 5 of 1 x 4, thorough: 10 of 9 x 14
    for option, share in zip(options, (1, 8, 126), strict=True):
        assert f"about {write(600.0 * share, 'duration', 'en')} on" in option


def test_slow_training_is_offered_with_what_it_takes_and_asked_for(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr("diagnostics.dashboard.state.start_run", asked.append)
    app = _open("probe", "en", FINISHED)
    start = text("dashboard.start.start", "en")
    assert next(button for button in app.button if button.label == start).disabled  # the same once more
    for wanted, slow in ((1, True), (2, False), (1, True)):
        app.selectbox[0].select_index(wanted).run()
        app.toggle[0].set_value(slow).run()
        assert app.selectbox[0].value == list(PRESETS)[wanted]
    assert "up to 600 passes" in app.selectbox[0].options[0]
    next(button for button in app.button if button.label == start).click().run()
    assert [(request.preset, request.slow_training) for request in asked] == [("standard", True)]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_readers_own_sample_shop_comes_first(lang: str, runs: Path) -> None:
    keys = [button.key for button in _open("overview", lang).button if str(button.key).startswith("try-")]
    assert keys[0] == f"try-{lang}"


def test_the_first_page_needs_no_heavy_library() -> None:
    """Neither the app nor any of its pages imports torch or sklearn when it opens."""
    code = (
        "import sys; import diagnostics.dashboard.pages.data, diagnostics.dashboard.pages.overview, "
        "diagnostics.dashboard.pages.modalities, diagnostics.dashboard.pages.probe, diagnostics.dashboard.pages.report; "
        "print(sorted({'torch', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
