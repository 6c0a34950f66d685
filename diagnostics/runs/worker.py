"""Runs every job of a probe, one training per core, each in a process of its own, and survives whatever happens to them."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from diagnostics.config import cores, threshold
from diagnostics.errors import TenbinError
from diagnostics.runs.cluster import ClusterCrew
from diagnostics.runs.crew import Crew
from diagnostics.runs.disk import append_text, write_atomic
from diagnostics.runs.eta import Outlook
from diagnostics.runs.index import RunIndex
from diagnostics.runs.store import JobStore, RunFolder, code_version, digest_of
from diagnostics.schema import Arm, ProbeEvent, ProbePlan

if TYPE_CHECKING:
    from diagnostics.probe import Job, ProbeInputs, ProbeRun

__all__ = ["demand_device", "execute"]

_COUNT_S = 0.25  # between two epochs that are told how far the run is: thousands of trainings take milliseconds to count


def execute(
    run_dir: Path,
    plan: ProbePlan,
    inputs: ProbeInputs,
    *,
    threads: int | None = None,
    cluster: str | None = None,
    device: str | None = None,
    on_event: Callable[[ProbeEvent], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    settled: Callable[[ProbeRun], Collection[Arm]] | None = None,
    train: str = "diagnostics.probe:train_job",
) -> ProbeRun:
    """Train every arm with every seed and return all results, without parameters; what was finished before is not trained again.

    All arms are trained with the first seed before any with the second, so that a run cut short still compares like with like.
    A job that needs teachers waits for those of its own seed. A job that fails is reported in ``failures`` (with all that
    needed it) and the rest goes on. The results do not depend on the number of processes nor on the order they finish in; with a
    device their last digits may, as what is trained together is added up together.

    Parameters
    ----------
    run_dir : the run's folder; everything goes below ``run/`` in it, the processes' own words into ``log.txt``.
    threads : trainings at a time, one core each; None for this run's part of the cores, which all runs at work share.
    cluster : ``dask://HOST:PORT`` or ``ray://HOST:PORT``, to train on its machines instead of in processes of this one.
    device : ``cuda``, or another of torch's names of a device: what can be stacked is trained there together, the rest as usual.
    on_event : called in this thread with every event, completed with ``done`` and ``eta_s``.
    cancelled : asked about ten times a second; the file ``cancel`` in ``run_dir`` asks for the same.
    settled : asked after each seed from the ``first_look``-th on, with the results of the seeds until then and of no other, for
        arms of which no more is needed; all of them end the run. So what it comes to does not depend on which trainings happened
        to be faster. What needs a settled arm after all is given up.
    train : ``module:function`` with the signature of ``diagnostics.probe.train_job``.

    Raises
    ------
    TenbinError
        The cluster cannot be used: ``E_CLUSTER_ADDRESS``, ``E_CLUSTER_EXTRA``, ``E_CLUSTER_UNREACHABLE``; or the device:
        ``E_NO_GPU``, ``E_DEVICE_AND_CLUSTER``.
    OSError
        The disk is full, fails or refuses. What was finished, and the last whole checkpoint of what was not, are kept.
    """
    from diagnostics.probe import ProbeRun, effort, jobs, longest_ways, stackable

    demand_device(device, cluster)
    place = {seed: number for number, seed in enumerate(plan.all_seeds, start=1)}
    todo = sorted(jobs(plan), key=lambda job: place[job.seed])  # stable: within a seed the arms keep the plan's order
    store = _prepare(run_dir / "run", plan, inputs, device)
    results = {job.job_id: found.without_state() for job in todo if (found := store.load(job.job_id)) is not None}
    for job in todo:
        if job.job_id in results:
            store.complete(job.job_id, _started(job, plan), _event("arm_finished", job))
    failures: dict[str, str] = {}
    efforts = {job: effort(plan, job, len(inputs.train)) for job in todo}
    ways = longest_ways(efforts)
    in_turn = sorted(todo, key=lambda job: (place[job.seed], -ways[job.job_id]))
    open_ = {job.job_id: job for job in in_turn if job.job_id not in results}  # neither finished nor given up
    for job_id in open_:
        store.forget(job_id)
    begun: set[str] = set()
    settled_after: dict[Arm, int] = {}
    workers = max(1, min(threads or cores(), len(open_)))
    known = {job_id: sum(event.kind == "epoch" for event in store.events(job_id)) for job_id in results}
    together = {job.job_id for job in todo if device is not None and stackable(job)}
    outlook = Outlook(efforts, plan.max_epochs // plan.validate_every, known, workers, together)
    if settled is None:
        outlook.looked()

    counted, progress = 0.0, dict[str, Any]()
    news = True  # of epochs there are thousands; only what begins or ends a training lets another one begin, or settles anything

    def tell(event: ProbeEvent, job: Job | None = None) -> None:
        nonlocal counted, progress
        if event.kind != "epoch" or time.monotonic() - counted > _COUNT_S:
            counted = time.monotonic()
            progress = {"done": outlook.done(), "eta_s": outlook.eta_s(), "eta_range_s": outlook.eta_range_s()}
        event = event.model_copy(update=progress)
        if job is not None:
            append_text(store.events_file(job.job_id), event.model_dump_json() + "\n")
        if on_event is not None:
            on_event(event)

    def give_up(job: Job, reason: str) -> None:
        nonlocal news
        news = True
        failures[job.job_id] = reason
        open_.pop(job.job_id, None)
        outlook.drop(job)
        tell(_event("arm_failed", job, reason=reason), job)

    def hear(job: Job, message: dict[str, Any]) -> None:
        if message["kind"] == "event":
            event = ProbeEvent.model_validate(message["event"])
            if event.kind == "epoch":
                outlook.epoch(job, event.seconds)
                tell(event, job)
        elif message["kind"] == "disk":
            raise OSError(message["errno"], os.strerror(message["errno"]), str(run_dir))
        elif message["kind"] == "failed":
            give_up(job, message["reason"])
        elif (result := store.load(job.job_id)) is None:
            give_up(job, "result_unreadable")
        else:
            results[job.job_id] = result.without_state()
            open_.pop(job.job_id, None)
            outlook.finish(job)
            tell(_event("arm_finished", job), job)

    def so_far(status: Literal["cancelled", "finished"], stopped_after: int | None = None) -> ProbeRun:
        run = ProbeRun(plan, status, (), {}, stopped_after=stopped_after, settled_after=dict(settled_after))
        known = run.asked()
        return replace(
            run,
            events=tuple(event for job in known for event in store.events(job.job_id)),
            results={job.job_id: results[job.job_id] for job in known if job.job_id in results},
            failures={job.job_id: failures[job.job_id] for job in known if job.job_id in failures},
        )

    looked = int(threshold("first_look")) - 1

    def look() -> int | None:
        """The number of seeds after which it was settled; None while it is not."""
        nonlocal looked
        if settled is None:
            return None
        while looked + 1 < min((place[job.seed] for job in open_.values()), default=len(place)):
            looked += 1
            arms = settled(so_far("finished", looked))
            if set(plan.arms) <= set(arms):
                return looked
            settled_after.update((arm, looked) for arm in arms if arm not in settled_after)
            for job in [job for job in open_.values() if job.arm in settled_after]:  # all of later seeds
                del open_[job.job_id]
                if job.job_id not in begun:  # what is under way takes its time all the same
                    outlook.drop(job)
            outlook.looked()
        return None

    flag = RunFolder(run_dir)
    stopped, enough = False, look()
    share = _Share(workers) if threads is None and cluster is None else None
    with ClusterCrew(run_dir, store.key, train, cluster) if cluster else Crew(run_dir, store.key, train, workers, device) as crew:
        outlook.workers = crew.size
        while enough is None and open_:
            if share is not None and (size := share.now()) != crew.size:
                crew.size = outlook.workers = size
                news = True
            stopped = flag.cancel_asked or (cancelled is not None and cancelled())
            if stopped:
                break
            waiting = [job for job_id, job in open_.items() if job_id not in begun] if news else []
            news = False
            for job in waiting:
                if any(need not in results and need not in open_ for need in job.needs):
                    give_up(job, "needed_job_failed")
                elif crew.takes(job) and all(need in results for need in job.needs):
                    begun.add(job.job_id)
                    crew.give(job)
                    outlook.start(job)
                    tell(_started(job, plan), job)
            for job, message in crew.messages():
                hear(job, message)
                news |= message["kind"] != "event"
            if news:
                enough = look()

    if not stopped:
        outlook.end()
    for job in [job for job_id, job in open_.items() if stopped and job_id in begun]:
        if store.load(job.job_id) is not None:  # finished as the run was stopped, and nobody listened any more
            hear(job, {"kind": "result"})
            store.complete(job.job_id, _started(job, plan), _event("arm_finished", job))
    status: Literal["cancelled", "finished"] = "cancelled" if stopped else "finished"
    tell(ProbeEvent(kind=status))
    return so_far(status, enough)


class _Share:
    """How many trainings a run may have side by side: its part of the cores, which all runs at work share."""

    def __init__(self, most: int) -> None:
        self._most, self._share, self._asked = most, most, 0.0

    def now(self) -> int:
        """Asked anew about once a second, as runs come and go."""
        if time.monotonic() - self._asked > 1.0:
            self._asked = time.monotonic()
            try:
                self._share = max(1, min(self._most, cores() // max(RunIndex().working(), 1)))
            except (OSError, sqlite3.Error):  # without an index nobody knows of any other run
                self._share = self._most
        return self._share


def demand_device(device: str | None, cluster: str | None = None) -> None:
    """Raises TenbinError: ``E_NO_GPU`` where there is no such device, ``E_DEVICE_AND_CLUSTER`` where both are asked for."""
    if device is not None and cluster is not None:
        raise TenbinError("E_DEVICE_AND_CLUSTER")
    if device is not None and device.startswith("cuda"):
        import torch

        if not torch.cuda.is_available():
            raise TenbinError("E_NO_GPU")


def _prepare(folder: Path, plan: ProbePlan, inputs: ProbeInputs, device: str | None) -> JobStore:
    """Write plan and inputs, and derive the key that ties every result to them, to the code and to the device."""
    plan_json = json.dumps(plan.model_dump(mode="json"), sort_keys=True, indent=1)
    write_atomic(folder / "plan.json", plan_json)
    inputs.save(folder / "inputs")
    parts = plan_json + digest_of(folder / "inputs") + code_version() + (device or "")
    key = hashlib.blake2b(parts.encode(), digest_size=8).hexdigest()
    return JobStore(folder, key)


def _started(job: Job, plan: ProbePlan) -> ProbeEvent:
    return _event("started", job, max_epochs=plan.max_epochs)


def _event(kind: Literal["started", "arm_finished", "arm_failed"], job: Job, **more: Any) -> ProbeEvent:
    return ProbeEvent(kind=kind, arm=job.name, seed=job.seed, **more)
