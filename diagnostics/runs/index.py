"""The index of runs, in SQLite: which there are, which are at work, and whose turn it is when there are more than cores.

The folders are the truth about a run; the index only finds them quickly and keeps the queue. So it may be lost at any time: a new
one is begun, and whoever asks next enters it again. A process that dies leaves the queue by dying, as its pid no longer lives.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from diagnostics.config import cores, home
from diagnostics.runs.process import is_alive, start_time

__all__ = ["RunIndex"]

_TABLE = """
create table if not exists runs (
    folder text primary key,
    asked_at real not null,
    pid integer,
    started text,
    works integer not null default 0
)
"""


class RunIndex:
    """The index in Tenbin's own folder. Every call is a transaction of its own, so any number of processes may ask at once."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or home() / "runs" / "index.sqlite"

    def enter(self, folder: Path, asked_at: float | None = None) -> None:
        """Note a run as asked for at a time, in seconds since 1970, or just now; nobody works on it yet."""
        with self._transaction() as index:
            asked = time.time() if asked_at is None else asked_at
            index.execute("insert or replace into runs (folder, asked_at) values (?, ?)", (str(folder), asked))

    def newest_first(self) -> tuple[Path, ...]:
        """The folders of all runs that were asked for; those that have been deleted are forgotten."""
        with self._transaction() as index:
            known = [Path(folder) for (folder,) in index.execute("select folder from runs order by asked_at desc")]
            gone = [folder for folder in known if not folder.is_dir()]
            index.executemany("delete from runs where folder = ?", [(str(folder),) for folder in gone])
        return tuple(folder for folder in known if folder not in gone)

    def place(self, folder: Path) -> int:
        """This process asks to work on a run: 0 if it may begin, else how many are before it in the queue, itself included.

        One run may work for each core; who asked first comes first.
        """
        pid = os.getpid()
        with self._transaction() as index:
            index.execute("insert or ignore into runs (folder, asked_at) values (?, ?)", (str(folder), time.time()))
            index.execute("update runs set pid = ?, started = ? where folder = ?", (pid, start_time(pid), str(folder)))
            working, waiting = self._living(index)
            if str(folder) in working:
                return 0
            free = cores() - len(working)
            before = waiting.index(str(folder))
            if before < free:
                index.execute("update runs set works = 1 where folder = ?", (str(folder),))
                return 0
            return before - max(free, 0) + 1

    def working(self) -> int:
        """How many runs are at work."""
        with self._transaction() as index:
            return len(self._living(index)[0])

    def leave(self, folder: Path) -> None:
        """The run is over, or this attempt at it."""
        with self._transaction() as index:
            index.execute("update runs set pid = null, started = null, works = 0 where folder = ?", (str(folder),))

    def _living(self, index: sqlite3.Connection) -> tuple[list[str], list[str]]:
        """Folders of the runs that work and of those that wait, first come first; the dead are taken out."""
        rows = index.execute("select folder, pid, started, works from runs where pid is not null order by asked_at").fetchall()
        dead = [folder for folder, pid, started, _ in rows if not is_alive(pid, started)]
        index.executemany("update runs set pid = null, works = 0 where folder = ?", [(folder,) for folder in dead])
        living = [(folder, works) for folder, _, _, works in rows if folder not in dead]
        return [folder for folder, works in living if works], [folder for folder, works in living if not works]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        index = self._opened()
        try:
            index.execute("begin immediate")
            yield index
            index.execute("commit")
        finally:
            index.close()

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._connect()
        except sqlite3.OperationalError:
            raise  # locked for too long, or the disk refuses
        except sqlite3.DatabaseError:  # damaged, or no database at all
            self._path.unlink(missing_ok=True)
            return self._connect()

    def _connect(self) -> sqlite3.Connection:
        index = sqlite3.connect(self._path, timeout=10.0, isolation_level=None)
        try:
            index.execute(_TABLE)
        except sqlite3.Error:
            index.close()
            raise
        return index
