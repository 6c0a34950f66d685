"""Judges many worlds, one per core at a time, and sums up; a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, cast

from diagnostics.config import cores
from diagnostics.errors import Cancelled
from diagnostics.runs.store import code_version, write_atomic
from diagnostics.validation.figures import Figures, figures
from diagnostics.validation.judging import CRASHED, Judged
from diagnostics.validation.real import DAMAGES
from diagnostics.validation.request import ValidationRequest
from diagnostics.validation.worlds import SETS, SIZES, Task, World, drawn_worlds, eclipsed_worlds, sparse_worlds, worlds

__all__ = ["validate"]

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_POLL_S = 0.2
_REAL_SEEDS = 3

Tell = Callable[[float, float | None], None]


def validate(
    request: ValidationRequest,
    out: Path,
    *,
    tell: Tell = lambda done, eta_s: None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Figures:
    """Judge the first worlds of a set and write ``validation.json``.

    Parameters
    ----------
    request : ``worlds``: how many of the set; ``long``: how many of these, tiny ones apart, are judged again by twenty seeds;
        ``sparse``: how many worlds in which balancing is likely to pay are judged both ways; ``eclipsed``: the same of worlds in
        which a modality is likely to be held back; ``drawn``: how many shops with drawn pictures and written texts; ``shop``: the
        folder of a real shop to plant defects in (see ``real``)
    out : receives ``validation.json``, what was said of each world (``judged/``) and its trainings (``trainings/``), which are used
        again when only the rules have changed
    tell : called with the share done and the seconds left

    Raises
    ------
    Cancelled
        ``cancelled`` said so; every world that was finished is kept.
    """
    which, preset, shop = request.which, request.preset, request.shop
    searched = sparse_worlds(which, request.sparse) + eclipsed_worlds(which, request.eclipsed)
    chosen = worlds(which, request.worlds) + drawn_worlds(which, request.drawn) + searched
    folder = out / "judged"
    stamp, by = out / "judged_by.txt", code_version() + preset + " slowly" * request.slow_training
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != by:  # other rules: judge anew
        for path in folder.glob("*.json"):
            path.unlink()
        write_atomic(stamp, by)
    enough = [world for world in chosen if world.size in SIZES and not world.drawn]
    longer = {world.name for world in (*enough[: request.long], *searched)}
    real = () if shop is None else real_worlds(which)
    slow = request.slow_training
    tasks = [Task(world=world, long=world.name in longer, slow_training=slow) for world in chosen]
    tasks += [Task(world=world, shop=shop, slow_training=slow) for world in real]
    todo = [task for task in tasks if not _is_done(folder, task)]
    _judge_all(out, todo, len(tasks), preset, request.threads or cores(), tell, cancelled)
    said = [_said(folder, world) for world in (*chosen, *real)]
    found = figures(said, which=which, preset=preset, slow_training=slow, n_asked=len(tasks))
    write_atomic(out / "validation.json", found.model_dump_json(indent=1) + "\n")
    return found


def real_worlds(which: str) -> tuple[World, ...]:
    """The real shop untouched and with each defect, three times over."""
    seeds = SETS[which][:_REAL_SEEDS]
    return tuple(World(plant=plant, size="real", seed=seed) for seed in seeds for plant in ("none", *DAMAGES.values()))


def _said(folder: Path, world: World) -> Judged:
    """What was said of a world; nothing where our code failed, which the next run tries again and this one counts."""
    path = folder / f"{world.name}.json"
    return Judged.model_validate_json(path.read_bytes()) if path.exists() else Judged(world=world, error=CRASHED)


def _is_done(folder: Path, task: Task) -> bool:
    path = folder / f"{task.world.name}.json"
    if not path.exists():
        return False
    judged = Judged.model_validate_json(path.read_bytes())
    return judged.long_anyway or judged.error is not None or not task.long


class _Judge:
    """One process, and a thread that passes on when it has finished a world."""

    def __init__(self, out: Path, preset: str, log: IO[bytes], inbox: queue.SimpleQueue[tuple[_Judge, str]]) -> None:
        root = str(Path(__file__).parents[2])
        environment = {
            **os.environ,
            **dict.fromkeys(_ONE_THREAD, "1"),
            "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH")))),
        }
        command = [sys.executable, "-m", "diagnostics.validation.child", str(out), preset]
        self._process = subprocess.Popen(  # noqa: S603  (our own interpreter, our own module)
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True, encoding="utf-8"
        )
        threading.Thread(target=self._pass_on, args=(inbox,), daemon=True).start()

    def _pass_on(self, inbox: queue.SimpleQueue[tuple[_Judge, str]]) -> None:
        for line in cast("IO[str]", self._process.stdout):
            inbox.put((self, line))
        inbox.put((self, ""))

    def give(self, task: Task) -> None:
        orders = cast("IO[str]", self._process.stdin)
        orders.write(task.model_dump_json() + "\n")
        orders.flush()

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def _judge_all(
    out: Path, todo: Sequence[Task], n_all: int, preset: str, threads: int, tell: Tell, cancelled: Callable[[], bool]
) -> None:
    """Deal the worlds out; a process that dies takes only its world with it."""
    waiting, began, finished = list(todo), time.monotonic(), 0
    inbox: queue.SimpleQueue[tuple[_Judge, str]] = queue.SimpleQueue()
    busy: list[_Judge] = []
    out.mkdir(parents=True, exist_ok=True)
    with (out / "log.txt").open("ab") as log:
        try:
            while waiting or busy:
                if cancelled():
                    raise Cancelled
                while waiting and len(busy) < threads:
                    judge = _Judge(out, preset, log, inbox)
                    judge.give(waiting.pop(0))
                    busy.append(judge)
                try:
                    judge, line = inbox.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                if judge not in busy:
                    continue
                finished += 1
                left = len(todo) - finished
                tell((n_all - left) / n_all, (time.monotonic() - began) / finished * left)
                if line and waiting:
                    judge.give(waiting.pop(0))
                else:
                    busy.remove(judge)
                    judge.end()
        finally:
            for judge in busy:
                judge.end()
    tell(1.0, 0.0)
