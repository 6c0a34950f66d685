"""Runs whose trainings are stacked on a device: on the CPU, and on a GPU that is there."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from diagnostics.errors import TenbinError
from diagnostics.probe import jobs, plan, prepare, stackable
from diagnostics.runs import RunFolder, execute
from tests.faults.disk import small_probe, small_shop


def _processes(folder: Path, device: str) -> list[int]:
    """Of the training processes of a run those that work on a device."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text(errors="replace").split("\0")
        except OSError:
            continue
        if "diagnostics.runs.child" in words and str(folder / "run") in words and device in words:
            found.append(int(path.parent.name))
    return found


@pytest.mark.parametrize("device", ["cpu", *(["cuda"] if torch.cuda.is_available() else [])])
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


def test_the_same_again_is_the_same_and_a_run_goes_on_with_what_it_has(tmp_path):
    asked, inputs = small_probe()
    one, other = (execute(tmp_path / name, asked, inputs, threads=1, device="cpu") for name in ("one", "other"))
    for name, result in one.results.items():
        for array, values in result.arrays.items():
            np.testing.assert_array_equal(values, other.results[name].arrays[array])
    heard = []
    execute(tmp_path / "one", asked, inputs, threads=1, device="cpu", on_event=heard.append)
    assert [event.kind for event in heard] == ["finished"]


def test_a_stack_can_be_cancelled(tmp_path):
    asked, inputs = small_probe()
    asked = asked.model_copy(update={"max_epochs": 100_000, "patience": 100_000})

    def cancel(event):
        if event.kind == "epoch":
            RunFolder(tmp_path).cancel()

    run = execute(tmp_path, asked, inputs, threads=1, device="cpu", on_event=cancel)
    assert run.status == "cancelled"
    assert _processes(tmp_path, "cpu") == []


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="processes are found by /proc")
def test_a_stack_that_is_killed_takes_its_jobs_with_it_and_no_others(tmp_path):
    asked, inputs = small_probe()
    asked = asked.model_copy(update={"max_epochs": 100_000, "patience": 100_000})
    killed = threading.Event()

    def kill(event):
        if event.kind == "epoch" and not killed.is_set():
            killed.set()
            os.kill(_processes(tmp_path, "cpu")[0], signal.SIGKILL)

    run = execute(tmp_path, asked, inputs, threads=1, device="cpu", on_event=kill)
    assert run.status == "finished"
    assert set(run.failures) == {job.job_id for job in jobs(asked)}
    assert set(run.failures.values()) == {"process_killed", "needed_job_failed"}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_told_before_anything_is_trained(tmp_path):
    asked, inputs = small_probe()
    with pytest.raises(TenbinError) as refused:
        execute(tmp_path, asked, inputs, device="cuda")
    assert refused.value.code == "E_NO_GPU"
    assert not (tmp_path / "run").exists()
