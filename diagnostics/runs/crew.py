"""The training processes of one run: starts them, hands them jobs, hears what they say, and never leaves one behind."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from diagnostics.probe import Job

__all__ = ["Crew"]

_ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
_POLL_S = 0.1
_GRACE_S = 2.0  # for a training to stop by itself, after its next validation; then it is ended: Cancel takes at most 5 s


class _Member:
    """One process, the jobs it has, and a thread that passes its lines on. ``stacks``: it trains many jobs together."""

    def __init__(
        self, command: list[str], stacks: bool, log: IO[bytes], inbox: queue.SimpleQueue[tuple[_Member, dict[str, Any]]]
    ) -> None:
        root = str(Path(__file__).parents[2])
        environment = {
            **os.environ,
            **dict.fromkeys(_ONE_THREAD, "1"),
            "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
        }
        self.stacks = stacks
        self.jobs: dict[str, Job] = {}
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own module)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True, encoding="utf-8"
        )
        self._orders = cast("IO[str]", self._process.stdin)
        threading.Thread(target=self._pass_on, args=(inbox,), daemon=True).start()

    def _pass_on(self, inbox: queue.SimpleQueue[tuple[_Member, dict[str, Any]]]) -> None:
        for line in cast("IO[str]", self._process.stdout):
            inbox.put((self, json.loads(line)))
        inbox.put((self, {"kind": "gone"}))

    def say(self, **order: str) -> None:
        with contextlib.suppress(OSError):  # it has just died; its "gone" is on the way
            self._orders.write(json.dumps(order) + "\n")
            self._orders.flush()

    @property
    def was_killed(self) -> bool:
        """Whether somebody else ended it at once, which a system that runs out of memory does."""
        return self._process.wait() in (-9, 137)

    def dismiss(self, deadline: float) -> None:
        """Wait for the process to end by itself until ``deadline``, then end it by force."""
        try:
            self._process.wait(max(deadline - time.monotonic(), 0.0))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(OSError):
            self._orders.close()


class Crew:
    """Up to ``size`` trainings at a time, in processes started when there is work for them; a context manager that ends them all.

    With a ``device`` one more process trains there, together, all jobs that can be stacked. A process that dies takes only its jobs
    with it: they are reported as failed and the next one gets a new process.
    """

    module = "diagnostics.runs.child"

    def __init__(self, run_dir: Path, key: str, train: str, size: int, device: str | None = None) -> None:
        run_dir.mkdir(parents=True, exist_ok=True)
        self._command = [sys.executable, "-m", self.module, str(run_dir / "run"), key, train]
        self.size, self._device = size, device
        self._log = (run_dir / "log.txt").open("ab")
        self._members: list[_Member] = []
        self._inbox: queue.SimpleQueue[tuple[_Member, dict[str, Any]]] = queue.SimpleQueue()

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        deadline = time.monotonic() + _GRACE_S
        for member in self._members:
            member.say(order="stop")
        for member in self._members:
            member.dismiss(deadline)
        self._log.close()

    def takes(self, job: Job) -> bool:
        """Whether this job can begin at once, or with the next epoch of those that it is stacked with."""
        return self._stacks(job) or sum(bool(member.jobs) for member in self._members if not member.stacks) < self.size

    def _stacks(self, job: Job) -> bool:
        from diagnostics.probe import stackable

        return self._device is not None and stackable(job)

    def give(self, job: Job) -> None:
        """Have a job trained, by an idle process or a new one."""
        stacks = self._stacks(job)
        fitting = (member for member in self._members if member.stacks == stacks and (stacks or not member.jobs))
        member = next(fitting, None)
        if member is None:
            command = [*self._command, *([self._device] if stacks and self._device else [])]
            member = _Member(command, stacks, self._log, self._inbox)
            self._members.append(member)
        member.jobs[job.job_id] = job
        member.say(order="train", job=job.job_id)

    def messages(self) -> Iterator[tuple[Job, dict[str, Any]]]:
        """What was said since the last call, with the job it is about; waits a moment if there is nothing."""
        wait = _POLL_S
        while True:
            try:
                member, message = self._inbox.get(timeout=wait)
            except queue.Empty:
                return
            wait = 0.0
            if message["kind"] == "gone":
                self._members.remove(member)
                reason = "process_killed" if member.was_killed else "process_died"
                for job in member.jobs.values():
                    yield job, {"kind": "failed", "reason": reason}
            else:
                job = member.jobs[message["job"]]
                if message["kind"] != "event":
                    del member.jobs[job.job_id]
                yield job, message
