"""The report: every number written once, the same for all writers, and nothing a shop wrote is ever more than text."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from diagnostics.errors import TenbinError
from diagnostics.messages import LANGUAGES
from diagnostics.report import WRITERS, build, write_report
from diagnostics.report.build import SECTIONS
from diagnostics.report.model import Facts, Figure, Folded, Table
from diagnostics.report.svg import draw
from diagnostics.report.words import Words
from diagnostics.schema import Diagnosis, Estimate, RateChoice
from tests.report.example import HOSTILE, example

VOID = {"meta", "br", "img", "input", "hr", "link"}
ALLOWED = set(
    re.findall(
        r"\w+",
        """html head meta title style body main header h1 h2 h3 p div span strong small nav ol ul li a section footer
        table thead tbody tr th td figure figcaption details summary svg path text line rect circle polygon polyline g""",
    )
)


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _html(diagnosis: Diagnosis, lang: str) -> str:
    return WRITERS["html"].write(build(diagnosis, lang)).decode()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("action", ["rebalance", "undetermined"])
def test_every_section_asks_answers_and_is_written(action: str, lang: str) -> None:
    report = build(example(action), lang)
    assert [section.key for section in report.sections] == list(SECTIONS)
    assert all(section.title.endswith("?" if lang == "en" else "？") and section.answer for section in report.sections)
    html = _html(example(action), lang)
    text = " ".join(Page(html).words)
    assert report.diagnosis.verdict.sentence[lang] in text
    assert not re.search(r"\{[a-z_]+(:[a-z_]+)?\}", re.sub(r"(?s)<style>.*?</style>", "", html)), "a placeholder was left open"


def test_a_number_is_written_the_same_everywhere() -> None:
    html = _html(example(), "en")
    assert "14.3%" in html and "13.9% to 14.7%" in html
    assert "+0.61 points" in html and "+0.40 to +0.82 points" in html
    assert "0.61 points" in _html(example("undetermined"), "en") and "−0.32 to +1.54 points" in _html(example("undetermined"), "en")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_file_is_whole_small_and_offline(lang: str) -> None:
    html = _html(example(), lang)
    page = Page(html)
    assert not page.open and len(html.encode()) < 3_000_000
    assert {tag for tag, _ in page.tags} <= ALLOWED
    addresses = [value for _, attrs in page.tags for name, value in attrs.items() if name in ("href", "src", "action", "srcset")]
    assert addresses and all(str(address).startswith("#") for address in addresses)
    assert "@import" not in html and "url(" not in html
    charts = [attrs for tag, attrs in page.tags if tag == "svg" and attrs.get("role") == "img"]
    assert len(charts) >= 6 and all(attrs["aria-label"] for attrs in charts)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_words_come_out_as_text(kind: str, lang: str) -> None:
    hostile = HOSTILE[kind]
    page = Page(_html(example(name=hostile, item=hostile), lang))
    assert {tag for tag, _ in page.tags} <= ALLOWED
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert hostile in " ".join(page.words)


def test_japanese_has_no_english_left() -> None:
    """Every latin word in the Japanese report is a name, a unit or a term that stays."""
    text = re.sub(r"(?s)<style>.*?</style>", "", _html(example(), "ja"))
    stays = {"Tenbin", "CKD", "VBPR", "Recall", "ID", "csv", "utf", "python", "numpy", "torch", "Strap", "top"}
    stays |= {"articles", "transactions", "article", "customer", "id", "CKA", "ROC"}
    stays |= {"Kind", "Socks", "Trousers", "price", "dat"}  # the shop's own words
    found = set(re.findall(r"[A-Za-z]{2,}", " ".join(Page(text).words))) - stays
    assert not found, found


def test_a_missing_number_is_a_dash_and_an_unknown_code_is_shown() -> None:
    words = Words("en")
    assert words.with_interval(Estimate(value=None)) == "–"
    assert words.with_interval(Estimate(value=0.25, n=3)) == "25.0%"
    assert words.coded("finding", "FROM_THE_FUTURE", "title") == "FROM_THE_FUTURE"
    assert words.coded("finding", "FROM_THE_FUTURE", "text") == ""


def test_a_diagnosis_without_training_can_be_reported() -> None:
    full = example("undetermined")
    bare = full.model_copy(
        update={
            "arms": (),
            "modalities": tuple(entry.model_copy(update={"curve": (), "contribution": None}) for entry in full.modalities),
            "balancing": full.balancing.model_copy(update={"results": (), "minimum_detectable_effect": None}),
        }
    )
    report = build(bare, "en")
    assert report.section("balancing").answer == "Balancing was not compared in this run."
    assert not [block for block in report.section("training").blocks if isinstance(block, Figure)]
    assert _html(bare, "en")


def test_writing_files(tmp_path: Path) -> None:
    paths = write_report(example(), tmp_path / "out", ("html", "json"), "ja")
    assert [path.name for path in paths] == ["report.ja.html", "diagnosis.json"]
    assert Diagnosis.model_validate_json(paths[1].read_bytes()) == example()
    assert json.loads(paths[1].read_bytes())["schema_version"] == "1"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["diagnosis.json", "report.ja.html"]


def test_an_unknown_format_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(TenbinError) as caught:
        write_report(example(), tmp_path / "out", ("html", "htm"))
    assert caught.value.code == "E_UNKNOWN_CHOICE" and caught.value.values["nearest"] == "html"
    assert not (tmp_path / "out").exists()


def test_tables_are_rectangular() -> None:
    def tables(blocks: tuple[object, ...]) -> list[Table]:
        inner = [table for block in blocks if isinstance(block, Folded) for table in tables(block.blocks)]
        return [block for block in blocks if isinstance(block, Table)] + inner

    for section in build(example(), "en").sections:
        for table in tables(section.blocks):
            assert {len(row) for row in table.rows} <= {len(table.columns)}
    with pytest.raises(ValueError, match="length"):
        Table((), ((), ("x",)))  # type: ignore[arg-type]


def test_a_long_description_does_not_push_the_other_columns_aside() -> None:
    role = example().reading.columns[0].model_copy(update={"samples": ("x" * 500, "short")})
    assert Words("en").samples(role) == f"{'x' * 23}…, short"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_views_are_not_called_purchases(lang: str) -> None:
    plain = example()
    read = plain.dataset.model_copy(update={"n_interactions": 10_500, "n_purchases": 512})
    report = build(plain.model_copy(update={"dataset": read}), lang)
    for said in (report.subtitle, report.section("data").answer):
        assert "10,500" in said and "512" in said
        assert not any(wrong in said for wrong in ("10,500 purchases", "購入 10,500件", "購入10,500件"))
    every = build(plain.model_copy(update={"dataset": read.model_copy(update={"n_purchases": 10_500})}), lang)
    assert every.subtitle.count("10,500") == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_protocol_says_of_slow_training_that_it_was(lang):
    usual, words = example(), Words(lang)
    slow = usual.model_copy(update={"protocol": usual.protocol.model_copy(update={"slow_training": True})})
    said = []
    for diagnosis in (usual, slow):
        card = next(block for block in build(diagnosis, lang).section("protocol").blocks if isinstance(block, Table))
        said.append(next(row[1].text for row in card.rows if row[0].text == words("report.protocol.preset")))
    assert said[0] == words.coded("report.preset", usual.protocol.preset)
    assert said[1] == words("report.protocol.slow_preset", preset=said[0]) != said[0]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_several_models_are_told_apart_each_with_its_learning_rate_and_a_sentence(lang: str) -> None:
    one = example()
    other = tuple(arm.model_copy(update={"backbone": "lightgcn_content", "arm_id": f"x{arm.arm_id}"}) for arm in one.arms)
    rates = tuple(
        RateChoice(backbone=name, learning_rate=rate, default=rate) for name, rate in (("vbpr", 0.002), ("lightgcn_content", 0.01))
    )
    far = Estimate(value=0.07, low=0.06, high=0.08, n=5, unit="difference")  # more than the model that is judged
    results = tuple(result.model_copy(update={"backbone": "lightgcn_content", "lift": far}) for result in one.balancing.results)
    both = one.model_copy(
        update={
            "arms": one.arms + other,
            "balancing": one.balancing.model_copy(update={"results": one.balancing.results + results}),
            "protocol": one.protocol.model_copy(update={"backbones": ("vbpr", "lightgcn_content"), "learning_rates": rates}),
        }
    )
    report, words = build(both, lang), Words(lang)
    card = next(block for block in report.section("protocol").blocks if isinstance(block, Table))
    told = next(row[1].text for row in card.rows if row[0].text == words("report.protocol.learning_rate"))
    assert told == words.series(["VBPR 0.002", f"{words.coded('backbone', 'lightgcn_content')} 0.01"])
    for key in ("training", "balancing"):
        chart = next(block.chart for block in report.section(key).blocks if isinstance(block, Figure))
        assert len({(row.group, row.label) for row in chart.rows}) == len(chart.rows)
        names = [words.coded("backbone", name) for name in both.protocol.backbones]
        assert [entry for entry in chart.entries if isinstance(entry, str)] == names
        assert all(name in chart.alt and f">{name}</text>" in draw(chart, lang) for name in names)
    judged = max(one.balancing.results, key=lambda result: result.lift.value or 0.0)
    (facts,) = (block for block in report.section("overview").blocks if isinstance(block, Facts))
    assert words.value(judged.lift, "points") in [fact.value for fact in facts.items]
    assert words.with_interval(judged.lift, "points") in report.section("balancing").answer
    html = _html(both, lang)
    assert words("explained.backbone.lightgcn_content") in html and words("explained.balancer.ckd") in html
