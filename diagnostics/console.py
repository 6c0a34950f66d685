"""How the command line shows progress, notices that a person wants to stop, and notes how a run ended."""

from __future__ import annotations

import contextlib
import difflib
import itertools
import json
import os
import re
import signal
import sqlite3
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, get_args

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn

from diagnostics.errors import Cancelled, TenbinError
from diagnostics.messages import LANGUAGES, text
from diagnostics.report.words import Words
from diagnostics.runs import RunFolder, RunIndex, RunRequest, append_text
from diagnostics.runs.disk import code_of
from diagnostics.runs.store import BEAT_S
from diagnostics.schema import ProbeEvent
from diagnostics.validation import ValidationRequest

__all__ = ["CANCELLED", "DONE", "FAULT", "UNUSABLE", "Fault", "Session", "language_of", "misused", "translate"]

DONE, FAULT, UNUSABLE, CANCELLED = 0, 1, 2, 3  # exit statuses, fixed by the contract
_HARD_STOP_S = 3.8  # a step that has not noticed a Cancel by then is left behind; every file is whole at any moment
_SHOWN_STEP = 0.01  # progress below one percent is not worth a line
_QUEUE_S = 0.3  # between two looks at the queue


class Fault(Exception):
    """A fault of ours: the person gets words, the trace is in the run's log."""

    def __init__(self, words: TenbinError) -> None:
        super().__init__(words)
        self.words = words


class Session:
    """One run of a command that works on a folder: ``with Session(out, request, json_progress) as session: ...``.

    Entering takes the folder and Ctrl-C; leaving notes the outcome and gives Ctrl-C back. Every error leaves as one of
    ``TenbinError`` (status 2), ``Cancelled`` (3) or ``Fault`` (1).

    Attributes
    ----------
    folder : the run's folder
    timing : seconds spent per step so far
    """

    def __init__(self, out: Path, request: RunRequest | ValidationRequest, json_progress: bool) -> None:
        self.folder = RunFolder(out)
        self.timing: dict[str, float] = {}
        self._request = request
        self._json = json_progress
        self._display = _Display(request.lang, json_progress)
        self._wraps_up = False
        self._stop = threading.Event()
        self._over = threading.Event()
        self._step: tuple[str, float, float] | None = None  # code, when it began, the share last shown

    def __enter__(self) -> Session:
        try:
            with self.folder.starting():
                if self.folder.claimed and self.folder.status() in ("queued", "running") and not self.folder.is_mine:
                    raise TenbinError("E_RUN_BUSY", file=str(self.folder.path))
                self.folder.begin(self._request.without_passwords().resolved().model_dump_json(indent=1))
                self.folder.claim(os.getpid())
        except OSError as error:
            raise TenbinError(code_of(error) or "E_OUT_NOT_WRITABLE", file=str(self.folder.path)) from error
        self._handlers = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        threading.Thread(target=self._watch, daemon=True).start()
        self._display.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._over.set()
        self._display.__exit__(None, None, None)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._leave_queue()
        try:
            self._note_outcome(error)
        except OSError as refused:  # nothing can be noted any more; the words still reach the terminal and the server's log
            raise self._refused(refused) from error
        finally:
            self._restore()

    def _restore(self) -> None:
        with contextlib.suppress(OSError):  # an earlier result is then told of as this attempt's: all that is lost is its request
            self.folder.restore()

    def _note_outcome(self, error: BaseException | None) -> None:
        if error is None:
            self._close_step()
            self.folder.end("finished", DONE)
        elif isinstance(error, TenbinError):
            self._fail(error, UNUSABLE)
        elif isinstance(error, Cancelled | KeyboardInterrupt):
            self.folder.end("cancelled", CANCELLED)
            raise Cancelled from error
        elif code_of(error) is not None:
            refused = self._refused(error)
            self._fail(refused, UNUSABLE)
            raise refused from error
        else:
            log = append_text(self.folder.path / "log.txt", "".join(traceback.format_exception(error)))
            fault = TenbinError("E_INTERNAL", file=str(log))
            self._fail(fault, FAULT)
            raise Fault(fault) from error

    def _fail(self, error: TenbinError, status: int) -> None:
        self.folder.end("failed", status, error.code, {lang: error.words(lang) for lang in LANGUAGES})

    def _refused(self, error: BaseException) -> TenbinError:
        return TenbinError(code_of(error) or "E_DISK_ERROR", file=str(self.folder.path))

    # ---------------------------------------------------------------- the queue

    def wait_for_turn(self) -> None:
        """Wait while as many runs are at work as there are cores; who asked first comes first. Raises ``Cancelled``."""
        shown = 0
        while place := self._place():
            if place != shown:
                shown = place
                self.folder.wait_at(place)
                self._show("queue", 0.0, place=place)
            if self._stop.wait(_QUEUE_S) or self.cancelled():
                raise Cancelled
        self.folder.wait_at(0)

    def _place(self) -> int:
        try:
            return RunIndex().place(self.folder.path.resolve())
        except (OSError, sqlite3.Error):  # where no index can be kept there is no queue, and nobody is kept waiting
            return 0

    def _leave_queue(self) -> None:
        with contextlib.suppress(OSError, sqlite3.Error):  # it then leaves by ending, see ``RunIndex``
            RunIndex().leave(self.folder.path.resolve())

    # ---------------------------------------------------------------- stopping

    def cancelled(self) -> bool:
        """Whether a person wants the run to stop, by Ctrl-C, by a signal or by the dashboard's button."""
        return self._stop.is_set() or self.folder.cancel_asked

    def wrap_up(self) -> None:
        """From here on steps are taken although the run was cancelled: what is finished is put together, if time allows."""
        self._wraps_up = True

    def _on_signal(self, number: int, frame: object) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt  # asked twice: at once
        self._stop.set()

    def _watch(self) -> None:
        """Give signs of life, and end the process when a step does not notice in time that it should stop."""
        beat = time.monotonic()
        while not self._over.wait(0.1):
            if time.monotonic() - beat >= BEAT_S:
                beat = time.monotonic()
                with contextlib.suppress(OSError):  # a full disk is for the work itself to report
                    self.folder.beat()
            if self.cancelled():
                if self._over.wait(_HARD_STOP_S):
                    return
                with contextlib.suppress(OSError):
                    self.folder.end("cancelled", CANCELLED)
                self._restore()
                print(text("cli.cancelled", self._request.lang), file=sys.stderr, flush=True)
                os._exit(CANCELLED)

    # ---------------------------------------------------------------- showing

    def step(self, code: str, done: float, *, eta_s: float | None = None) -> None:
        """Progress of one step; this is the ``progress`` that the façade's verbs take. Raises ``Cancelled`` if asked to stop."""
        if self.cancelled() and not self._wraps_up:
            raise Cancelled
        self._show(code, done, **({} if eta_s is None else {"eta_s": round(eta_s, 1)}))

    def event(self, event: ProbeEvent) -> None:
        """Progress of the probe; this is its ``on_event``."""
        left = {"eta_s": event.eta_s, "eta_range_s": event.eta_range_s}
        learnt = {"loss": event.loss, "validation": event.validation, "branches": event.branches} if event.kind == "epoch" else {}
        named = {"event": event.kind, "arm": event.arm, "seed": event.seed, "epoch": event.epoch}
        self._show("probe", event.done, **left, **named, **learnt)

    def say(self, key: str, **values: Any) -> None:
        """Something worth saying at the end: words on standard output, or a JSON line of the values."""
        if self._json:
            print(json.dumps({"message": key, **values}, ensure_ascii=False), flush=True)
        else:
            print(text(key, self._request.lang, **values), flush=True)

    def _show(self, code: str, done: float, **more: Any) -> None:
        now = time.monotonic()
        if self._step is None or self._step[0] != code:
            self._close_step()
            self._step = (code, now, -1.0)
        _, began, shown = self._step
        if more or done >= 1.0 > shown or done - shown >= _SHOWN_STEP:
            self._step = (code, began, done)
            self.folder.report_step(code, done, **more)
            self._display.show(code, done, **more)
        if done >= 1.0:
            self._close_step()

    def _close_step(self) -> None:
        if self._step is not None:
            code, began, _ = self._step
            self.timing[code] = round(self.timing.get(code, 0.0) + time.monotonic() - began, 3)
            self._step = None


def language_of(arguments: Sequence[str]) -> str:
    """The language of messages, found even in a command that cannot be parsed."""
    asked = [part.partition("=")[2] for part in arguments if part.startswith("--lang=")]
    asked += [after for part, after in itertools.pairwise(arguments) if part == "--lang"]
    return asked[-1] if asked and asked[-1] in LANGUAGES else "en"


def translate(command: Any, lang: str, name: str = "main") -> None:
    """Give a command, its options and its sub-commands their words."""
    command.help = text(f"cli.command.{name}", lang)
    for parameter in command.params:
        parameter.help = text(f"cli.option.{parameter.name}", lang)
    for child, below in getattr(command, "commands", {}).items():
        translate(below, lang, child if name == "main" else f"{name}_{child}")


def misused(error: Any, command: Any, lang: str) -> TenbinError:
    """A command line that cannot be parsed, in our words: the parser's own are English, whatever the language.

    ``error`` is what typer raised; ``command`` the translated root command.
    """
    context, parameter, option = (getattr(error, name, None) for name in ("ctx", "param", "option_name"))
    group = context.command if context is not None else command
    shown = max(parameter.opts, key=len) if parameter is not None else option
    choices = _choices(parameter)
    if parameter is not None and type(error).__name__ == "MissingParameter":
        said = text("cli.usage.missing", lang, option=shown, help=parameter.help)
    elif parameter is not None and choices:
        said = text("cli.usage.choice", lang, option=shown, choices=choices)
    elif parameter is not None and (least := getattr(parameter, "min", None)) is not None:
        kind = "whole" if isinstance(least, int) else "number"
        said = text(f"cli.usage.{kind}", lang, option=shown, least=least, help=parameter.help)
    elif parameter is not None:
        said = text("cli.usage.value", lang, option=shown, help=parameter.help)
    elif option is not None and type(error).__name__ == "NoSuchOption":
        known = [name for each in group.params for name in each.opts if name.startswith("--")]
        nearest = difflib.get_close_matches(option, known, n=1, cutoff=0)
        said = text("cli.usage.option", lang, option=option, nearest=nearest[0] if nearest else "--help")
    elif unknown := re.search(r"^No such command '(.*?)'", error.format_message()):
        said = text("cli.usage.command", lang, found=unknown[1], choices=list(group.commands))
    else:
        said = text("cli.usage.other", lang, found=error.format_message())
    return TenbinError("E_USAGE", found=said)


def _choices(parameter: Any) -> list[str]:
    """The values that an option may take, where they are listed."""
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    return [choice for choice in get_args(annotation) if isinstance(choice, str)]


class _Display:
    """Progress for whoever is there: JSON lines for a program, bars on a terminal, one line per step anywhere else."""

    def __init__(self, lang: str, as_json: bool) -> None:
        self._lang = lang
        self._json = as_json
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        console = Console(stderr=True)
        if not as_json and console.is_terminal:
            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TaskProgressColumn(),
                TextColumn("{task.fields[said]}", markup=False),
            )
            self._bars = Progress(*columns, console=console)

    def __enter__(self) -> None:
        if self._bars is not None:
            self._bars.start()

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()

    def show(self, code: str, done: float, **more: Any) -> None:
        if self._json:
            print(json.dumps({"step": code, "done": round(done, 4), **more}), flush=True)
            return
        words = Words(self._lang)
        step = words.coded("step", code)
        if self._bars is None:
            if code not in self._tasks:
                self._tasks[code] = TaskID(0)
                print(step, file=sys.stderr, flush=True)
            return
        if code not in self._tasks:
            self._tasks[code] = self._bars.add_task(step, total=1.0, said="")
        self._bars.update(self._tasks[code], completed=done, said=" · ".join(filter(None, _said(words, more))))


def _said(words: Words, more: Mapping[str, Any]) -> Iterator[str]:
    """What stands beside a bar: the place in the queue, what is trained, the time left."""
    if "place" in more:
        yield words("dashboard.live.queue", place=more["place"])
    yield words.training(more.get("arm", ""))
    if more.get("eta_s") is not None:
        yield words.time_left(more["eta_s"], more["eta_range_s"])
