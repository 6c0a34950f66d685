"""What each kind contributes and what speaks for its causes, as blocks: every number in its place, in both languages."""

from __future__ import annotations

import pytest

from diagnostics.report.contributed import (
    contribution_blocks,
    course_chart,
    dissent_lines,
    dynamics_blocks,
    heard_blocks,
    history_chart,
    said,
)
from diagnostics.report.model import Figure, Folded, Paragraph, Table
from diagnostics.report.words import Words
from diagnostics.schema import (
    Cause,
    Contributions,
    CoursePoint,
    Diagnosis,
    Dissent,
    Estimate,
    Evidence,
    Exposure,
    Interaction,
    PlayerShare,
    SegmentShare,
)
from tests.report.example import example


def _points(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.001, high=value + 0.001, n=50, unit="difference")


def _segment(dimension: str, segment: str, modality: str, value: float, stands_out: bool = False) -> SegmentShare:
    share = _points(value)
    return SegmentShare(
        dimension=dimension, segment=segment, modality=modality, share=share, n_purchases=70, p=0.01, stands_out=stands_out
    )


CONTRIBUTIONS = Contributions(
    method="shapley",
    with_history=(PlayerShare(player="id", share=_points(0.09)), PlayerShare(player="text", share=_points(0.04))),
    interactions=(
        Interaction(one="text", other="image", index=_points(-0.006)),
        Interaction(one="text", other="attributes", index=Estimate(value=None)),
    ),
    segments=(
        _segment("category", "Hats", "text", 0.031, stands_out=True),
        _segment("category", "Hats", "image", 0.002),
        _segment("popularity", "10", "text", 0.017),
        _segment("age", "new", "text", 0.052),
    ),
)


BARE = CONTRIBUTIONS.model_copy(update={"with_history": (), "segments": ()})


def _diagnosis(**more) -> Diagnosis:
    return example().model_copy(update={"contributions": CONTRIBUTIONS} | more)


def _image(diagnosis: Diagnosis, **more) -> Diagnosis:
    modalities = tuple(one.model_copy(update=more) if one.name == "image" else one for one in diagnosis.modalities)
    return diagnosis.model_copy(update={"modalities": modalities})


@pytest.fixture(params=["en", "ja"])
def words(request) -> Words:
    return Words(request.param)


def test_evidence_tells_its_interval(words):
    entry = Evidence(measure="gap", value=0.026, low=0.021, high=0.031, threshold=0.004, unit="difference")
    assert all(number in said(entry, words) for number in ("2.6", "2.1", "3.1"))


def test_evidence_for_and_against_stand_apart_and_named_causes_first(words):
    both = (
        Evidence(measure="gap", value=0.026, low=0.021, high=0.031, threshold=0.004, unit="difference", supports=True),
        Evidence(measure="knock_out", value=0.011, unit="difference", supports=False),
    )
    named = Cause(code="suppressed", confidence="medium", evidence=both, likelihood=0.6)
    heard = Cause(code="slow", confidence="low", evidence=both[:1], likelihood=0.5)
    (folded,) = heard_blocks(_image(_diagnosis(), causes=(named,), considered=(heard,)), words)
    _, title, state, table, other, other_state, other_table = folded.blocks
    assert words.coded("cause", "suppressed") in title.text and words.coded("cause", "slow") in other.text
    assert "60.0%" in state.text and words.coded("remedy", "suppressed") in state.text
    assert "50.0%" in other_state.text and words.coded("remedy", "slow") not in other_state.text
    (gap, lost), (alone,) = table.rows, other_table.rows
    assert "2.6" in gap[1].text and "2.1" in gap[1].note and "3.1" in gap[1].note and "0.4" in gap[2].text
    assert "1.1" in lost[1].text and lost[2].text == "–"
    assert gap[3] == alone[3] != lost[3]


def test_nothing_heard_is_no_block(words):
    assert heard_blocks(_image(_diagnosis(), causes=(), considered=()), words) == ()


def test_history_is_a_player_with_its_interval(words):
    chart = history_chart(_diagnosis(), words)
    assert [row.value for row in chart.rows] == [0.09, 0.04]
    ends = [end for row in chart.rows for end in (row.low, row.high)]
    assert ends == pytest.approx([0.089, 0.091, 0.039, 0.041])


def test_what_was_not_measured_makes_no_block(words):
    assert contribution_blocks(example(), words) == ()
    blocks = contribution_blocks(_diagnosis(contributions=BARE), words)
    assert [type(block) for block in blocks] == [Paragraph]  # the one pair that was measured


def test_the_map_of_segments_has_a_row_each_and_a_star_where_one_stands_out(words):
    *_, folded = contribution_blocks(_diagnosis(), words)
    table = folded.blocks[-1]
    hats, tenth, new = table.rows
    assert "Hats" in hats[0].text and "10" in tenth[0].text and new[0].text
    assert [cell.text for cell in (hats[2], tenth[2], new[2])] == [words.value(_points(v), "points") for v in (0.031, 0.017, 0.052)]
    assert (hats[2].icon, hats[3].icon) == ("star", "")
    assert tenth[3].text == "–"  # the image has no share of that tenth
    assert {row[1].text for row in table.rows} == {"50"}


def test_losses_and_exposure_are_told_of_whom_they_were_measured(words):
    more = {
        "gap": _points(0.021),
        "knock_out": _points(0.004),
        "utilisation": _points(0.012),
        "replacement": {"donor": _points(0.005)},
        "exposure": Exposure(ratio=Estimate(value=0.8, low=0.7, high=0.9, unit="ratio"), n_incomplete=40, n_matched=31),
    }
    blocks = contribution_blocks(_image(_diagnosis(), **more), words)
    (table,) = [block for block in blocks if isinstance(block, Table)]
    row = next(row for row in table.rows if row[0].text == words.modality("image"))
    gap, knock_out = (words.value(one, "points_bare") for one in (_points(0.021), _points(0.004)))
    assert [cell.text for cell in row[1:]] == [gap, knock_out, "+1.20", "+0.50"]
    titles = [column.title for column in table.columns[1:]]  # what nothing was measured of has no column
    assert titles == [words(f"report.contributed.{kind}") for kind in ("gap", "knock_out", "mean", "donor")]
    (told,) = [block.text for block in blocks if isinstance(block, Paragraph) and "31" in block.text]
    assert "0.8" in told


def test_what_wrong_values_cost_has_a_column_for_each_share_of_products(words):
    doses = {"0.25": _points(0.003), "1": _points(0.014)}
    *_, table = contribution_blocks(_image(_diagnosis(contributions=BARE), dose_response=doses), words)
    assert ["25%" in table.columns[1].title, "100%" in table.columns[2].title] == [True, True]
    row = next(row for row in table.rows if row[0].text == words.modality("image"))
    assert [cell.text for cell in row[1:]] == ["+0.30", "+1.40"] and all(cell.note for cell in row[1:])
    assert {cell.text for row in table.rows if row[0].text != words.modality("image") for cell in row[1:]} <= {"–"}


def test_dynamics_are_shown_where_any_modality_has_them_and_curves_per_method(words):
    assert dynamics_blocks(_diagnosis(), words) == ()
    dynamics = {"half_life": Estimate(value=3.5, unit="epochs"), "conflict": Estimate(value=-0.2, unit="score")}
    points = tuple(
        CoursePoint(measure="gradient_share", balancer=balancer, epoch=epoch, value=value, n_seeds=2)
        for balancer, value in (("none", 0.2), ("ckd", 0.3))
        for epoch in (1, 2)
    )
    found = _image(_diagnosis(), dynamics=dynamics, courses=points)
    (folded,) = dynamics_blocks(found, words)
    table = next(block for block in folded.blocks if isinstance(block, Table))
    assert [row[0].text for row in table.rows] == [words.coded("measure", name) for name in ("half_life", "conflict")]
    assert "3.5" in table.rows[0][1].text
    assert isinstance(folded, Folded) and any(isinstance(block, Figure) for block in folded.blocks)
    (panel,) = course_chart(found, "gradient_share", words).panels
    plain, balanced = panel.curves
    assert (plain.number, plain.seeds) == (0, (((1, 0.2), (2, 0.2)),))
    assert (balanced.number, balanced.seeds) == (1, (((1, 0.3), (2, 0.3)),))


def test_courses_below_zero_are_on_the_axis(words):
    points = tuple(
        CoursePoint(measure="conflict", balancer="none", epoch=epoch, value=value, n_seeds=2)
        for epoch, value in ((1, 0.9), (2, -0.4))
    )
    chart = course_chart(_image(_diagnosis(), courses=points), "conflict", words)
    low, high = chart.domain
    assert low <= -0.4 and high >= 0.9
    (folded,) = dynamics_blocks(_image(_diagnosis(), dynamics={"conflict": Estimate(value=-0.2)}, courses=points), words)
    (drawn,) = [block for block in folded.blocks if isinstance(block, Figure)]
    assert drawn.caption == words("report.dynamics.caption_conflict")


def test_the_dissenting_view_stands_beside_rebalance_and_nothing_else(words):
    dissent = (Dissent(modality="image", actual=Estimate(value=0.12), recommended=Estimate(value=0.34)),)
    found = _diagnosis()
    told = found.model_copy(update={"verdict": found.verdict.model_copy(update={"dissent": dissent})})
    (line,) = dissent_lines(told, words)
    assert "12" in line.text and "34" in line.text
    other = told.model_copy(update={"verdict": told.verdict.model_copy(update={"action": "leave"})})
    assert dissent_lines(other, words) == ()
