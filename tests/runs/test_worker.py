"""The scheduler with its real processes, on trainings whose results a reader can predict."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from diagnostics.probe import ProbeRun, jobs
from diagnostics.runs import RunFolder, execute
from diagnostics.runs.process import start_time
from diagnostics.schema import Arm, ProbeEvent
from tests.runs.fake_training import EPOCHS, number
from tests.runs.processes import training_processes

TRAIN = "tests.runs.fake_training:train"


def _wait_for(condition, seconds: float = 300.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def _numbers(run: ProbeRun) -> dict[str, float]:
    return {job_id: float(result.arrays["number"][0]) for job_id, result in run.results.items()}


def test_every_job_runs_once_and_gets_its_teachers(tmp_path, inputs, make_plan):
    plan = make_plan()
    heard: list[ProbeEvent] = []
    run = execute(tmp_path, plan, inputs, threads=2, on_event=heard.append, train=TRAIN)

    assert run.status == "finished"
    assert not run.failures
    expected = {job.job_id: number(job) for job in jobs(plan)}
    for job in jobs(plan):
        if job.needs:
            expected[job.job_id] += sum(expected[need] for need in job.needs)
    assert any(job.needs for job in jobs(plan))
    assert _numbers(run) == expected
    assert all(result.meta["train"] == len(inputs.train) for result in run.results.values())
    assert sum(event.kind == "epoch" for event in heard) == EPOCHS * len(expected)
    assert sum(event.kind == "arm_finished" for event in heard) == len(expected)
    assert [event.done for event in heard] == sorted(event.done for event in heard)
    assert heard[-1].kind == "finished"
    assert heard[-1].done == 1.0
    assert heard[-1].eta_s == 0.0
    assert len({int(result.arrays["pid"][0]) for result in run.results.values()}) == 2
    assert training_processes(tmp_path) == {}


def test_a_seed_begins_with_what_others_wait_for_and_ends_with_what_is_short(tmp_path, inputs, make_plan):
    heard: list[ProbeEvent] = []
    execute(tmp_path, make_plan(), inputs, threads=1, on_event=heard.append, train=TRAIN)
    begun = [(event.seed, event.arm) for event in heard if event.kind == "started"]
    arms = ["vbpr:text:none", "vbpr:image:none", "vbpr:text+image:ckd", "vbpr:text+image:none", "vbpr:id:none"]
    assert begun == [(seed, arm) for seed in (1, 2) for arm in arms]


def test_a_run_ends_when_it_is_settled_with_the_same_result_whatever_was_faster(tmp_path, inputs, make_plan):
    plan = make_plan((1, 2, 3, 4, 5))

    def settled(run: ProbeRun) -> tuple[Arm, ...]:
        asked.append(run)
        return plan.arms if run.stopped_after == 4 else ()

    heard: list[ProbeEvent] = []
    runs = []
    for folder, threads in (("one", 1), ("two", 2), ("two", 2)):  # the last goes on in a folder where all is done
        asked: list[ProbeRun] = []
        runs.append(execute(tmp_path / folder, plan, inputs, threads=threads, settled=settled, on_event=heard.append, train=TRAIN))
        assert [run.stopped_after for run in asked] == [3, 4]
        for run in asked:  # all of the seeds until then, and nothing of any other
            assert set(run.results) == {job.job_id for job in jobs(plan) if job.seed <= run.stopped_after}
            assert {event.seed for event in run.events} == set(range(1, run.stopped_after + 1))
    assert [event.done for event in heard if event.kind == "finished"] == [1.0, 1.0, 1.0]
    assert [(run.status, run.stopped_after) for run in runs] == [("finished", 4)] * 3
    assert _numbers(runs[0]) == _numbers(runs[1]) == _numbers(runs[2])
    assert training_processes(tmp_path) == {}


def test_an_arm_that_is_settled_is_trained_no_more_while_the_others_go_on(tmp_path, inputs, make_plan):
    plan = make_plan((1, 2, 3, 4, 5, 6))
    balanced, alone = plan.arms[0], plan.arms[2]
    until = {balanced: 3, alone: 4}  # nothing but the first needs the second

    def settled(run: ProbeRun) -> set[Arm]:
        asked.append(run)
        return {arm for arm, n_seeds in until.items() if run.stopped_after >= n_seeds}

    runs = []
    for folder, threads in (("one", 1), ("three", 3), ("three", 3)):  # the last goes on in a folder where all is done
        asked: list[ProbeRun] = []
        heard: list[ProbeEvent] = []
        runs.append(execute(tmp_path / folder, plan, inputs, threads=threads, settled=settled, on_event=heard.append, train=TRAIN))
        assert [run.stopped_after for run in asked] == [3, 4, 5]
        assert [run.settled_after for run in asked] == [{}, {balanced: 3}, until]
        assert heard[-1].done == 1.0
    begun = (tmp_path / "one" / "run" / "events").iterdir()
    assert {path.name.removesuffix(".jsonl") for path in begun} == set(runs[0].results)  # one at a time: none began in vain
    for run in runs:
        assert (run.status, run.stopped_after, run.settled_after) == ("finished", None, until)
        assert set(run.results) == {job.job_id for job in jobs(plan) if job.seed <= until.get(job.arm, 6)}
        assert set(run.results) == {job.job_id for job in run.asked()}
        assert [event.arm for event in run.events if event.kind == "arm_finished"].count(balanced.arm_id) == 3
    assert _numbers(runs[0]) == _numbers(runs[1]) == _numbers(runs[2])
    assert training_processes(tmp_path) == {}


def test_what_needs_a_settled_arm_after_all_is_given_up_and_waits_for_nothing(tmp_path, inputs, make_plan):
    plan = make_plan((1, 2, 3, 4, 5))
    balanced, alone = plan.arms[0], plan.arms[2]
    run = execute(tmp_path, plan, inputs, threads=1, settled=lambda run: {alone}, train=TRAIN)
    failed = {job.job_id: "needed_job_failed" for job in jobs(plan) if job.arm == balanced and job.seed > 3}
    assert run.status == "finished" and run.failures == failed


def test_each_training_has_one_thread(tmp_path, inputs, make_plan):
    run = execute(tmp_path, make_plan((1,)), inputs, threads=1, train=TRAIN)
    assert {tuple(result.arrays["caps"]) for result in run.results.values()} == {(1.0, 1.0, 1.0)}


def test_the_number_of_processes_changes_nothing(tmp_path, inputs, make_plan):
    one = execute(tmp_path / "one", make_plan(), inputs, threads=1, train=TRAIN)
    two = execute(tmp_path / "two", make_plan(), inputs, threads=3, train=TRAIN)
    assert list(one.results) == list(two.results)
    assert _numbers(one) == _numbers(two)
    assert [(event.kind, event.arm, event.seed, event.epoch) for event in one.events] == [
        (event.kind, event.arm, event.seed, event.epoch) for event in two.events
    ]


def test_with_one_process_the_first_seed_is_finished_before_the_second_begins(tmp_path, inputs, make_plan):
    heard: list[ProbeEvent] = []
    execute(tmp_path, make_plan((7, 2)), inputs, threads=1, on_event=heard.append, train=TRAIN)
    seeds = [event.seed for event in heard if event.kind == "started"]
    assert seeds == [7] * 5 + [2] * 5


@pytest.mark.parametrize(
    ("seed", "reason"), [(13, "FloatingPointError"), (14, "process_died"), (17, "MemoryError"), (18, "process_killed")]
)
def test_a_failed_job_is_reported_with_all_that_needed_it_and_the_rest_goes_on(tmp_path, inputs, make_plan, seed, reason):
    plan = make_plan((seed, 1))
    run = execute(tmp_path, plan, inputs, threads=2, train=TRAIN)
    failed = {job.job_id: job for job in jobs(plan) if job.job_id in run.failures}
    assert {(job.arm.modalities, job.arm.balancer, run.failures[name]) for name, job in failed.items()} == {
        (("text",), "none", reason),
        (("text", "image"), "ckd", "needed_job_failed"),
    }
    assert {job.seed for job in failed.values()} == {seed}
    assert len(run.results) == len(jobs(plan)) - 2
    assert "a cell's value" not in "".join(path.read_text() for path in (tmp_path / "run" / "events").iterdir())


def test_a_full_disk_is_no_fault_of_one_training_and_ends_the_run(tmp_path, inputs, make_plan):
    with pytest.raises(OSError, match="No space left") as refused:
        execute(tmp_path, make_plan((1, 19)), inputs, threads=1, train=TRAIN)
    assert refused.value.errno == errno.ENOSPC
    assert len(list((tmp_path / "run" / "results").iterdir())) == 5  # of seed 1
    assert training_processes(tmp_path) == {}


def test_what_a_library_prints_goes_to_the_log(tmp_path, inputs, make_plan):
    run = execute(tmp_path, make_plan((16,)), inputs, threads=1, train=TRAIN)
    assert not run.failures
    assert "a library talks" in (tmp_path / "log.txt").read_text()


@pytest.mark.parametrize("by", ["flag", "callable"])
def test_cancel_ends_trainings_that_never_end_and_keeps_finished_jobs(tmp_path, inputs, make_plan, by):
    plan = make_plan((1, 15))  # seed 15 never ends by itself
    asked = threading.Event()
    heard: list[ProbeEvent] = []
    box: list[ProbeRun] = []
    work = threading.Thread(
        target=lambda: box.append(
            execute(tmp_path, plan, inputs, threads=2, on_event=heard.append, cancelled=asked.is_set, train=TRAIN)
        )
    )
    work.start()
    _wait_for(lambda: sum(event.kind == "arm_finished" for event in heard) == 5)
    _wait_for(lambda: sum(event.seed == 15 and event.epoch == EPOCHS for event in heard) == 2)
    if by == "flag":
        RunFolder(tmp_path).cancel()
    else:
        asked.set()
    work.join(300)
    assert not work.is_alive()
    (run,) = box
    assert run.status == "cancelled"
    assert {job.seed for job in jobs(plan) if job.job_id in run.results} == {1}
    assert len(run.results) == 5
    assert not run.failures
    assert training_processes(tmp_path) == {}


def test_a_training_that_finishes_as_the_run_is_stopped_counts(tmp_path, inputs, make_plan):
    looks = 0

    def cancelled() -> bool:
        """Stops the run once a result is written, before anybody has heard of it."""
        nonlocal looks
        looks += 1
        if looks > 1:
            _wait_for(lambda: any((tmp_path / "run" / "results").glob("*.safetensors")))
        return looks > 1

    run = execute(tmp_path, make_plan(), inputs, threads=1, cancelled=cancelled, train=TRAIN)
    assert looks == 2
    assert run.status == "cancelled"
    (job_id,) = run.results
    assert not run.failures
    (log,) = (tmp_path / "run" / "events").iterdir()
    assert log.stem == job_id
    assert [event.kind for event in run.events] == ["started", *["epoch"] * EPOCHS, "arm_finished"]


def test_finished_jobs_are_not_trained_again_but_torn_and_foreign_ones_are(tmp_path, inputs, make_plan):
    marks = tmp_path / "marks"
    marks.mkdir()
    plan = make_plan((1,), marks=str(marks))
    train = "tests.runs.fake_training:count"
    first = execute(tmp_path / "run", plan, inputs, threads=2, train=train)
    assert len(list(marks.iterdir())) == 5
    again = execute(tmp_path / "run", plan, inputs, threads=2, train=train)
    assert len(list(marks.iterdir())) == 5
    assert _numbers(again) == _numbers(first)
    assert again.events == first.events

    results = sorted((tmp_path / "run" / "run" / "results").iterdir())
    results[0].write_bytes(results[0].read_bytes()[:-3])
    results[1].unlink()
    execute(tmp_path / "run", plan, inputs, threads=2, train=train)
    assert len(list(marks.iterdir())) == 7

    other = plan.model_copy(update={"learning_rate": 0.2})
    execute(tmp_path / "run", other, inputs, threads=2, train=train)
    assert len(list(marks.iterdir())) == 12


def test_the_same_job_gives_the_same_bytes(tmp_path, inputs, make_plan):
    files = []
    for name in ("one", "two"):
        execute(tmp_path / name, make_plan((1,)), inputs, threads=1, train="tests.runs.fake_training:train")
        files.append(sorted((tmp_path / name / "run" / "results").iterdir()))
    assert [path.name for path in files[0]] == [path.name for path in files[1]]
    assert all(len(path.read_bytes()) > 0 for path in files[0])
    for one, two in zip(*files, strict=True):
        # the fake training stores its process id, which the checksum covers; with both blanked, every other byte must agree
        a, b = (np.frombuffer(path.read_bytes(), dtype=np.uint8) for path in (one, two))
        assert len(a) == len(b)
        assert (a != b).sum() <= 8 + 32


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_no_training_outlives_its_parent(tmp_path, sent):
    script = textwrap.dedent(f"""
        import numpy as np
        from pathlib import Path
        from diagnostics.probe import ProbeInputs
        from diagnostics.runs import execute
        from diagnostics.schema import Arm, ProbePlan
        pairs = np.zeros((1, 2), dtype=np.int32)
        inputs = ProbeInputs(1, 1, pairs, pairs, pairs, {{}}, np.zeros(1, dtype=np.int32), {{}}, {{}})
        plan = ProbePlan(fingerprint="", preset="quick", modalities=(), arms=(Arm(backbone="vbpr", modalities=()),),
                         seeds=(15,), split="user", max_epochs=5, patience=1, batch_size=1, learning_rate=.1, l2=0., dimensions=1)
        execute(Path({str(tmp_path)!r}), plan, inputs, threads=1, train={TRAIN!r})
    """)
    root = Path(__file__).parents[2]
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=root, stderr=subprocess.DEVNULL)
    events = tmp_path / "run" / "events"
    _wait_for(lambda: events.is_dir() and any("epoch" in path.read_text() for path in events.iterdir()))
    assert len(training_processes(tmp_path)) == 1
    os.kill(parent.pid, sent)
    parent.wait(10)
    _wait_for(lambda: training_processes(tmp_path) == {}, seconds=5)
    assert start_time(parent.pid) is None
