"""Progress and time left, worked by hand."""

from __future__ import annotations

import pytest

from diagnostics.probe import Effort, Job
from diagnostics.runs.eta import Outlook
from diagnostics.schema import Arm

ONE, TWO = Arm(backbone="vbpr", modalities=()), Arm(backbone="vbpr", modalities=("text",))


def _outlook(jobs: list[Job], max_epochs: int = 10, *, finished: dict[str, int] | None = None, workers: int = 1, **more) -> Outlook:
    """All of them are expected to take ten epochs of the same cost."""
    return Outlook(dict.fromkeys(jobs, Effort(10.0, 1.0)), max_epochs, finished or {}, workers, **more)


def _train(outlook: Outlook, job: Job, epochs: int, seconds: float, *, over: bool = False) -> None:
    outlook.start(job)
    for _ in range(epochs):
        outlook.epoch(job, seconds)
    if over:
        outlook.finish(job)


def test_time_left_by_hand():
    jobs = [Job(ONE, 1), Job(TWO, 1), Job(ONE, 2), Job(TWO, 2)]
    outlook = _outlook(jobs)
    assert outlook.eta_s() is None and outlook.eta_range_s() is None
    assert outlook.done() == 0.0

    _train(outlook, jobs[0], 4, 2.0)
    # 6 of 10 epochs left of this job, 10 of each other, all at 2 s an epoch; at least one of each
    assert outlook.eta_s() == pytest.approx(36 * 2.0)
    assert outlook.eta_range_s() == pytest.approx((4 * 2.0, 36 * 2.0))
    assert outlook.done() == pytest.approx(4 / 40)

    outlook.finish(jobs[0])  # 4 epochs are now what any job is expected to take: 3 jobs x 4 epochs x 2 s
    assert outlook.eta_s() == pytest.approx(24.0)
    assert outlook.done() == pytest.approx(4 / 16)

    _train(outlook, jobs[1], 2, 5.0)
    # arm TWO takes 5 s an epoch: 2 + 4 epochs of it are left, and 4 of ONE at 2 s
    assert outlook.eta_s() == pytest.approx(6 * 5.0 + 4 * 2.0)

    outlook.drop(jobs[1])  # it failed: its remaining epochs will never be spent
    assert outlook.eta_s() == pytest.approx(4 * 5.0 + 4 * 2.0)
    for job in jobs[2:]:
        outlook.drop(job)
    assert outlook.eta_s() == 0.0
    assert outlook.eta_range_s() == (0.0, 0.0)
    assert outlook.done() == 1.0


def test_the_range_by_hand_and_that_it_narrows():
    jobs = [Job(ONE, seed) for seed in range(8)]
    outlook = _outlook(jobs, 60)
    _train(outlook, jobs[0], 8, 1.0, over=True)
    # one finished training tells nothing of how they differ: by .4 of the 10 epochs expected, as elsewhere
    assert outlook.eta_range_s() == pytest.approx((7.0, 56 + 2 * (0.16 * (7 * 10**2 + 70**2) + 5.6**2) ** 0.5))
    widths = []
    for job, epochs in zip(jobs[1:7], (12, 8, 12, 8, 12, 8), strict=True):
        _train(outlook, job, epochs, 1.0, over=True)
        low, high = outlook.eta_range_s()
        assert low <= outlook.eta_s() <= high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    # one job is left, 7 known ones of 68 / 7 epochs: 16 / 7 times their squares' sum over 6 is the variance
    mean = 68 / 7
    variance = (4 * (8 - mean) ** 2 + 3 * (12 - mean) ** 2) / 6
    half = 2 * (variance * (1 + 1 / 7) + (0.1 * mean) ** 2) ** 0.5
    assert outlook.eta_range_s() == pytest.approx((mean - half, mean + half))


def test_side_by_side_is_faster_but_not_faster_than_the_longest_job():
    jobs = [Job(ONE, seed) for seed in range(4)]
    outlook = _outlook(jobs, workers=2)
    for job in jobs[:2]:
        _train(outlook, job, 1, 1.0)
    assert outlook.eta_s() == pytest.approx((9 + 9 + 10 + 10) / 2)
    outlook.workers = 1  # another run takes the other core
    assert outlook.eta_s() == pytest.approx(9 + 9 + 10 + 10)
    for job in jobs[1:]:
        outlook.drop(job)
    assert outlook.eta_s() == pytest.approx(9.0)


def test_progress_never_falls_and_counts_what_an_earlier_attempt_finished():
    jobs = [Job(ONE, 1), Job(ONE, 2)]
    outlook = _outlook(jobs, finished={jobs[0].job_id: 3})
    assert outlook.done() == pytest.approx(3 / 6)
    outlook.start(jobs[1])
    shown = []
    for _ in range(9):  # longer than expected
        outlook.epoch(jobs[1], 1.0)
        shown.append(outlook.done())
    assert shown == sorted(shown)
    assert shown[-1] < 1.0
    assert outlook.eta_s() == pytest.approx(1.0)


def test_an_arm_that_was_not_timed_is_taken_to_be_like_its_backbone():
    jobs = [
        Job(ONE, 1),
        Job(Arm(backbone="mgcn", modalities=()), 1),
        Job(Arm(backbone="mgcn", modalities=("text",)), 1),
        Job(TWO, 1),
    ]
    outlook = _outlook(jobs)
    for job, seconds, epochs in ((jobs[0], 1.0, 2), (jobs[1], 5.0, 4)):
        _train(outlook, job, epochs, seconds, over=True)
    assert outlook.eta_s() == pytest.approx(4 * 5.0 + 2 * 1.0)


def test_another_kind_of_training_is_told_by_how_what_came_before_fell_out():
    costly, cheap = (Job(Arm(backbone=name, modalities=("text",)), 1) for name in ("mgcn", "vbpr"))
    efforts = {costly: Effort(20.0, 8.0), cheap: Effort(10.0, 1.0)}
    outlook = Outlook(efforts, max_epochs=60, finished={}, workers=1)
    _train(outlook, costly, 10, 4.0)  # half a second for what was to cost 1
    assert outlook.done() == pytest.approx(80 / 170)
    assert outlook.eta_s() == pytest.approx(10 * 4.0 + 10 * 0.5)
    _train(outlook, costly, 20, 4.0, over=True)  # half as many epochs again as expected
    assert outlook.eta_s() == pytest.approx(15 * 0.5)


def test_the_range_goes_by_trainings_of_other_kinds_until_two_of_a_kind_have_ended():
    kinds = [Job(Arm(backbone=name, modalities=()), 1) for name in ("mgcn", "grcn", "vbpr")]
    outlook = Outlook(dict.fromkeys(kinds, Effort(10.0, 1.0)), max_epochs=60, finished={}, workers=1)
    _train(outlook, kinds[0], 8, 1.0, over=True)
    half = 2 * (0.16 * (2 * 10**2 + 20**2) + (0.1 * 16) ** 2 + 2 * (0.3 * 10) ** 2) ** 0.5  # .4 as elsewhere; two paces unknown
    assert outlook.eta_range_s() == pytest.approx((2.0, 16 + half))
    _train(outlook, kinds[1], 12, 1.0, over=True)
    # .8 and 1.2 times the expected length: their variance is .08, that of the third 10^2 (1 + 1 / 2) times as much
    half = 2 * (0.08 * 100 * 1.5 + (0.1 * 10) ** 2 + (0.3 * 10) ** 2) ** 0.5
    assert outlook.eta_range_s() == pytest.approx((max(10 - half, 1), 10 + half))
    outlook.start(kinds[2])
    outlook.epoch(kinds[2], 1.0)  # now its own pace is known
    half = 2 * (0.08 * 100 * 1.5 + (0.1 * 9) ** 2) ** 0.5
    assert outlook.eta_range_s() == pytest.approx((9 - half, 9 + half))


def test_what_diverges_at_once_or_always_takes_as_long_says_nothing_of_the_others():
    arm = Arm(backbone="vbpr", modalities=("text",), balancer="ckd")
    diverged, *heats = (Job(arm, 1, stage=stage, option=option) for stage, option in (("rate", 3.0), ("heat", 1.0), ("heat", 3.0)))
    others = [Job(ONE, 1), Job(ONE, 2)]
    efforts = (
        {diverged: Effort(10.0, 1.0)} | dict.fromkeys(heats, Effort(6.0, 1.0, exact=True)) | dict.fromkeys(others, Effort(8.0, 1.0))
    )
    outlook = Outlook(efforts, max_epochs=10, finished={}, workers=1)
    outlook.start(diverged)
    outlook.finish(diverged)
    assert outlook.done() == 0.0
    _train(outlook, heats[0], 6, 1.0, over=True)
    assert outlook.eta_s() == pytest.approx(6 + 8 + 8)
    half = (
        2 * (0.16 * (2 * 8**2 + 16**2) + 2.2**2) ** 0.5
    )  # the others' lengths, as little known as elsewhere, and the computer's own
    assert outlook.eta_range_s() == pytest.approx((22 - half, 6 + 10 + 10))
    _train(outlook, others[0], 9, 1.0, over=True)
    assert outlook.eta_s() == pytest.approx(6 + 9)  # the heat takes as long as heats do
    outlook.drop(others[1])
    assert outlook.eta_range_s() == pytest.approx((6 - 2 * 0.6, 6.0))


def test_no_training_is_expected_to_take_more_than_it_may_and_the_range_holds_what_is_expected():
    jobs = [Job(ONE, 1), Job(Arm(backbone="mgcn", modalities=()), 1)]
    outlook = Outlook({jobs[0]: Effort(4.0, 1.0), jobs[1]: Effort(8.0, 1.0)}, max_epochs=10, finished={}, workers=1)
    _train(outlook, jobs[0], 10, 1.0, over=True)
    assert outlook.eta_s() == pytest.approx(10.0)
    assert outlook.eta_range_s() == pytest.approx((1.0, 10.0))


def test_a_probe_is_not_over_while_an_ensemble_is_at_work():
    training, average = Job(TWO, 1), Job(Arm(backbone="vbpr", modalities=("text",), balancer="ensemble"), 1)
    outlook = Outlook({training: Effort(9.0, 1.0), average: Effort(1.0, 1.0, exact=True)}, max_epochs=10, finished={}, workers=1)
    _train(outlook, training, 9, 2.0, over=True)
    assert outlook.done() == pytest.approx(9 / 10)
    assert outlook.eta_s() == pytest.approx(2.0)
    outlook.start(average)
    outlook.finish(average)
    assert (outlook.done(), outlook.eta_s()) == (1.0, 0.0)


def test_trainings_that_are_stacked_count_as_one_beside_the_others():
    jobs = [Job(ONE, 1), Job(ONE, 2), Job(TWO, 1), Job(TWO, 2)]
    outlook = _outlook(jobs, workers=4, together={job.job_id for job in jobs[:2]})
    for job, seconds in zip(jobs, (3.0, 3.0, 2.0, 2.0), strict=True):
        _train(outlook, job, 5, seconds)
    assert outlook.eta_s() == pytest.approx(2 * 5 * 3.0)  # on one device one after the other, not on four cores
    outlook.drop(jobs[0])
    outlook.drop(jobs[1])
    assert outlook.eta_s() == pytest.approx(5 * 2.0)


def test_what_may_not_be_trained_any_more_counts_by_its_chance_until_that_is_known():
    sure, early, late, later = Job(ONE, 1), Job(TWO, 1), Job(TWO, 2), Job(TWO, 3)
    doubtful = Effort(10.0, 1.0, chance=0.25)
    outlook = Outlook({sure: Effort(10.0, 1.0), early: Effort(10.0, 1.0), late: doubtful, later: doubtful}, 20, {}, 1)
    _train(outlook, sure, 10, 1.0, over=True)
    _train(outlook, early, 10, 1.0, over=True)
    assert outlook.eta_s() == pytest.approx(5.0)  # a quarter of 10 s each
    assert outlook.done() == pytest.approx(20 / 25)
    # both stay or fall together: 20 s with a chance of a quarter; and the computer's own tenth
    half = 2 * (20.0**2 * 0.25 * 0.75 + 0.5**2) ** 0.5
    assert outlook.eta_range_s() == pytest.approx((0.0, 5 + half))
    stacked = Outlook({sure: Effort(10.0, 1.0), late: doubtful, later: doubtful}, 99, {}, 4, {late.job_id, later.job_id})
    _train(stacked, sure, 10, 1.0)
    stacked.finish(sure)
    assert stacked.eta_s() == pytest.approx(5.0)  # one after the other, however many cores there are
    assert stacked.eta_range_s()[1] > 5 + 2 * 20.0 * (0.25 * 0.75) ** 0.5
    outlook.start(late)
    assert outlook.eta_s() == pytest.approx(12.5)
    outlook.looked()  # what was not dropped now will be trained
    assert outlook.eta_s() == pytest.approx(20.0)
    assert outlook.eta_range_s() == pytest.approx((16.0, 24.0))
