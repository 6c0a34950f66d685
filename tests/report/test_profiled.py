"""What the data say before training: the matrix, the gaps, the parts, and the lines for a terminal."""

from __future__ import annotations

import re

import pytest

from diagnostics.messages import LANGUAGES
from diagnostics.report.build import build
from diagnostics.report.coverage import absence_points, coverage_blocks, month_chart, segment_table
from diagnostics.report.evidence import coverage_chart
from diagnostics.report.model import Block, Facts, Figure, Folded, Paragraph, Points, Table
from diagnostics.report.profiled import (
    finding_points,
    profile_answer,
    profile_matrix,
    profile_themes,
    strongest_alone,
    summary_lines,
)
from diagnostics.report.quality import health_table, issue_table, language_points
from diagnostics.report.reading import reading_points
from diagnostics.report.strength import overlap_table, said_elsewhere, strength_blocks
from diagnostics.report.words import Words
from diagnostics.schema import Absence, Coverage, DescriptionGaps, Estimate, Profile, ReadingNotes, Sampled, SegmentCoverage
from tests.report.example import HOSTILE, example

PROFILE = example().profile


def _bare(profile: Profile) -> Profile:
    """The same shop with only coverage and own strength measured, as where a log is too short for the rest."""
    empty = {"segments": (), "absence": None, "homophily": None, "new_item_ceiling": None, "languages": {}, "health": None}
    stripped = tuple(entry.model_copy(update={**empty, "issues": (), "standalone_collapsed": None}) for entry in profile.modalities)
    nothing = {"tables": None, "redundancy": (), "shared_information": (), "patterns": (), "findings": ()}
    return profile.model_copy(update={"modalities": stripped, **nothing})


def test_the_matrix_has_a_number_a_bar_and_a_word_in_each_cell() -> None:
    rows = {row[0].text: row[1:] for row in profile_matrix(PROFILE, Words("en")).rows}
    assert [cell.text for cell in rows["Text"]] == ["99.6%", "100%", "13.1%", "42.0%"]
    assert [cell.text for cell in rows["Images"]] == ["94.5%", "97.9%", "6.2%", "7.0%"]
    assert rows["Attributes"][3].note == "Mostly said by Text too · 63.0% to 65.0%" and rows["Attributes"][3].bar == 0.64
    assert rows["Images"][3].note.startswith("Says things of its own")
    assert rows["Text"][2].note == "Clearly above chance; 9.4% with variants as one · 12.7% to 13.5%"
    assert all(cell.bar is not None and cell.note for row in rows.values() for cell in row)


def test_overlap_that_was_not_measured_is_said_so() -> None:
    cells = [row[4] for row in profile_matrix(_bare(PROFILE), Words("en")).rows]
    assert {(cell.text, cell.bar, cell.note) for cell in cells} == {("–", None, "Not measured")}
    alone = PROFILE.model_copy(update={"modalities": PROFILE.modalities[:1]})
    assert profile_matrix(alone, Words("en")).rows[0][4].note == "The only kind there is"


def test_what_no_product_has_is_not_called_free_of_faults() -> None:
    nothing = PROFILE.modalities[0].model_copy(update={"coverage": Coverage(items=0.0, interactions=0.0), "issues": ()})
    (row,) = profile_matrix(PROFILE.model_copy(update={"modalities": (nothing,)}), Words("en")).rows
    assert (row[1].text, row[2].text, row[2].note) == ("0%", "–", "Not measured")


def test_the_best_teller_of_a_kind_is_found_in_either_order_of_the_pair() -> None:
    found = {name: said_elsewhere(PROFILE, name) for name in ("text", "image", "attributes")}
    assert {name: (best[0], best[1].value) for name, best in found.items() if best} == {
        "text": ("attributes", 0.42),
        "image": ("text", 0.07),
        "attributes": ("text", 0.64),
    }


def test_segments_run_from_best_sellers_down_and_categories_from_the_largest_gap() -> None:
    popularity = segment_table(PROFILE, "popularity", Words("en"))
    assert [row[1].text for row in popularity.rows] == ["410", "1,900", "7,333", "211"]
    categories = segment_table(PROFILE, "category", Words("en"))
    assert [row[0].text for row in categories.rows[:3]] == ["0108775015", "Trousers", "Socks"]
    assert len(categories.rows) == 12 and "not shown: 2" in categories.caption  # 14 of the 17 lack something
    assert categories.rows[0][3].text == "60.0%" and categories.rows[0][3].bar == pytest.approx(0.6)


def test_small_categories_and_no_category_have_names() -> None:
    image = PROFILE.modalities[1]
    lacking = {"by": "category", "n_items": 10, "n_interactions": 10, "items": 0.5, "interactions": 0.5}
    segments = tuple(SegmentCoverage(segment=name, **lacking) for name in ("*", "", "Socks"))
    profile = PROFILE.model_copy(update={"modalities": (image.model_copy(update={"segments": segments}),)})
    for lang, names in (
        ("en", {"All smaller categories", "Without a category"}),
        ("ja", {"その他の小さなカテゴリ", "カテゴリの記載なし"}),
    ):
        assert {row[0].text for row in segment_table(profile, "category", Words(lang)).rows} == names | {"Socks"}


def test_a_gap_that_follows_a_pattern_is_told_from_chance() -> None:
    (point,) = absence_points(PROFILE, Words("en")).items
    assert point.title == "Images: gaps follow a pattern" and "12.0% lack it, against 2.0%" in point.text
    image = PROFILE.modalities[1]
    assert image.absence is not None
    by_chance = image.absence.model_copy(update={"auc": Estimate(value=0.52, low=0.47, high=0.57), "drivers": ()})
    profile = PROFILE.model_copy(update={"modalities": (image.model_copy(update={"absence": by_chance}),)})
    assert absence_points(profile, Words("en")).items[0].title == "Images: gaps look like chance"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_gaps_of_one_month_are_no_chance_though_no_model_foretells_them(lang: str) -> None:
    """The finding above the table says that they follow a pattern; the table must not say the opposite."""
    image = PROFILE.modalities[1]
    month = image.absence.drivers[0].model_copy(update={"code": "month", "group": "2024-06"})
    absence = image.absence.model_copy(update={"auc": Estimate(value=0.52, low=0.47, high=0.57), "drivers": (month,)})
    profile = PROFILE.model_copy(update={"modalities": (image.model_copy(update={"absence": absence}),)})
    (point,) = absence_points(profile, Words(lang)).items
    assert point.title == Words(lang)("report.absence.patterned", modality=image.name) and "2024-06" in point.text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_descriptions_that_stopped_show_as_a_hole_though_every_product_has_a_title(lang: str) -> None:
    """Text is there on every product: charts of text alone would show full columns beside a finding that says otherwise."""
    words, text = Words(lang), _by_name(PROFILE)["text"]
    months = [SegmentCoverage(by="launch", segment=f"2024-0{n}", n_items=50, n_interactions=400, items=1.0) for n in (4, 5, 6)]
    lost = [month.model_copy(update={"items": 0.0 if month.segment == "2024-05" else 1.0}) for month in months]
    full = Coverage(items=1.0, interactions=1.0, disguised=0.0)
    partly = full.model_copy(update={"items": 2 / 3})
    month = _by_name(PROFILE)["image"].absence.drivers[0].model_copy(update={"code": "month", "group": "2024-05"})
    gaps = DescriptionGaps(
        coverage=partly,
        blank=50,
        hollow=0,
        without_text=0,
        segments=tuple(lost),
        absence=Absence(auc=Estimate(value=None), drivers=(month,)),
    )
    text = text.model_copy(update={"coverage": full, "segments": tuple(months), "description": gaps, "absence": None})
    profile = PROFILE.model_copy(update={"modalities": (text,)})
    label = words("report.profile.description", modality="text")
    assert [(row.label, row.value) for row in coverage_chart(profile, words).rows] == [
        (words.modality("text"), 1.0),
        (label, 2 / 3),
    ]
    assert [(row.title, row.shares) for row in month_chart(profile, "launch", words).rows] == [
        (words.modality("text"), (1.0, 1.0, 1.0)),
        (label, (1.0, 0.0, 1.0)),
    ]
    (point,) = absence_points(profile, words).items
    assert label in point.title and "2024-05" in point.text
    whole = text.model_copy(update={"description": gaps.model_copy(update={"coverage": full})})
    assert len(coverage_chart(profile.model_copy(update={"modalities": (whole,)}), words).rows) == 1


@pytest.mark.parametrize("lang", LANGUAGES)
def test_where_the_catalog_is_a_sample_nothing_says_that_coverage_is_of_every_row(lang: str) -> None:
    """All of H&M: every row of the week is held, and half of the products."""
    words = Words(lang)
    counts = {"rows": 240_311, "rows_kept": 240_311, "users": 68_984, "users_kept": 68_984, "items": 105_542}
    of_half, of_all = (
        reading_points(ReadingNotes(files=(), columns=(), sampled=Sampled(**counts, items_kept=kept)), words).items[0].title
        for kept in (50_000, 105_542)
    )
    every_row = {"en": "Coverage is still measured on every row", "ja": "充足率は全行で測っています"}[lang]
    assert every_row in of_all and every_row not in of_half and "50,000" in of_half


def test_faults_are_listed_with_score_count_and_sign_the_urgent_first() -> None:
    table = issue_table(PROFILE, Words("en"))
    assert [(row[0].text, row[1].text, row[2].text, row[3].text) for row in table.rows] == [
        ("Images: Placeholder pictures", "212", "0.98", "Yes"),
        ("Images: Very dark pictures", "3", "1.00", "Not urgent"),
    ]
    assert finding_points(PROFILE.findings, Words("en")).items[0].title == "Placeholder pictures"
    assert language_points(PROFILE, Words("ja")).items[0].title == "テキスト：英語 93.1%、日本語 5.0%、判別できない言語 1.9%"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_profile_with_little_in_it_has_no_empty_block(lang: str) -> None:
    def check(blocks: tuple[Block, ...]) -> None:
        for block in blocks:
            assert not isinstance(block, Table) or block.rows
            assert not isinstance(block, Points) or block.items
            assert not isinstance(block, Paragraph) or block.text
            assert not isinstance(block, Figure) or block.chart.alt
            if isinstance(block, Folded):
                check(block.blocks)

    for profile in (PROFILE, _bare(PROFILE)):
        for question, blocks in profile_themes(profile, Words(lang)):
            assert question and blocks
            check(blocks)
    assert not any(isinstance(block, Points | Table) for block in coverage_blocks(_bare(PROFILE), Words(lang)))
    assert len(strength_blocks(_bare(PROFILE), Words(lang))) == 2  # the chart, and how it was computed
    assert not overlap_table(_bare(PROFILE), Words(lang)).rows and not health_table(_bare(PROFILE), Words(lang)).rows


def test_the_lines_for_a_terminal_say_it_in_words() -> None:
    lines = summary_lines(PROFILE, Words("en"))
    assert lines[0].endswith("Things to look at in the data: 1.") and lines[1].startswith("Text: Coverage 99.6% (Nearly complete)")
    assert lines[4].startswith("• Placeholder pictures. 212 products (2.1%)") and len(lines) == 6
    japanese = " ".join(summary_lines(PROFILE, Words("ja")))
    assert not re.findall(r"[A-Za-z]{2,}", japanese)
    assert lines[0].startswith("Before any training, the strongest on its own is Text")
    small = PROFILE.model_copy(update={"detectable_effect": 0.0123, "n_test_users": 900})
    assert "900 customers" in summary_lines(small, Words("en"))[4] and "1.23 points" in summary_lines(small, Words("en"))[4]
    hostile = example(name=HOSTILE["script"], item=HOSTILE["script"]).profile
    assert any(HOSTILE["script"] in line for line in summary_lines(hostile, Words("en")))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_where_no_kind_is_above_chance_the_first_sentence_says_so_and_where_one_is_it_names_that(lang: str) -> None:
    words = Words(lang)
    lift = Estimate(value=0.02, low=-0.01, high=0.05, unit="difference", n=900)
    chance = {name: part.standalone.model_copy(update={"lift": lift}) for name, part in _by_name(PROFILE).items()}
    said = strongest_alone(chance, words)
    assert said.startswith(
        {"en": "Before any training, no kind of information is clearly", "ja": "学習前の段階では、シャッフルした場合を"}[lang]
    )
    assert words.modality("text") in said and "13.1%" in said
    clear = lift.model_copy(update={"low": 0.01})
    said = strongest_alone(chance | {"image": chance["image"].model_copy(update={"lift": clear})}, words)
    assert said.startswith(
        {"en": "Before any training, the strongest on its own is Images", "ja": "学習前の段階で単独で最も強いのは画像です"}[lang]
    )
    assert words("report.modalities.answer_higher", others=["text", "attributes"]) in said  # which is no contradiction
    assert strongest_alone({}, words) == words("report.modalities.answer_none")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_kind_is_called_the_strongest_whose_interval_another_reaches(lang: str) -> None:
    words = Words(lang)
    text, other = (part.standalone for part in (_by_name(PROFILE)["text"], _by_name(PROFILE)["attributes"]))
    near = other.model_copy(
        update={"recall_at_20": text.recall_at_20.model_copy(update={"value": 0.129, "low": 0.125, "high": 0.133})}
    )
    said = strongest_alone({"text": text, "attributes": near}, words)
    assert words.modality("attributes") in said and {"en": "do not tell it apart", "ja": "判断できません"}[lang] in said
    assert words.modality("attributes") not in strongest_alone({"text": text, "attributes": other}, words)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_where_variants_made_a_kind_the_strongest_the_first_sentences_say_so(lang: str) -> None:
    """H&M: text 15.1 % against attributes 9.0 %, and with variants as one product 11.2 % against 11.3 %."""
    words = Words(lang)

    def collapsed(gain: float) -> Profile:
        lift = Estimate(value=gain, low=gain - 0.005, high=gain + 0.005, unit="difference", n=900)
        by_product = _by_name(PROFILE)["text"].standalone.model_copy(update={"lift": lift})
        parts = [
            part.model_copy(update={"standalone_collapsed": by_product}) if part.name == "attributes" else part
            for part in PROFILE.modalities
        ]
        return PROFILE.model_copy(update={"modalities": tuple(parts)})

    other = words.modality("attributes")
    assert other in profile_answer(collapsed(0.084), words)
    assert other not in profile_answer(collapsed(0.05), words)


def _by_name(profile: Profile) -> dict:
    return {part.name: part for part in profile.modalities}


def test_the_overview_calls_the_same_kind_the_strongest_as_the_sentence_does() -> None:
    unclear = Estimate(value=0.02, low=-0.01, high=0.05, unit="difference", n=900)
    sure = unclear.model_copy(update={"low": 0.01})
    diagnosis = example()
    modalities = tuple(
        one.model_copy(update={"standalone": one.standalone.model_copy(update={"lift": sure if one.name == "image" else unclear})})
        for one in diagnosis.modalities
    )
    strengths = {one.name: one.standalone for one in modalities}
    assert max(strengths, key=lambda name: strengths[name].recall_at_20.value) != "image"
    words = Words("en")
    (facts,) = [
        block
        for section in build(diagnosis.model_copy(update={"modalities": modalities}), "en").sections
        for block in section.blocks
        if isinstance(block, Facts)
    ]
    assert words("report.fact.standalone", modality="image") in {fact.label for fact in facts.items}
    assert words.modality("image") in strongest_alone(strengths, words)
