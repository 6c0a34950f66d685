"""A text file too large to hold becomes Parquet: DuckDB converts what follows the rules, our own reader all else, in pieces."""

from __future__ import annotations

import glob
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from diagnostics.dataset.encodings import as_utf8
from diagnostics.dataset.engine import MEMORY_BYTES, attend
from diagnostics.dataset.tables import Asked, Role, Table
from diagnostics.dataset.tables.delimited import lay_delimited
from diagnostics.dataset.tables.rows import LONGEST_ROW_BYTES, careful_rows, line_end
from diagnostics.dataset.tables.table import Layout, find_header, unique_names
from diagnostics.errors import Cancelled, TenbinError

__all__ = ["convert_text"]

Step = Callable[[float], None] | None
Stop = Callable[[], bool] | None

_HEAD_CHARACTERS = 400_000
_PIECE_CHARACTERS = 4_000_000
_AHEAD_LINES = 1_001  # a quoted cell may run on for so many lines into the next piece


def convert_text(
    folder: Path, path: Path, role: Role, row_number: str, *, step: Step = None, cancelled: Stop = None
) -> tuple[Path, int | None]:
    """A text file as Parquet, every cell as it is written, row by row in the order of the file, and how many lines are no rows.

    None for their number says that every line is a row and keeps its place. Otherwise the rows are those that ``read_table``
    gives, and the column ``row_number`` says their place in the file, from 0 for the line below the first.

    Raises
    ------
    TenbinError
        ``E_EMPTY_FILE``, ``E_LONG_LINE``, ``E_UNDECODABLE``.
    Cancelled
    """
    import duckdb

    target = folder / f"{role}.parquet"
    plain = as_utf8(path, folder / f"{role}.txt", cancelled)
    asked = Asked(path.name, role)
    with plain.open("rb") as file:
        begun = _text_of(file).read(_HEAD_CHARACTERS).encode("utf-8", "surrogatepass")
    head = lay_delimited(begun[: begun.rfind(b"\n") + 1] or begun, "utf-8", asked)
    try:
        if _convert_regular(plain, target, head, folder, step, cancelled):
            return target, None
    except duckdb.Error:  # a line that does not follow the rules: below every line is taken by itself
        target.unlink(missing_ok=True)
    return target, _convert_carefully(plain, target, head, asked, row_number, step, cancelled)


def _text_of(file: BinaryIO) -> io.TextIOWrapper:
    return io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline=None)


def _convert_regular(plain: Path, target: Path, head: Table, folder: Path, step: Step, cancelled: Stop) -> bool:
    """Whether DuckDB could convert the file: it sees the columns that our reader sees. Raises its error at the first odd line."""
    import duckdb

    limits: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{MEMORY_BYTES}B",
        "temp_directory": str(folder / "text"),
        "preserve_insertion_order": True,  # the engine's own connection does not
        "autoload_known_extensions": False,
        "autoinstall_known_extensions": False,
    }
    connection = duckdb.connect(config=limits)
    connection.execute("SET enable_progress_bar = true")
    connection.execute("SET enable_progress_bar_print = false")

    def convert() -> bool:
        text = connection.read_csv(
            glob.escape(str(plain)),
            sep=head.note.delimiter,
            header=True,
            all_varchar=True,
            quotechar='"',
            escapechar='"',
            encoding="utf-8",
            skiprows=0,
        )
        if tuple(unique_names(text.columns)) != head.note.columns:
            return False
        text.write_parquet(str(target), compression="zstd")
        return True

    try:
        done = lambda: max(0.0, connection.query_progress() / 100)  # noqa: E731
        return bool(attend(convert, interrupt=connection.interrupt, done=done, step=step, cancelled=cancelled))
    finally:
        connection.close()


def _convert_carefully(plain: Path, target: Path, head: Table, asked: Asked, row_number: str, step: Step, cancelled: Stop) -> int:
    """Write the rows that our reader keeps; how many lines it set aside."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([*((name, pa.string()) for name in head.note.columns), (row_number, pa.int64())])
    size, aside = plain.stat().st_size, 0
    with plain.open("rb") as file, pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for piece in _pieces(_text_of(file), head, asked):
            if cancelled is not None and cancelled():
                raise Cancelled
            if step is not None:
                step(min(1.0, file.tell() / max(size, 1)))
            columns = [pa.array(piece.frame[name], pa.string()) for name in head.note.columns]
            writer.write_table(pa.table([*columns, pa.array(piece.rows - 2, pa.int64())], schema=schema))
            aside += len(piece.rejected)
    return aside


def _pieces(file: io.TextIOWrapper, head: Table, asked: Asked) -> Iterator[Table]:
    """The file as tables of a few megabytes, each row in one of them, numbered as in the whole."""
    delimiter, width = head.note.delimiter or ",", len(head.note.columns)
    data, row = b"", 1
    while True:
        text = file.read(_PIECE_CHARACTERS)
        data += text.encode("utf-8", "surrogatepass")
        end = _ahead(data) if text else len(data)
        if end <= 0 and text:
            if len(data) > 4 * LONGEST_ROW_BYTES:
                raise TenbinError("E_LONG_LINE", file=asked.name, limit=LONGEST_ROW_BYTES)
            continue
        if not data:
            return
        rows, at = careful_rows(data, 0, end, delimiter, width)
        found = find_header(asked, rows, width) if row == 1 else None
        layout, first = found or (Layout(asked, head.note.columns), 0)
        layout.add_rows(row + first, rows[first:])
        yield layout.table("csv", delimiter=delimiter)
        row, data = row + len(rows), data[at:]
        if not text:
            return


def _ahead(data: bytes) -> int:
    """The end of the last line that has enough lines below it; 0 where there is none."""
    end = len(data)
    for _ in range(_AHEAD_LINES):
        end = data.rfind(b"\n", 0, end)
        if end < 0:
            return 0
    return line_end(data, end)
