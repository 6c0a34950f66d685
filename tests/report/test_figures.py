"""Charts as data, and their two drawings."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from diagnostics.messages import LANGUAGES
from diagnostics.report import charts
from diagnostics.report.coverage import month_chart
from diagnostics.report.evidence import (
    arms_chart,
    balancing_chart,
    contribution_chart,
    coverage_chart,
    curves_of,
    points_from_events,
    split_chart,
    standalone_chart,
)
from diagnostics.report.figures import Band, BandChart, Chart, Curve, Part, Whole, look_of, nice_ticks
from diagnostics.report.model import Paragraph
from diagnostics.report.strength import ceiling_chart, homophily_chart, information_chart, strength_blocks
from diagnostics.report.svg import draw
from diagnostics.report.words import Words
from diagnostics.schema import Diagnosis, Estimate, ProbeEvent
from tests.report.example import HOSTILE, example


def _all(diagnosis: Diagnosis, lang: str) -> list[Chart]:
    words = Words(lang)
    return [
        coverage_chart(diagnosis.profile, words),
        standalone_chart(diagnosis.profile, words),
        arms_chart(diagnosis, words),
        contribution_chart(diagnosis, words),
        balancing_chart(diagnosis.balancing, words),
        curves_of(diagnosis, words),
        split_chart(diagnosis, words),
        month_chart(diagnosis.profile, "launch", words),
        month_chart(diagnosis.profile, "month", words),
        homophily_chart(diagnosis.profile, words),
        ceiling_chart(diagnosis.profile, words),
        information_chart(diagnosis.profile, words),
    ]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_both_drawings_take_any_name(hostile: str, lang: str) -> None:
    for chart in _all(example(name=hostile), lang):
        root = ET.fromstring(str(draw(chart, lang)))  # noqa: S314  (our own drawing)
        assert root.get("aria-label") == chart.alt
        assert not {element.tag.split("}")[1] for element in root.iter()} & {"script", "image", "foreignObject", "a"}
        drawn = charts.figure(chart, lang, "dark").to_json()
        assert "<script" not in drawn and "<img" not in drawn


def test_everything_drawn_lies_on_the_canvas() -> None:
    for chart in _all(example(name=HOSTILE["long"]), "ja"):
        root = ET.fromstring(str(draw(chart, "ja")))  # noqa: S314
        _, _, width, height = map(float, root.get("viewBox", "").split())
        for element in root.iter():
            for name, limit in (
                ("x", width),
                ("x1", width),
                ("x2", width),
                ("cx", width),
                ("y", height),
                ("y1", height),
                ("cy", height),
            ):
                assert element.get(name) is None or -0.1 <= float(element.get(name, "0")) <= limit + 0.1, (
                    chart.title,
                    element.attrib,
                )


def test_ticks_by_hand() -> None:
    assert nice_ticks(0.0, 0.147) == (0.0, 0.05, 0.1, 0.15)
    assert nice_ticks(-0.003, 0.0154) == (-0.005, 0.0, 0.005, 0.01, 0.015, 0.02)
    assert nice_ticks(0.0, 1.0) == (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def test_a_mean_stops_where_the_first_seed_stops() -> None:
    curve = Curve("plain", False, (((1, 0.1), (2, 0.2), (3, 0.9)), ((1, 0.3), (2, 0.4))))
    assert curve.mean == ((1, pytest.approx(0.2)), (2, pytest.approx(0.3)))
    assert Curve("plain", False, ()).mean == ()


def test_colours_and_markers_are_fixed_and_distinct() -> None:
    names = ("text", "image", "attributes", "id", "audio", "style", "video", "zoom")
    looks = [look_of(name, names) for name in names]
    assert len({(look.colour, look.marker) for look in looks}) == len(names)
    assert len({look.colour for look in looks}) == len(names)
    assert (look_of("text").colour, look_of("text").marker) == ("#0072B2", "circle")


def test_small_bands_keep_room_and_the_whole_stays_whole() -> None:
    bands = tuple(Band("", share, "") for share in (0.9, 0.05, 0.05))
    places = BandChart("", "", bands).drawn(0.2)
    assert places == (pytest.approx((0.0, 0.6)), pytest.approx((0.6, 0.2)), pytest.approx((0.8, 0.2)))


def test_live_curves_come_from_the_arm_with_everything() -> None:
    def event(arm: str, branches: dict[str, float]) -> ProbeEvent:
        return ProbeEvent(kind="epoch", arm=arm, seed=1, epoch=2, branches=branches)

    points = points_from_events(
        [
            event("vbpr:text:none", {"text": 0.5, "id": 0.1}),
            event("vbpr:text+image:ckd", {"image": 0.2, "text": 0.3, "id": 0.1}),
            ProbeEvent(kind="started", arm="vbpr:text+image:ckd"),
        ]
    )
    assert list(points) == ["text", "image", "id"]
    assert [(point.balancer, point.seed, point.epoch, point.value) for point in points["text"]] == [("ckd", 1, 2, 0.3)]
    assert points_from_events([]) == {}


def test_live_curves_do_not_mix_two_pairs_of_modalities() -> None:
    pairs = {"text+image": 0.3, "text+attributes": 0.9}
    events = [
        ProbeEvent(kind="epoch", arm=f"vbpr:{names}:none", seed=1, epoch=1, branches={"text": value})
        for names, value in pairs.items()
    ]
    assert [point.value for point in points_from_events(events)["text"]] == [0.3]


def test_small_multiples_share_one_axis() -> None:
    chart = curves_of(example(), Words("en"))
    assert [panel.title for panel in chart.panels] == ["Text", "Images", "Attributes"]
    drawn = charts.figure(chart, "en")
    ranges = {tuple(axis.range) for axis in drawn.select_yaxes()}
    assert len(ranges) == 1 and chart.domain == (0.0, 0.15)


def test_months_without_anything_are_holes_and_a_stop_is_a_step() -> None:
    chart = month_chart(example().profile, "launch", Words("en"))
    assert chart.months == tuple(f"2020-{month:02d}" for month in range(1, 9))  # the shop launched nothing in July
    text = chart.rows[0]
    assert text.shares == (0.996, 0.996, 0.996, 0.996, 0.996, 0.03, None, 0.03)
    assert text.texts[5:7] == ("3.0%", "–") and "lowest 3.0% in 2020-06" in chart.alt
    assert chart.named(4) == (0, 2, 4, 6) and chart.named(99) == tuple(range(8))


def test_parts_of_a_whole_are_drawn_in_proportion_and_noise_below_zero_has_no_width() -> None:
    look = look_of("text")
    whole = Whole("", (Part("a", 0.6, "", look), Part("b", -0.05, "", look), Part("c", 0.2, "", look)))
    assert whole.drawn == (pytest.approx((0.0, 0.75)), pytest.approx((0.75, 0.0)), pytest.approx((0.75, 0.25)))


def test_what_two_kinds_tell_is_said_in_shares_of_the_whole() -> None:
    chart = information_chart(example().profile, Words("en"))
    parts = {part.label: part.text for part in chart.wholes[0].parts}
    assert parts == {
        "Only Text": "58.6% (55.7% to 61.4%)",
        "Only Images": "7.1% (4.3% to 10.0%)",
        "Either of them says it": "22.9% (20.0% to 25.7%)",
        "Only both together": "11.4% (8.6% to 14.3%)",
    }


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_whole_that_may_be_nothing_has_no_parts_and_says_so(lang: str) -> None:
    profile = example().profile
    first, second = profile.shared_information
    open_ = first.model_copy(update={"total": Estimate(value=0.004, low=-0.003, high=0.011, n=500, unit="bits")})
    doubtful = profile.model_copy(update={"shared_information": (open_, second)})
    words = Words(lang)
    assert len(information_chart(doubtful, words).wholes) == 1
    notes = [block.text for block in strength_blocks(doubtful, words) if isinstance(block, Paragraph)]
    assert any("0.004" in note and "0.011" in note for note in notes)
    assert not any("0.004" in block.text for block in strength_blocks(profile, words) if isinstance(block, Paragraph))
