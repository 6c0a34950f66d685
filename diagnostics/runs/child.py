"""One training process: ``python -m diagnostics.runs.child RUN_FOLDER KEY MODULE:FUNCTION [DEVICE]``. Started by ``crew.py`` only.

It reads plan and inputs from the run folder, takes orders as JSON lines on standard input, trains one job at a time, or on a device
all that it has been given together, writes each result into the run folder and reports on standard output as JSON lines. When its
standard input ends, its parent is gone, and it ends at once: no orphan survives, however the parent died. Nothing is ever pickled.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["main", "serve", "serve_together"]


def main(run_folder: str, key: str, train: str, device: str = "") -> None:
    """Serve orders until told to stop; after a stop the training at hand may still end its epoch."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; only the parent decides what it means
    report = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # whatever a library prints goes to the log, not into our lines

    def say(**record: Any) -> None:
        report.write(json.dumps(record) + "\n")

    orders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    stop = threading.Event()
    threading.Thread(target=_listen, args=(orders, stop), daemon=True).start()
    if device:
        serve_together(Path(run_folder), key, device, orders, say, stop.is_set)
    else:
        serve(Path(run_folder), key, train, iter(orders.get, None), say, stop.is_set)


def serve(
    folder: Path,
    key: str,
    train: str,
    orders: Iterator[str | None],
    say: Callable[..., None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Train the jobs that are ordered, by their ids, and ``say`` what happens, until the orders end."""
    from diagnostics.errors import Cancelled
    from diagnostics.probe import ProbeInputs, jobs
    from diagnostics.runs.disk import code_of
    from diagnostics.runs.store import JobStore
    from diagnostics.schema import ProbeEvent, ProbePlan

    module, _, function = train.partition(":")
    train_job = getattr(importlib.import_module(module), function)
    store = JobStore(folder, key)
    plan = ProbePlan.model_validate_json((folder / "plan.json").read_bytes())
    inputs = ProbeInputs.load(store.inputs_folder)
    by_id = {job.job_id: job for job in jobs(plan)}
    for job_id in orders:
        job = by_id[str(job_id)]
        try:
            teachers = {name: store.load(name) for name in job.needs}
            result = None
            told: list[ProbeEvent] = []
            keeper = store.checkpoints(job.job_id)
            for step in train_job(inputs, plan, job, teachers, stopped, keeper):
                if isinstance(step, ProbeEvent):
                    told.append(step)
                    say(kind="event", job=job_id, event=step.model_dump(mode="json"))
                else:
                    result = step
            if result is None or stopped():
                raise Cancelled
            store.save(result, told)
            keeper.forget()
            say(kind="result", job=job_id)
        except Cancelled:
            say(kind="failed", job=job_id, reason="cancelled")
        except Exception as error:
            if isinstance(error, OSError) and code_of(error):  # not this training's fault: no other could keep its result either
                say(kind="disk", job=job_id, errno=error.errno)
                continue
            traceback.print_exc()
            say(kind="failed", job=job_id, reason=_reason(error))


def serve_together(
    folder: Path,
    key: str,
    device: str,
    orders: queue.SimpleQueue[str | None],
    say: Callable[..., None],
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """The same for jobs that are stacked on a device: each joins the others with their next epoch, once there is memory for it."""
    from diagnostics.probe import JobResult, JobStack, ProbeInputs, jobs
    from diagnostics.runs.disk import code_of
    from diagnostics.runs.store import JobStore
    from diagnostics.schema import ProbeEvent, ProbePlan

    store = JobStore(folder, key)
    plan = ProbePlan.model_validate_json((folder / "plan.json").read_bytes())
    stack = JobStack(ProbeInputs.load(store.inputs_folder), plan, device)
    by_id = {job.job_id: job for job in jobs(plan)}
    told: dict[str, list[ProbeEvent]] = {}
    waiting: list[str] = []
    unanswered: set[str] = set()

    def answer(kind: str, job_id: str, **more: Any) -> None:
        unanswered.discard(job_id)
        say(kind=kind, job=job_id, **more)

    try:
        while not stopped():
            while not orders.empty() or not (waiting or len(stack)):
                order = orders.get()
                if order is None:
                    return
                waiting.append(order)
                unanswered.add(order)
            if waiting:
                room = stack.room
                new, waiting = [by_id[name] for name in waiting[:room]], waiting[room:]
                failed = stack.add({job: {need: one for need in job.needs if (one := store.load(need))} for job in new})
                for job, error in failed.items():
                    answer("failed", job.job_id, reason=_reason(error))
            for job, said in stack.epoch():
                if isinstance(said, ProbeEvent):
                    told.setdefault(job.job_id, []).append(said)
                    say(kind="event", job=job.job_id, event=said.model_dump(mode="json"))
                elif isinstance(said, JobResult):
                    store.save(said, told.pop(job.job_id, []))
                    answer("result", job.job_id)
                else:
                    answer("failed", job.job_id, reason=_reason(said))
    except Exception as error:  # not one training's fault: none of them could go on
        traceback.print_exc()
        for job_id in sorted(unanswered):
            if isinstance(error, OSError) and code_of(error):
                answer("disk", job_id, errno=error.errno)
            else:
                answer("failed", job_id, reason=_reason(error))


def _reason(error: Exception) -> str:
    """The kind of failure; every library has its own way to say that memory has run out."""
    out_of_memory = isinstance(error, MemoryError) or any(sign in str(error) for sign in ("DefaultCPUAllocator", "out of memory"))
    return "MemoryError" if out_of_memory else type(error).__name__


def _listen(orders: queue.SimpleQueue[str | None], stop: threading.Event) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        if order["order"] == "stop":
            stop.set()
        orders.put(order.get("job"))
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
