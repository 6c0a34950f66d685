"""A real Dask cluster of two workers on this computer: the same numbers, and plain words where there is none."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from diagnostics.errors import TenbinError
from diagnostics.probe import jobs
from diagnostics.runs import execute
from diagnostics.runs.cluster import train_there
from tests.faults.disk import small_probe

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of its own with one thread."""
    pytest.importorskip("distributed", reason="dask is absent: the cluster is not tested")
    folder = tmp_path_factory.mktemp("dask")
    told = folder / "scheduler.json"
    quiet = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    files = ["--scheduler-file", str(told)]
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *files]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--no-nanny", *files]
    parts = [scheduler, *[[*worker, "--local-directory", str(folder)]] * 2]
    caps = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment = {**os.environ, **caps, "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    processes = [subprocess.Popen([sys.executable, "-m", *part], env=environment, **quiet) for part in parts]
    try:
        deadline = time.monotonic() + 300
        while not told.exists():
            assert time.monotonic() < deadline and processes[0].poll() is None
            time.sleep(0.05)

        from distributed import Client

        address = json.loads(told.read_text(encoding="utf-8"))["address"]
        with Client(address, set_as_default=False) as client:
            client.wait_for_workers(2, timeout=300)
        yield "dask://" + address.partition("://")[2]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _numbers(run):
    return {name: {key: array.tobytes() for key, array in result.arrays.items()} for name, result in run.results.items()}


def test_a_cluster_of_two_workers_gives_the_same_numbers(tmp_path, cluster):
    plan, inputs = small_probe()
    here = execute(tmp_path / "here", plan, inputs, threads=1)
    heard = []
    there = execute(tmp_path / "there", plan, inputs, cluster=cluster, on_event=heard.append)
    assert there.status == "finished" and not there.failures
    assert _numbers(there) == _numbers(here)
    assert [result.meta for result in there.results.values()] == [result.meta for result in here.results.values()]
    assert sum(event.kind == "epoch" for event in heard) == sum(event.kind == "epoch" for event in here.events)
    again = execute(tmp_path / "there", plan, inputs, cluster=cluster)
    assert _numbers(again) == _numbers(here)


def test_a_training_that_fails_there_fails_alone(tmp_path, cluster, inputs, make_plan):
    run = execute(tmp_path, make_plan((13,)), inputs, cluster=cluster, train="tests.runs.fake_training:train")
    assert sorted(run.failures.values()) == ["FloatingPointError", "needed_job_failed"]
    assert len(run.results) == 3


@pytest.mark.parametrize("address", ["spark://host:1", "dask://", "host:8786"])
def test_what_is_no_address_is_refused(tmp_path, address):
    plan, inputs = small_probe()
    with pytest.raises(TenbinError) as refused:
        execute(tmp_path, plan, inputs, cluster=address)
    assert refused.value.code == "E_CLUSTER_ADDRESS"


def test_a_cluster_that_is_not_there_is_told(tmp_path, monkeypatch):
    pytest.importorskip("distributed", reason="dask is absent: the cluster is not tested")
    monkeypatch.setattr("diagnostics.runs.cluster._CONNECT_S", 1)
    plan, inputs = small_probe()
    with pytest.raises(TenbinError) as refused:
        execute(tmp_path, plan, inputs, cluster="dask://127.0.0.1:9")
    assert refused.value.code == "E_CLUSTER_UNREACHABLE"


def test_a_missing_package_is_told(tmp_path, monkeypatch):
    for module in ("distributed", "ray"):
        monkeypatch.setitem(sys.modules, module, None)
        plan, inputs = small_probe()
        with pytest.raises(TenbinError) as refused:
            execute(tmp_path, plan, inputs, cluster=f"{'dask' if module == 'distributed' else module}://127.0.0.1:9")
        assert refused.value.code == "E_CLUSTER_EXTRA"


def test_another_version_of_the_code_trains_nothing(tmp_path):
    plan, _ = small_probe()
    told = train_there("diagnostics.probe:train_job", "other", "key", plan.model_dump_json(), {}, jobs(plan)[0].job_id, {})
    assert told == ([], None, "cluster_has_other_code")
