"""Progress and time left, worked by hand on a clock that the test turns."""

from __future__ import annotations

import pytest

from diagnostics.probe import Job
from diagnostics.runs.eta import Outlook
from diagnostics.schema import Arm

ONE, TWO = Arm(backbone="vbpr", modalities=()), Arm(backbone="vbpr", modalities=("text",))


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_time_left_by_hand():
    clock = Clock()
    jobs = [Job(ONE, 1), Job(TWO, 1), Job(ONE, 2), Job(TWO, 2)]
    outlook = Outlook(jobs, max_epochs=10, finished={}, workers=1, clock=clock)
    assert outlook.eta_s() is None
    assert outlook.done() == 0.0

    outlook.start(jobs[0])
    for _ in range(4):
        clock.now += 2.0
        outlook.epoch(jobs[0])
    # 6 of 10 epochs left of this job, 10 of each other, all at 2 s an epoch
    assert outlook.eta_s() == pytest.approx(36 * 2.0)
    assert outlook.done() == pytest.approx(4 / 40)

    outlook.finish(jobs[0])  # 4 epochs are now what any job is expected to take: 3 jobs x 4 epochs x 2 s
    assert outlook.eta_s() == pytest.approx(24.0)
    assert outlook.done() == pytest.approx(4 / 16)

    outlook.start(jobs[1])
    for _ in range(2):
        clock.now += 5.0
        outlook.epoch(jobs[1])
    # arm TWO takes 5 s an epoch: 2 + 4 epochs of it are left, and 4 of ONE at 2 s
    assert outlook.eta_s() == pytest.approx(6 * 5.0 + 4 * 2.0)

    outlook.drop(jobs[1])  # it failed: its remaining epochs will never be spent
    assert outlook.eta_s() == pytest.approx(4 * 5.0 + 4 * 2.0)
    for job in jobs[2:]:
        outlook.drop(job)
    assert outlook.eta_s() == 0.0
    assert outlook.done() == 1.0


def test_side_by_side_is_faster_but_not_faster_than_the_longest_job():
    clock = Clock()
    jobs = [Job(ONE, seed) for seed in range(4)]
    outlook = Outlook(jobs, max_epochs=10, finished={}, workers=2, clock=clock)
    for job in jobs[:2]:
        outlook.start(job)
    clock.now = 1.0
    for job in jobs[:2]:
        outlook.epoch(job)
    assert outlook.eta_s() == pytest.approx((9 + 9 + 10 + 10) / 2)
    for job in jobs[1:]:
        outlook.drop(job)
    assert outlook.eta_s() == pytest.approx(9.0)


def test_progress_never_falls_and_counts_what_an_earlier_attempt_finished():
    clock = Clock()
    jobs = [Job(ONE, 1), Job(ONE, 2)]
    outlook = Outlook(jobs, max_epochs=10, finished={jobs[0].job_id: 3}, workers=1, clock=clock)
    assert outlook.done() == pytest.approx(3 / 6)
    outlook.start(jobs[1])
    shown = []
    for _ in range(9):  # longer than expected
        clock.now += 1.0
        outlook.epoch(jobs[1])
        shown.append(outlook.done())
    assert shown == sorted(shown)
    assert shown[-1] < 1.0
    assert outlook.eta_s() == pytest.approx(1.0)


def test_an_arm_that_was_not_timed_is_taken_to_be_like_its_backbone():
    clock = Clock()
    jobs = [
        Job(ONE, 1),
        Job(Arm(backbone="mgcn", modalities=()), 1),
        Job(Arm(backbone="mgcn", modalities=("text",)), 1),
        Job(TWO, 1),
    ]
    outlook = Outlook(jobs, max_epochs=10, finished={}, workers=1, clock=clock)
    for job, seconds, epochs in ((jobs[0], 1.0, 2), (jobs[1], 5.0, 4)):
        outlook.start(job)
        for _ in range(epochs):
            clock.now += seconds
            outlook.epoch(job)
        outlook.finish(job)
    assert outlook.eta_s() == pytest.approx(4 * 5.0 + 2 * 1.0)
