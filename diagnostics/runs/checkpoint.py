"""Checkpoints of one training on disk: two generations, and one manifest that says which of them is whole.

A checkpoint is a safetensors file, written beside its place, synced and renamed. Generations take turns, so the newest whole one is
never written over; the manifest, written last, names each with its size and checksum. Whatever a kill, a full disk or a flipped bit
leaves behind, a reader finds the last generation that is as the manifest says, or none, and never takes one for whole that is not.

How often. A checkpoint costs time, and all of them may cost the share of a training that ``checkpoint_share`` allows. So a kill
takes away at most the current epoch where epochs last, else what was trained within the time that pays for one checkpoint. A
training that is asked to stop loses nothing but the epoch that it is in. Slow training (``ProbePlan.validate_every``) has a chance
of either after each validation only: there ten epochs are one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnostics.config import threshold
from diagnostics.runs.disk import write_atomic

if TYPE_CHECKING:
    from diagnostics.probe import Checkpoint

__all__ = ["Checkpoints"]

_LOG = logging.getLogger(__name__)  # whose last resort is the standard error, which is the run's log
_FORMAT = 1
_BYTES_PER_S = 2e8  # hashing and writing, where none of such a size has been timed


class Checkpoints:
    """Keeps the checkpoints of one job; see ``diagnostics.probe.Keeper``.

    Parameters
    ----------
    folder : where all jobs' checkpoints lie
    key : which plan, inputs and code they belong to; those of another key count as absent
    """

    _timed = (0, 0.05)  # bytes and seconds of the last one that this process has written, of whichever job; at first a guess

    def __init__(self, folder: Path, key: str, job_id: str, clock: Callable[[], float] = time.perf_counter) -> None:
        self._folder, self._key, self._job_id, self._clock = folder, key, job_id, clock
        self._began = self._clock()
        self._due = self._began + threshold("checkpoint_seconds")
        self._kept: list[dict[str, Any]] = []  # the manifest's entries, newest first

    def _file(self, generation: int) -> Path:
        return self._folder / f"{self._job_id}.{generation}.safetensors"

    @property
    def _manifest(self) -> Path:
        return self._folder / f"{self._job_id}.json"

    # ---------------------------------------------------------------- reading

    def last(self) -> Checkpoint | None:
        """The newest whole checkpoint of this job, plan, data and code; None if there is none."""
        self._kept = self._entries()
        for entry in list(self._kept):
            found = self._read(entry)
            if found is not None:
                return found
            self._kept.remove(entry)
            _LOG.warning("%s is not what its manifest says and is not used", self._file(entry["generation"]).name)
        return None

    def _entries(self) -> list[dict[str, Any]]:
        """What the manifest names; nothing if it is damaged, of another format or about something else."""
        try:
            sealed = json.loads(self._manifest.read_bytes())
            manifest = sealed["manifest"]
            if sealed["checksum"] != _checksum(_canonical(manifest)):
                return []
            if (manifest["format"], manifest["key"], manifest["job_id"]) != (_FORMAT, self._key, self._job_id):
                return []
            entries: list[dict[str, Any]] = manifest["generations"]
        except (OSError, ValueError, KeyError, TypeError):
            return []
        return entries

    def _read(self, entry: dict[str, Any]) -> Checkpoint | None:
        from safetensors.numpy import load

        from diagnostics.probe import Checkpoint

        try:
            data = self._file(entry["generation"]).read_bytes()
        except OSError:
            return None
        if len(data) != entry["bytes"] or _checksum(data) != entry["checksum"]:
            return None
        length = int.from_bytes(data[:8], "little")
        header = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["tenbin"])
        return Checkpoint(header["records"], load(data))

    # ---------------------------------------------------------------- writing

    def keep(self, make: Callable[[], Checkpoint], *, now: bool = False) -> None:
        """Write a checkpoint if its cost is within what has been trained since the last one, or if it must be ``now``.

        Raises
        ------
        OSError
            It could not be written; those written before are as they were.
        """
        began = self._clock()
        if began < self._due and not now:
            return
        made = make()
        n_bytes, seconds = Checkpoints._timed
        larger = sum(array.nbytes for array in made.arrays.values()) - n_bytes
        earliest = self._began + (seconds + max(larger, 0) / _BYTES_PER_S) / threshold("checkpoint_share")
        if not self._kept and began < earliest and not now:
            self._due = earliest
            return
        n_bytes = self._write(made)
        cost = self._clock() - began
        Checkpoints._timed = n_bytes, cost
        self._due = began + cost + max(threshold("checkpoint_seconds"), cost / threshold("checkpoint_share"))

    def _write(self, made: Checkpoint) -> int:
        import numpy as np
        from safetensors.numpy import save

        header = json.dumps({"records": made.records})
        arrays = {name: np.asarray(array, order="C") for name, array in made.arrays.items()}
        data = save(arrays, {"tenbin": header})
        generation = 1 - self._kept[0]["generation"] if self._kept else 0
        entry = {"generation": generation, "epoch": len(made.records), "bytes": len(data), "checksum": _checksum(data)}
        write_atomic(self._file(generation), data)
        kept = [entry, *(other for other in self._kept if other["generation"] != generation)]
        manifest = {"format": _FORMAT, "key": self._key, "job_id": self._job_id, "generations": kept}
        write_atomic(self._manifest, json.dumps({"manifest": manifest, "checksum": _checksum(_canonical(manifest))}))
        self._kept = kept
        return len(data)

    def forget(self) -> None:
        """The job has its result: its checkpoints have done their work."""
        for path in (self._manifest, self._file(0), self._file(1)):
            path.unlink(missing_ok=True)


def _canonical(manifest: dict[str, Any]) -> bytes:
    return json.dumps(manifest, sort_keys=True).encode()


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
