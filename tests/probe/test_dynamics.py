"""What the epochs of hand-made trainings say of a branch."""

from __future__ import annotations

import math

import pytest

from diagnostics.probe import Job, JobResult, ProbeRun
from diagnostics.probe.dynamics import branch_dynamics, courses, half_life
from diagnostics.schema import Arm, ProbeEvent, ProbePlan

JOINT = Arm(backbone="vbpr", modalities=("text", "image"))
ALONE = Arm(backbone="vbpr", modalities=("image",))


@pytest.mark.parametrize(
    ("curve", "wanted"),
    [
        ([0.4, 0.8], 1.0),  # half of .8 is reached with the first epoch
        ([0.2, 0.6, 0.8], 1.5),  # .4 lies half-way between .2 and .6
        ([0.8], 0.5),  # a straight line from nothing
        ([0.5, 1.0, 0.1], 1.0),  # what is lost again does not count
    ],
)
def test_half_of_the_best_is_reached_between_two_epochs(curve, wanted):
    assert half_life(curve) == pytest.approx(wanted)


def test_a_branch_that_never_rose_has_no_half_life():
    assert math.isnan(half_life([0.0, 0.0])) and math.isnan(half_life([]))


def _epoch(arm: Arm, epoch: int, validation: float, branches: dict, **dynamics) -> ProbeEvent:
    return ProbeEvent(
        kind="epoch", arm=arm.arm_id, seed=7, epoch=epoch, validation=validation, branches=branches, dynamics=dynamics
    )


def _losses(image: tuple[float, float], text: tuple[float, float]) -> dict:
    return {
        "train_loss": {"image": image[0], "text": text[0]},
        "held_out_loss": {"image": image[1], "text": text[1]},
    }


EVENTS = (
    _epoch(
        JOINT,
        1,
        0.1,
        {"image": 0.1, "text": 0.2},
        gradient_share={"image": 0.2},
        bare={"image": 0.05},
        conflict={"image": -0.5},
        **_losses((0.7, 0.7), (1, 1)),
    ),
    _epoch(
        JOINT,
        2,
        0.4,
        {"image": 0.3, "text": 0.4},
        gradient_share={"image": 0.4},
        confidence={"image": 0.6, "text": 0.8},
        reliance={"image": 0.03, "text": 0.09},
        variance={"image": 0.1, "text": 0.3},
        **_losses((0.4, 0.6), (1, 1)),
    ),
    _epoch(JOINT, 3, 0.3, {"image": 0.4, "text": 0.4}, gradient_share={"image": 0.6}, **_losses((0.1, 0.9), (1, 1))),
    _epoch(ALONE, 1, 0.2, {"image": 0.4}),
)


def _run(events=EVENTS, done=(JOINT, ALONE)) -> ProbeRun:
    plan = ProbePlan(
        fingerprint="x",
        preset="quick",
        modalities=("text", "image"),
        arms=(JOINT, ALONE),
        seeds=(7,),
        split="user",
        max_epochs=3,
        patience=3,
        batch_size=8,
        learning_rate=0.1,
        l2=0.0,
        dimensions=4,
    )
    names = [Job(arm, 7).job_id for arm in done]
    return ProbeRun(plan, "finished", events, {name: JobResult(name, {}, {}) for name in names})


def test_passes_are_counted_where_only_every_tenth_is_validated():
    events = [event.model_copy(update={"epoch": 10 * event.epoch}) for event in EVENTS]
    run = _run(events)
    slow = ProbeRun(run.plan.model_copy(update={"validate_every": 10}), run.status, run.events, run.results)
    often, seldom = branch_dynamics(_run(), JOINT, "image"), branch_dynamics(slow, JOINT, "image")
    assert seldom == often | {"half_life": [10 * value for value in often["half_life"]]}


def test_every_measure_is_that_of_the_kept_epoch_or_the_mean_over_epochs():
    found = branch_dynamics(_run(), JOINT, "image")
    wanted = {
        "half_life": 1.5,  # half of .4 between .1 and .3
        "speed_ratio": 1.5 / 0.5,
        "unlearnt": 0.0,  # up to the kept, second, epoch it only rose
        "gradient_share": 0.4,
        "conflict": -0.5,
        "branch_gap": 0.6 - 0.4,
        "overfitting_ratio": 0.2 / (0.7 - 0.6),  # the gap widened by .2 while held-out loss fell by .1
        "margin_ratio": 0.6 / 0.8,
        "reliance": 0.03,
        "reliance_share": 0.03 / 0.12,
        "recommended_share": (1 / 0.1) / (1 / 0.1 + 1 / 0.3),
    }
    assert set(found) == set(wanted)
    for measure, value in wanted.items():
        assert found[measure] == [pytest.approx(value)], measure


def test_what_was_lost_before_the_kept_epoch_is_unlearnt():
    kept = (
        _epoch(JOINT, 1, 0.1, {"image": 0.4}),
        _epoch(JOINT, 2, 0.5, {"image": 0.3}),
    )
    assert branch_dynamics(_run(kept), JOINT, "image")["unlearnt"] == [pytest.approx(0.25)]


def test_reliance_on_next_to_nothing_has_no_shares_and_a_loss_that_never_fell_no_ratio():
    still = (
        _epoch(
            JOINT,
            1,
            0.1,
            {"image": 0.1},
            confidence={"image": 0.5, "text": 0.5},
            reliance={"image": 0.004, "text": -0.2},
            variance={"image": 0.1, "text": 0.1},
            **_losses((0.7, 0.7), (1, 1)),
        ),
    )
    found = branch_dynamics(_run(still), JOINT, "image")
    assert "reliance_share" not in found and "overfitting_ratio" not in found
    assert found["recommended_share"] == [0.5]


def test_an_unfinished_training_says_nothing():
    assert branch_dynamics(_run(done=(ALONE,)), JOINT, "image") == {}
    assert courses(_run(done=(ALONE,)), (JOINT,), "image") == ()


def test_courses_are_means_per_epoch_in_a_fixed_order_of_measures():
    points = courses(_run(), (JOINT,), "image")
    assert [(point.epoch, point.value) for point in points if point.measure == "gradient_share"] == [(1, 0.2), (2, 0.4), (3, 0.6)]
    measures = list(dict.fromkeys(point.measure for point in points))
    assert measures == ["recall", "bare", "gradient_share", "conflict", "confidence", "reliance", "train_loss", "held_out_loss"]
    assert {point.n_seeds for point in points} == {1}
