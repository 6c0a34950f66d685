"""Runs whose trainings are stacked on a device: on the CPU, and on a GPU that is there."""

from __future__ import annotations

import errno
import os
import queue
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from diagnostics.errors import TenbinError
from diagnostics.probe import ProbeInputs, jobs, plan, prepare, stackable
from diagnostics.runs import RunFolder, execute, worker
from diagnostics.runs.child import serve_together
from diagnostics.runs.store import JobStore
from diagnostics.schema import ProbePlan
from models.stacked import Stack
from tests.faults.disk import small_probe, small_shop
from tests.runs.processes import training_processes

pytestmark = pytest.mark.usefixtures("torch_as_it_was")

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.mark.parametrize("device", DEVICES)
def test_what_is_stacked_comes_to_what_is_trained_one_by_one(tmp_path, device):
    dataset, blocks = small_shop()
    asked = plan(dataset, preset="standard", backbones=["vbpr"], balancers=["ckd", "ogm_ge"], n_seeds=2)
    asked = asked.model_copy(update={"max_epochs": 3, "dimensions": 8, "batch_size": 64})
    asked = asked.model_copy(update={"options": asked.options | {"extension": 1.0}})
    inputs = prepare(dataset, blocks, asked)
    together = [job for job in jobs(asked) if stackable(job)]
    assert {job.arm.balancer for job in together} == {"none", "ckd"}
    assert {job.stage for job in together} == {"", "rate"}
    apart = {job.arm.balancer for job in jobs(asked)} - {"none", "ckd"}
    assert apart == {"ogm_ge", "ensemble"}

    heard = []
    stacked = execute(tmp_path / "stacked", asked, inputs, threads=1, device=device, on_event=heard.append)
    usual = execute(tmp_path / "usual", asked, inputs, threads=1)
    assert stacked.status == "finished" and not stacked.failures
    assert set(stacked.results) == set(usual.results)
    for name, expected in usual.results.items():
        found = stacked.results[name]
        assert {**found.meta, "validation": None} == {**expected.meta, "validation": None}, name
        assert found.meta["validation"] == pytest.approx(expected.meta["validation"], abs=0.02), name
        assert set(found.arrays) == set(expected.arrays), name
        for array in ("recall", "ndcg"):
            if array in expected.arrays:
                np.testing.assert_allclose(
                    found.arrays[array].mean(axis=1), expected.arrays[array].mean(axis=1), atol=0.02, err_msg=name
                )
    assert [(event.arm, event.seed, event.epoch) for event in stacked.events] == [
        (event.arm, event.seed, event.epoch) for event in usual.events
    ]
    assert heard[-1].kind == "finished" and heard[-1].done == 1.0
    assert [event.done for event in heard] == sorted(event.done for event in heard)


@pytest.mark.parametrize("device", DEVICES)
def test_the_same_again_is_the_same_and_a_run_goes_on_with_what_it_has(tmp_path, device):
    asked, inputs = small_probe()
    one, other = (execute(tmp_path / name, asked, inputs, threads=1, device=device) for name in ("one", "other"))
    for name, result in one.results.items():
        for array, values in result.arrays.items():
            np.testing.assert_array_equal(values, other.results[name].arrays[array])
    heard = []
    execute(tmp_path / "one", asked, inputs, threads=1, device=device, on_event=heard.append)
    assert [event.kind for event in heard] == ["finished"]


def test_a_stack_can_be_cancelled(tmp_path):
    asked, inputs = small_probe()
    asked = asked.model_copy(update={"max_epochs": 100_000, "patience": 100_000})

    def cancel(event):
        if event.kind == "epoch":
            RunFolder(tmp_path).cancel()

    run = execute(tmp_path, asked, inputs, threads=1, device="cpu", on_event=cancel)
    assert run.status == "cancelled"
    assert training_processes(tmp_path) == {}


def test_a_stack_that_is_killed_takes_its_jobs_with_it_and_no_others(tmp_path):
    dataset, blocks = small_shop()
    asked = plan(dataset, preset="quick", balancers=["ogm_ge"], n_seeds=1)
    asked = asked.model_copy(update={"max_epochs": 200, "patience": 200, "dimensions": 8, "batch_size": 64})
    killed: list[str] = []

    def kill(event):
        if event.kind == "epoch" and "ogm_ge" not in event.arm and not killed:
            killed.append(event.arm)
            (stacking,) = (pid for pid, words in training_processes(tmp_path).items() if words[-1] == "cpu")
            os.kill(stacking, signal.SIGKILL)

    run = execute(tmp_path, asked, prepare(dataset, blocks, asked), threads=1, device="cpu", on_event=kill)
    together = {job.job_id for job in jobs(asked) if stackable(job)}
    assert {name for name, reason in run.failures.items() if reason == "process_killed"} == together
    assert [result.meta["balancer"] for result in run.results.values()] == ["ogm_ge"]


def _served(folder: Path, asked: ProbePlan, inputs: ProbeInputs) -> dict[str, list[dict]]:
    """What a process that stacks says of each job, all of them ordered at once, those with teachers when these are there."""
    together = [job for job in jobs(asked) if stackable(job)]
    store = worker._prepare(folder / "run", asked, inputs, "cpu")
    orders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    heard: dict[str, list[dict]] = {job.job_id: [] for job in together}

    def say(**record):
        heard[record["job"]].append(record)
        answered = {name for name, said in heard.items() if said and said[-1]["kind"] != "event"}
        if record["kind"] == "event":
            return
        if len(answered) == len(heard):
            orders.put(None)
        for job in together:
            if record["job"] in job.needs and set(job.needs) <= answered:
                orders.put(job.job_id)

    for job in together:
        if not job.needs:
            orders.put(job.job_id)
    serve_together(folder / "run", store.key, "cpu", orders, say)
    return heard


def _kinds(heard: dict[str, list[dict]]) -> dict[str, str]:
    return {name: said[-1]["kind"] for name, said in heard.items()}


def test_jobs_wait_while_there_is_no_memory_for_them(tmp_path, monkeypatch):
    asked, inputs = small_probe()
    found = iter([3, 1, 0, 2, 0, 1, 5])
    monkeypatch.setattr(Stack, "room", property(lambda stack: next(found, 0)))
    heard = _served(tmp_path, asked, inputs)
    assert set(_kinds(heard).values()) == {"result"}
    for said in heard.values():
        assert [record["event"]["epoch"] for record in said[:-1]] == list(range(1, len(said)))


def test_a_trial_that_diverges_is_a_trial_that_lost(tmp_path, monkeypatch):
    dataset, blocks = small_shop()
    asked = plan(dataset, preset="standard", backbones=["vbpr"], balancers=[], n_seeds=1)
    asked = asked.model_copy(
        update={"max_epochs": 2, "dimensions": 8, "batch_size": 64, "options": asked.options | {"rates": [1.0, 1e30]}}
    )
    inputs = prepare(dataset, blocks, asked)
    heard = _served(tmp_path, asked, inputs)
    assert set(_kinds(heard).values()) == {"result"}
    store = JobStore(tmp_path / "run", worker._prepare(tmp_path / "run", asked, inputs, "cpu").key)
    trials = [store.load(job.job_id) for job in jobs(asked) if job.stage == "rate"]
    assert [trial.meta["validation"] is None for trial in trials] == [False, True]


def test_a_job_that_cannot_begin_fails_alone(tmp_path, monkeypatch):
    asked, inputs = small_probe()
    load = JobStore.load
    monkeypatch.setattr(JobStore, "load", lambda store, name: None if ".text." in name else load(store, name))
    kinds = _kinds(_served(tmp_path, asked, inputs))
    assert {name.split(".")[2] for name, kind in kinds.items() if kind == "failed"} == {"ckd"}
    assert set(kinds.values()) == {"failed", "result"}


def test_a_full_disk_is_told_of_every_job_that_is_not_kept(tmp_path, monkeypatch):
    asked, inputs = small_probe()

    def full(store, result, events):
        raise OSError(errno.ENOSPC, "No space left on device")

    together = [job for job in jobs(asked) if stackable(job) and not job.needs]
    monkeypatch.setattr(JobStore, "save", full)
    with pytest.MonkeyPatch.context() as fewer:
        fewer.setattr("tests.runs.test_stacked.jobs", lambda plan: together)
        heard = _served(tmp_path, asked, inputs)
    assert _kinds(heard) == {job.job_id: "disk" for job in together}


def test_a_fault_of_all_is_told_of_each(tmp_path, monkeypatch):
    asked, inputs = small_probe()

    def fail(stack):
        raise RuntimeError("CUDA out of memory")

    together = [job for job in jobs(asked) if stackable(job) and not job.needs]
    monkeypatch.setattr(Stack, "epoch", fail)
    with pytest.MonkeyPatch.context() as fewer:
        fewer.setattr("tests.runs.test_stacked.jobs", lambda plan: together)
        heard = _served(tmp_path, asked, inputs)
    assert [said[-1]["reason"] for said in heard.values()] == ["MemoryError"] * len(together)


def test_a_cluster_and_a_device_exclude_each_other(tmp_path):
    asked, inputs = small_probe()
    with pytest.raises(TenbinError) as refused:
        execute(tmp_path, asked, inputs, device="cpu", cluster="dask://127.0.0.1:9")
    assert refused.value.code == "E_DEVICE_AND_CLUSTER"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told_before_anything_is_trained(tmp_path):
    asked, inputs = small_probe()
    with pytest.raises(TenbinError) as refused:
        execute(tmp_path, asked, inputs, device="cuda")
    assert refused.value.code == "E_NO_GPU"
    assert not (tmp_path / "run").exists()
