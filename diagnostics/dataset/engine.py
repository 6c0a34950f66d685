"""One engine for everything that grows with rows: ibis over DuckDB within a memory limit, or the same expressions elsewhere."""

from __future__ import annotations

import glob
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from diagnostics.config import cores, home
from diagnostics.errors import Cancelled, TenbinError

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pandas as pd
    import pyarrow as pa

__all__ = ["MEMORY_BYTES", "Engine", "attend", "parquet_files"]

MEMORY_BYTES = 1_000_000_000
"""What DuckDB may hold before it spills to disk; with Python and the result beside it a process stays below two gigabytes."""

_POLL_S = 0.1


class Engine:
    """Answers questions about tables of any size without holding them; close it, or use it in a ``with`` statement.

    Parameters
    ----------
    memory_bytes : what the engine may hold; more goes to a temporary folder on disk (default 1 GB)
    threads : cores to use (default: those this process may use)
    spill : an existing folder for what does not fit in memory (default: inside Tenbin's own folder); emptied when closed
    backend : another connected ibis backend (Spark, Postgres, SQLite, a DuckDB file) on which the expressions run unchanged;
        the other parameters then have no effect

    Attributes
    ----------
    backend : the ibis backend; ``backend.name`` is ``duckdb`` unless another was given
    folder : a folder of its own for what is spilled or converted, removed when it is closed

    Notes
    -----
    DuckDB never fetches an extension and never uses the network. Only expressions of ours run here; SQL that a person wrote is
    checked and run by ``diagnostics.dataset.warehouse``.
    """

    def __init__(
        self,
        *,
        memory_bytes: int | None = None,
        threads: int | None = None,
        spill: Path | None = None,
        backend: Any = None,
    ) -> None:
        self._memory = memory_bytes or MEMORY_BYTES
        parent = spill or home() / "spill"
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="engine-", dir=parent))
        self._owned, self._laid = backend is None, 0
        self.backend = _duckdb(self._memory, threads, self.folder) if backend is None else backend

    def table(self, source: Path | pa.Table | pd.DataFrame, *, row_number: str | None = None) -> ir.Table:
        """A Parquet file, a folder of Parquet files or a table in memory as an ibis table; nothing is copied or read yet.

        ``row_number`` names a column to be added that holds each row's place in its file, from 0; only DuckDB can tell.

        Raises
        ------
        TenbinError
            ``E_FILE_MISSING``, ``E_BAD_PARQUET``; ``E_NO_PARQUET`` for a folder without Parquet files.
        """
        import ibis

        if not isinstance(source, Path):
            return ibis.memtable(source)
        paths = parquet_files(source)
        try:
            if self.backend.name == "duckdb":
                # a plain name, not a pattern; union_by_name: files of one folder may lack a column that was added later
                names = [glob.escape(str(path)) for path in paths]
                options = {"file_row_number": True} if row_number else {}
                found: ir.Table = self.backend.read_parquet(names, union_by_name=len(names) > 1, **options)
                found = found.rename({row_number: "file_row_number"}) if row_number else found
            else:
                found = self.backend.read_parquet(str(source))
        except Exception as error:
            raise TenbinError("E_BAD_PARQUET", file=source.name) from error
        return found

    def run(
        self, expr: ir.Expr, *, step: Callable[[float], None] | None = None, cancelled: Callable[[], bool] | None = None
    ) -> pa.Table:
        """Compute an expression and hand its rows back as an Arrow table.

        Parameters
        ----------
        step : called now and then with the share done, in [0, 1], never falling; from DuckDB only, others cannot tell
        cancelled : asked ten times a second; the query stops when it says yes

        Raises
        ------
        Cancelled
        TenbinError
            ``E_TOO_LARGE`` when neither the memory nor the disk suffices.
        """
        result: pa.Table = self._attended(lambda: self._rows(expr.as_table()), step, cancelled)
        return result

    def batches(
        self, expr: ir.Table, *, step: Callable[[float], None] | None = None, cancelled: Callable[[], bool] | None = None
    ) -> Iterator[pa.RecordBatch]:
        """The rows of an expression, about a million at a time, so that they need not be held together.

        Take all of them before the engine is asked anything else. ``step`` and ``cancelled`` as in ``run``, which also says what
        is raised.
        """
        reader = self._attended(lambda: self.backend.to_pyarrow_batches(expr), None, cancelled)
        share = 0.0
        while (batch := self._attended(lambda: next(reader, None), None, cancelled)) is not None:
            if step is not None:
                step(share := min(max(share, self._done()), 1.0))
            yield batch
        if step is not None:
            step(1.0)

    def lay(self, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> ir.Table:
        """Rows as a table of this engine: in a file of its own folder with DuckDB, in memory with others."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if self.backend.name != "duckdb":
            return self.table(pa.Table.from_batches(batches, schema))
        path = self._new_file()
        with pq.ParquetWriter(path, schema) as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_arrays(batch.columns, schema=schema))
        return self.table(path)

    def keep(
        self, expr: ir.Table, *, step: Callable[[float], None] | None = None, cancelled: Callable[[], bool] | None = None
    ) -> ir.Table:
        """The same rows, computed once: what is asked of them afterwards starts from here. Raises as ``run``."""
        if self.backend.name != "duckdb":
            return expr.cache()
        path = self._new_file()
        self._attended(lambda: self.backend.to_parquet(expr, path), step, cancelled)
        return self.table(path)

    def _new_file(self) -> Path:
        self._laid += 1
        return self.folder / f"laid-{self._laid}.parquet"

    def close(self) -> None:
        """Close the connection and remove what was spilled. A backend that was handed in stays open: it is its owner's."""
        if self._owned:
            self.backend.disconnect()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _rows(self, expr: ir.Table) -> pa.Table:
        if self.backend.name != "duckdb":
            return self.backend.to_pyarrow(expr)
        import pyarrow as pa

        reader = self.backend.to_pyarrow_batches(expr)  # ``to_pyarrow`` would import pandas and not use it: 40 MB
        batches = list(reader)  # in DuckDB's own types: a sum of whole numbers is a decimal
        return pa.Table.from_batches(batches).cast(reader.schema) if batches else reader.schema.empty_table()

    def _attended(
        self, compute: Callable[[], Any], step: Callable[[float], None] | None, cancelled: Callable[[], bool] | None
    ) -> Any:
        try:
            return attend(compute, interrupt=self._interrupt, done=self._done, step=step, cancelled=cancelled)
        except Exception as error:
            if _out_of_memory(error):
                raise TenbinError("E_TOO_LARGE", limit=self._memory / 1e9) from error
            raise

    def _done(self) -> float:
        progress = getattr(self.backend.con, "query_progress", None)
        return 0.0 if progress is None else max(0.0, progress() / 100)

    def _interrupt(self) -> None:
        """Stop what runs, in each database's own way."""
        if self.backend.name == "pyspark":
            self.backend.con.sparkContext.cancelAllJobs()
            return
        stop = getattr(self.backend.con, "interrupt", None) or getattr(self.backend.con, "cancel", None)
        if stop is not None:
            stop()


def attend(
    compute: Callable[[], Any],
    *,
    interrupt: Callable[[], None],
    done: Callable[[], float] = float,
    step: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Any:
    """Run a computation in its own thread, so that progress and Cancel reach the person meanwhile, and return its result.

    Parameters
    ----------
    interrupt : stops the computation, called once when ``cancelled`` says so or the progress raises
    done : the share done, in [0, 1]; step : told about it, never falling; cancelled : asked ten times a second

    Raises
    ------
    Cancelled
        And whatever the computation raised.
    """
    work = _Work(compute)
    work.start()
    share = 0.0
    try:
        while not work.finished.wait(_POLL_S):
            if cancelled is not None and cancelled():
                raise Cancelled
            if step is not None:
                share = min(max(share, done()), 1.0)
                step(share)
    except BaseException:
        interrupt()
        work.join()
        raise
    if work.error is not None:
        raise work.error
    if step is not None:
        step(1.0)
    return work.result


class _Work(threading.Thread):
    """One computation in its own thread, with its result or its error."""

    def __init__(self, compute: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._compute = compute
        self.finished = threading.Event()
        self.result: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._compute()
        except BaseException as error:  # handed to the waiting thread, which raises it
            self.error = error
        finally:
            self.finished.set()


def _out_of_memory(error: Exception) -> bool:
    import duckdb

    return isinstance(error, duckdb.OutOfMemoryException | MemoryError)


def parquet_files(source: Path) -> tuple[Path, ...]:
    """The Parquet files of a file or folder, sorted; hidden ones and links that lead out of the folder are left out.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_NO_PARQUET``.
    """
    if not source.exists():
        raise TenbinError("E_FILE_MISSING", file=str(source))
    if source.is_file():
        return (source,)
    root = source.resolve()
    inside = (path for path in source.rglob("*.parquet") if path.is_file() and path.resolve().is_relative_to(root))
    found = sorted(path for path in inside if not path.name.startswith((".", "_")))
    if not found:
        raise TenbinError("E_NO_PARQUET", file=source.name)
    return tuple(found)


def _duckdb(memory: int, threads: int | None, folder: Path) -> Any:
    import ibis

    backend = ibis.duckdb.connect(
        memory_limit=f"{memory}B",
        threads=threads or cores(),
        temp_directory=str(folder),
        autoload_known_extensions=False,
        autoinstall_known_extensions=False,
        allow_community_extensions=False,
        preserve_insertion_order=False,  # holding the order of a large file would cost the memory of all of it
    )
    backend.con.execute("SET enable_progress_bar = true")
    backend.con.execute("SET enable_progress_bar_print = false")
    backend.con.execute("SET lock_configuration = true")
    return backend
