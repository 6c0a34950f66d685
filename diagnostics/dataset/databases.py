"""Read-only sessions of the databases that Tenbin asks: their tables, their rows in batches, and how to stop them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diagnostics.config import home
from diagnostics.errors import TenbinError

if TYPE_CHECKING:
    import pyarrow as pa

    from diagnostics.dataset.warehouse import Address

__all__ = ["SESSIONS", "Session", "without_secret"]

_BATCH_ROWS = 50_000
_CONNECT_S = 10


def without_secret(words: str, address: Address) -> str:
    """What a database said, at most 300 characters, without the password that it may repeat."""
    secrets = (address.server.get("password"), os.environ.get("PGPASSWORD"))
    for secret in secrets:
        words = words.replace(secret, "***") if secret else words
    return words[:300]


class Session:
    """A read-only connection: its tables, the rows of a statement, and how to stop it."""

    dialect: str
    schema: str
    errors: tuple[type[Exception], ...]
    connection: Any

    def tables(self) -> list[tuple[str, str]]:
        """(schema, name) of every table and view, sorted."""
        return sorted((str(schema), str(name)) for schema, name in self.connection.execute(self._list).fetchall())

    def batches(self, statement: str, max_rows: int | None) -> Iterator[pa.RecordBatch]:
        """The rows, at most ``max_rows`` (1 or more), in batches of one schema; one may be empty."""
        raise NotImplementedError

    def interrupt(self) -> None:
        """Stop what runs."""
        self.connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    _list: str


class _DuckDB(Session):
    dialect, schema = "duckdb", "main"
    _list = (
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_database() UNION ALL "
        "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = current_database() AND NOT internal"
    )

    def __init__(self, address: Address) -> None:
        import duckdb

        self.errors = (duckdb.Error,)
        limits: dict[str, str | bool | int | float | list[str]] = {
            "enable_external_access": "false",
            "autoload_known_extensions": "false",
            "autoinstall_known_extensions": "false",
            "python_enable_replacements": "false",
            "memory_limit": "1GB",
            "temp_directory": str(home() / "spill"),
        }
        try:
            self.connection = duckdb.connect(str(_present(address)), read_only=True, config=limits)
            self.connection.execute("SET timezone = 'UTC'")
            self.connection.execute("SET lock_configuration = true")
        except duckdb.Error as error:
            raise TenbinError("E_CANNOT_CONNECT", file=address.shown, found=str(error).split("\n")[0][:300]) from None

    def batches(self, statement: str, max_rows: int | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        limited = statement if max_rows is None else f"SELECT * FROM ({statement}) LIMIT {int(max_rows)}"  # noqa: S608
        reader = self.connection.execute(limited).to_arrow_reader(_BATCH_ROWS)
        yield pa.RecordBatch.from_pylist([], schema=reader.schema)
        yield from reader


class _ByCursor(Session):
    """A database whose driver hands out rows as tuples."""

    def batches(self, statement: str, max_rows: int | None) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        cursor = self._cursor(statement)
        left = max_rows
        while True:
            rows = cursor.fetchmany(_BATCH_ROWS if left is None else min(_BATCH_ROWS, left))
            names = [column[0] for column in cursor.description]
            columns = list(zip(*rows, strict=True)) or [()] * len(names)
            texts = [pa.array([_written(value) for value in column], pa.large_string()) for column in columns]
            yield pa.RecordBatch.from_arrays(texts, names=names)
            left = None if left is None else left - len(rows)
            if not rows or left == 0:
                return

    def _cursor(self, statement: str) -> Any:
        raise NotImplementedError


class _SQLite(_ByCursor):
    dialect, schema = "sqlite", "main"
    _list = "SELECT 'main', name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"

    def __init__(self, address: Address) -> None:
        import sqlite3

        self.errors = (sqlite3.Error, OverflowError)
        try:
            uri = f"{_present(address).resolve().as_uri()}?mode=ro"
            self.connection = sqlite3.connect(uri, uri=True, check_same_thread=False, timeout=_CONNECT_S)
            self.connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            self.connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.Error as error:
            raise TenbinError("E_CANNOT_CONNECT", file=address.shown, found=str(error)) from None
        allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
        self.connection.set_authorizer(lambda action, *rest: sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY)

    def _cursor(self, statement: str) -> Any:
        return self.connection.execute(statement)


class _Postgres(_ByCursor):
    dialect = "postgres"
    _list = (
        "SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"
    )

    def __init__(self, address: Address) -> None:
        try:
            import psycopg
            from psycopg.conninfo import make_conninfo
        except ImportError:
            raise TenbinError(
                "E_NEEDS_EXTRA", file=address.shown, found="PostgreSQL", cure='pip install "psycopg[binary]"'
            ) from None
        self.errors = (psycopg.Error,)
        options = "-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO -c client_encoding=UTF8"
        try:
            self.connection = psycopg.connect(make_conninfo(**address.server, connect_timeout=_CONNECT_S, options=options))
            self.connection.read_only = True
            row = self.connection.execute("SELECT current_schema()").fetchone()
        except psycopg.Error as error:
            found = without_secret(" ".join(str(error).split()), address)
            raise TenbinError("E_CANNOT_CONNECT", file=address.shown, found=found) from None
        self.schema = str(row[0]) if row else "public"

    def _cursor(self, statement: str) -> Any:
        cursor = self.connection.cursor(name="tenbin")  # on the server: the rows come in batches
        cursor.execute(statement)
        return cursor

    def interrupt(self) -> None:
        self.connection.cancel()


def _present(address: Address) -> Path:
    path = address.path or Path()
    if not path.is_file():
        raise TenbinError("E_FILE_MISSING", file=str(path))
    return path


def _written(value: Any) -> str | None:
    """A value as text, as the Parquet reader writes it: no ``.0``, times in ISO form; bytes and lists are no text."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, bytes | memoryview | list | dict | tuple):
        return None
    return str(value.replace(tzinfo=None) if getattr(value, "tzinfo", None) else value)  # the session speaks UTC


SESSIONS: Mapping[str, Callable[[Address], Session]] = {"duckdb": _DuckDB, "sqlite": _SQLite, "postgresql": _Postgres}
"""How to connect to each kind of database."""
