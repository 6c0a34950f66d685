"""A run is a folder. This module alone knows which file in it holds what; how files are written is ``disk``'s affair."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from diagnostics.errors import TenbinError
from diagnostics.runs.checkpoint import Checkpoints
from diagnostics.runs.disk import append_text, last_line, whole_lines, write_atomic
from diagnostics.runs.process import is_alive, start_time
from diagnostics.schema import Diagnosis, ProbeEvent, Profile

if TYPE_CHECKING:
    from diagnostics.probe import JobResult

__all__ = ["BEAT_S", "JobStore", "RunFolder", "RunStatus", "code_version", "digest_of"]

RunStatus = Literal["queued", "running", "finished", "failed", "cancelled", "interrupted"]
BEAT_S = 2.0
_RESULTS = ("profile.json", "diagnosis.json")
_KEPT = {name: f"earlier.{name}" for name in ("request.json", "outcome.json")}  # of the attempt that the results are of
_DEAD_S = 10.0  # five heartbeats missed; only asked about processes of other machines, here the system knows
_STALE_LOCK_S = 30.0  # starting takes well under a second; an older lock was left by a process that was killed


@functools.cache
def code_version() -> str:
    """A short hash of the source that decides a probe's numbers, so that results of older code are never taken for new ones."""
    package = Path(__file__).parents[1]
    digest = hashlib.blake2b(digest_size=8)
    for folder in (package.parent / "models", package):
        for path in sorted(folder.rglob("*.py")):
            if not {"dashboard", "report", "messages"} & set(path.relative_to(folder).parts):
                digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class RunFolder:
    """One run on disk: what was asked, how far it is, what came out. Every reader sees whole files only."""

    path: Path

    @property
    def token(self) -> str:
        return self.path.name

    # ---------------------------------------------------------------- for whoever watches

    def status(self) -> RunStatus:
        """How the run stands, judged by its outcome and by whether its process lives; never by age."""
        outcome = self.outcome()
        if outcome:
            status: RunStatus = outcome["status"]
            return status
        process = self._json("pid.json")
        if process is None:
            return "queued" if (self.path / "request.json").exists() else "interrupted"
        if not self._lives(process):
            return "interrupted"
        waits = self.place or not (self.path / "progress.jsonl").exists()
        return "queued" if waits else "running"

    def _lives(self, process: dict[str, Any]) -> bool:
        """Whether the process that took the run still runs: by pid and start time here, by its heartbeat on another machine."""
        if process.get("machine", platform.node()) == platform.node():
            return is_alive(process["pid"], process["started"])
        try:
            return time.time() - (self.path / "heartbeat").stat().st_mtime < _DEAD_S
        except FileNotFoundError:
            return False

    @property
    def place(self) -> int:
        """The run's place in the queue, the next one being 1; 0 when it does not wait."""
        waits = self._json("place.json")
        return int(waits["place"]) if waits else 0

    def latest(self) -> dict[str, Any] | None:
        """The last step so far, ``{"step": code, "done": 0..1}``; the probe's also carry ``eta_s``, ``eta_range_s`` and ``arm``."""
        return last_line(self.path / "progress.jsonl")

    def events(self) -> tuple[ProbeEvent, ...]:
        """Every event of the probe so far, job by job, each job's in the order they happened."""
        files = sorted((self.path / "run" / "events").glob("*.jsonl"))
        return tuple(event for path in files for event in _events(path))

    def judged_backbone(self) -> str | None:
        """The model that the verdict will be about; None as long as nothing is planned."""
        plan = self._json("run/plan.json")
        return str(plan["arms"][0]["backbone"]) if plan else None

    def profile(self) -> Profile | None:
        """The profile, as soon as it is ready."""
        path = self.path / "profile.json"
        return Profile.model_validate_json(path.read_bytes()) if path.exists() else None

    def diagnosis(self) -> Diagnosis | None:
        """The result, once the run has finished.

        Raises
        ------
        TenbinError
            ``E_BAD_DIAGNOSIS`` when the file is damaged or from another version.
        """
        path = self.path / "diagnosis.json"
        if not path.is_file():
            return None
        try:
            return Diagnosis.model_validate_json(path.read_bytes())
        except ValidationError as error:
            raise TenbinError("E_BAD_DIAGNOSIS", file=str(path)) from error

    def request(self) -> dict[str, Any] | None:
        """The options that the run was started with."""
        return self._json("request.json")

    def outcome(self) -> dict[str, Any] | None:
        """How the run ended: ``status``, ``exit_code`` and, if it failed, ``code`` and ``words`` by language; None before that."""
        return self._json("outcome.json")

    def cancel(self) -> None:
        """Ask the run to stop. It does so within five seconds and keeps what is finished."""
        write_atomic(self.path / "cancel", "")

    @property
    def cancel_asked(self) -> bool:
        return (self.path / "cancel").exists()

    # ---------------------------------------------------------------- for whoever does the work

    def begin(self, request_json: str) -> None:
        """Ready the folder for a new attempt: forget how an earlier one ended, keep the trainings that it finished.

        Its results stay until ``forget_results``, and so does what they were asked with: an attempt that cannot even be read for a
        mistyped path costs nobody anything, see ``restore``.

        Does nothing when the supervisor has already done so for this very process: a Cancel pressed meanwhile must count.
        """
        if self.is_mine and self.outcome() is None:
            return
        self.path.mkdir(parents=True, exist_ok=True)
        if any((self.path / name).exists() for name in _RESULTS):
            for name, earlier in _KEPT.items():
                if (self.path / name).exists() and not (self.path / earlier).exists():  # else this one came to nothing
                    (self.path / name).replace(self.path / earlier)
        for name in ("pid.json", "place.json", "heartbeat", "outcome.json", "cancel", "progress.jsonl"):
            (self.path / name).unlink(missing_ok=True)
        for torn in self.path.rglob(".*.tmp"):
            torn.unlink(missing_ok=True)
        write_atomic(self.path / "request.json", request_json)

    def forget_results(self) -> None:
        """From here on the folder's results are the new attempt's."""
        for name in (*_RESULTS, *_KEPT.values()):
            (self.path / name).unlink(missing_ok=True)

    def restore(self) -> None:
        """Once an attempt has ended: if it did before ``forget_results``, the folder is the earlier one's again."""
        for name, earlier in _KEPT.items():
            if (self.path / earlier).exists():
                (self.path / earlier).replace(self.path / name)

    @property
    def claimed(self) -> bool:
        """Whether a process has taken the run."""
        return (self.path / "pid.json").exists()

    @property
    def is_mine(self) -> bool:
        """Whether this very process has taken the run."""
        process = self._json("pid.json")
        return process is not None and is_alive(process["pid"], process["started"]) and process["pid"] == os.getpid()

    def claim(self, pid: int) -> None:
        """Note which process does the work."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        record = {"pid": pid, "started": start_time(pid), "machine": platform.node(), "claimed_at": now}
        self.beat()
        write_atomic(self.path / "pid.json", json.dumps(record))

    def beat(self) -> None:
        """A sign of life, every ``BEAT_S`` seconds, for whoever watches from another machine."""
        (self.path / "heartbeat").touch()

    def wait_at(self, place: int) -> None:
        """Note the run's place in the queue; 0 once it is its turn."""
        if place:
            write_atomic(self.path / "place.json", json.dumps({"place": place}))
        else:
            (self.path / "place.json").unlink(missing_ok=True)

    @contextlib.contextmanager
    def starting(self) -> Iterator[None]:
        """Held while somebody takes the run: two who start it at once start one run."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = self.path / "starting"
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
                break
            except FileExistsError:
                with contextlib.suppress(FileNotFoundError):
                    if time.time() - lock.stat().st_mtime > _STALE_LOCK_S:
                        lock.unlink()
                time.sleep(0.05)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)

    def report_step(self, step: str, done: float, **more: Any) -> None:
        """Append one line of progress."""
        append_text(self.path / "progress.jsonl", json.dumps({"step": step, "done": round(done, 4), **more}) + "\n")

    def end(self, status: RunStatus, exit_code: int, code: str | None = None, words: dict[str, str] | None = None) -> None:
        """Note how the run ended."""
        record = {"status": status, "exit_code": exit_code, "code": code, "words": words or {}}
        write_atomic(self.path / "outcome.json", json.dumps(record, ensure_ascii=False))

    def write_text(self, name: str, text: str) -> Path:
        """Write one file of the run, whole or not at all."""
        return write_atomic(self.path / name, text)

    def _json(self, name: str) -> dict[str, Any] | None:
        try:
            record: dict[str, Any] = json.loads((self.path / name).read_bytes())
        except FileNotFoundError:
            return None
        return record


@dataclass(frozen=True)
class JobStore:
    """The probe's part of a run folder: plan, inputs, and per job an event log, checkpoints while it trains, and one result.

    ``key`` says which plan, inputs and code a result belongs to; a result with another key counts as absent.
    """

    folder: Path
    key: str

    @property
    def inputs_folder(self) -> Path:
        return self.folder / "inputs"

    def events_file(self, job_id: str) -> Path:
        return self.folder / "events" / f"{job_id}.jsonl"

    def events(self, job_id: str) -> tuple[ProbeEvent, ...]:
        """What happened in one job, oldest first."""
        return _events(self.events_file(job_id))

    def result_file(self, job_id: str) -> Path:
        return self.folder / "results" / f"{job_id}.safetensors"

    def save(self, result: JobResult, told: Sequence[ProbeEvent] = ()) -> None:
        """Write one job's arrays and its JSON record into a single safetensors file, the same bytes for the same content.

        ``told``: the events of its epochs. Whoever hears them may be killed before they are in the log; see ``complete``.
        """
        import numpy as np
        from safetensors.numpy import save

        epochs = [event.model_dump(mode="json") for event in told]
        header = json.dumps({"key": self.key, "job_id": result.job_id, "meta": result.meta, "told": epochs}, sort_keys=True)
        arrays = {name: np.asarray(array, order="C") for name, array in sorted(result.arrays.items())}
        sealed = json.dumps([header, _checksum(header, arrays)])  # one entry: the format keeps several in no fixed order
        write_atomic(self.result_file(result.job_id), save(arrays, {"tenbin": sealed}))

    def accept(self, job_id: str, data: bytes) -> None:
        """Keep a result that another machine has written; whether it is whole shows when it is loaded."""
        write_atomic(self.result_file(job_id), data)

    def load(self, job_id: str) -> JobResult | None:
        """One job's result; None when it is absent, damaged, or belongs to another job, plan, other inputs or other code."""
        from diagnostics.probe import JobResult

        found = self._read(job_id)
        return None if found is None else JobResult(job_id=job_id, arrays=found[1], meta=found[0]["meta"])

    def complete(self, job_id: str, first: ProbeEvent, last: ProbeEvent) -> None:
        """See to it that the log of a job with a result is whole, between ``first`` and ``last``; it is written anew if not."""
        found, events = self._read(job_id), self.events(job_id)
        told = [] if found is None else [ProbeEvent.model_validate(event) for event in found[0]["told"]]
        if [event.epoch for event in events if event.kind == "epoch"] != [event.epoch for event in told] or (
            not events or events[-1].kind != last.kind
        ):
            write_atomic(self.events_file(job_id), "".join(f"{event.model_dump_json()}\n" for event in (first, *told, last)))

    def _read(self, job_id: str) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """Header and arrays of one job's result, if it is whole and what is asked for."""
        from safetensors import SafetensorError
        from safetensors.numpy import load

        path = self.result_file(job_id)
        if not path.exists():
            return None
        try:
            data = path.read_bytes()
            arrays = load(data)
            length = int.from_bytes(data[:8], "little")
            sealed, checksum = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["tenbin"])
            if checksum != _checksum(sealed, arrays):
                return None
            header: dict[str, Any] = json.loads(sealed)
        except (SafetensorError, ValueError, KeyError, TypeError):
            return None
        return (header, arrays) if (header["key"], header["job_id"]) == (self.key, job_id) else None

    def checkpoints(self, job_id: str) -> Checkpoints:
        """Keeps and finds the checkpoints of one job."""
        return Checkpoints(self.folder / "checkpoints", self.key, job_id)

    def forget(self, job_id: str) -> None:
        """Drop the log and the result that an earlier attempt left of a job that starts again; its checkpoints stay.

        A training that goes on after a checkpoint tells of all its epochs anew.
        """
        self.result_file(job_id).unlink(missing_ok=True)
        self.events_file(job_id).unlink(missing_ok=True)
        self.events_file(job_id).parent.mkdir(parents=True, exist_ok=True)
        self.result_file(job_id).parent.mkdir(parents=True, exist_ok=True)


def _events(path: Path) -> tuple[ProbeEvent, ...]:
    if not path.exists():
        return ()
    state = path.stat()
    return _parsed(path, state.st_size, state.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _parsed(path: Path, size: int, changed: int) -> tuple[ProbeEvent, ...]:
    """The events of a log in one state: whoever watches a long run looks every second, and most logs have come to their end."""
    return tuple(ProbeEvent.model_validate_json(line) for line in whole_lines(path))


def _checksum(header: str, arrays: Mapping[str, Any]) -> str:
    """Over everything that a result says: a flipped bit is not seen by the file format."""
    digest = hashlib.blake2b(header.encode(), digest_size=16)
    for name, array in sorted(arrays.items()):
        digest.update(repr((name, array.dtype.str, array.shape)).encode() + array.tobytes())
    return digest.hexdigest()


def digest_of(folder: Path) -> str:
    """A hash over the names and bytes of every file in a folder."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(folder).as_posix().encode())
            with path.open("rb") as file:
                while part := file.read(1 << 20):
                    digest.update(part)
    return digest.hexdigest()
