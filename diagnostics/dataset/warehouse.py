"""Tables and queries of a database, named by a URL and fetched read-only into one Parquet file, which the Parquet reader reads.

``duckdb:///shop.duckdb?table=orders``, ``sqlite:///shop.db?query=SELECT ...``, ``postgresql://user@host/db?table=sales.orders``;
after ``query=`` everything belongs to the query. Only one SELECT is run, in a session that cannot write, open files or attach.
"""

from __future__ import annotations

import difflib
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import quote, unquote

from diagnostics.config import home
from diagnostics.dataset.databases import SESSIONS, Session, without_secret
from diagnostics.dataset.engine import attend
from diagnostics.dataset.queries import checked_select
from diagnostics.dataset.tables import Role, Table, read_table
from diagnostics.errors import TenbinError

__all__ = ["SCHEMES", "Address", "count_rows", "fetch", "is_url", "parse_url", "read_source", "with_password", "without_password"]

SCHEMES = ("duckdb", "sqlite", "postgresql", "postgres", "spark")
"""What a URL may begin with; ``spark:///folder`` is a folder of Parquet files that Spark measures."""

_SERVER_PARAMETERS = ("host", "port", "sslmode", "sslrootcert", "password")
_SECRET = re.compile(r"^([a-z][a-z0-9+.-]*://[^:]*):.*@", re.IGNORECASE)  # up to the last @: a password may hold any sign
_SECRET_PARAMETER = re.compile(r"([?&])password=[^&]*&?", re.IGNORECASE)
_NAMES = re.compile(r"[?&](?:table|query)=", re.IGNORECASE)
_MOST_CHOICES = 30


@dataclass(frozen=True)
class Address:
    """A URL in parts. ``server`` holds what the database driver needs, a password among it, and is never shown.

    ``path`` is the database file or folder; exactly one of ``table`` and ``query`` is set (none for a folder on Spark); ``shown``
    is the URL without its password.
    """

    kind: str
    shown: str
    path: Path | None = None
    table: str | None = None
    query: str | None = None
    server: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """What the source is called in notes and roles: its table, or the database that the query asks."""
        if self.table is not None:
            return self.table
        return self.path.name if self.path is not None else self.server.get("dbname", self.kind)


def is_url(source: str | Path) -> bool:
    """Whether a source is a URL and not a path; a drive letter such as ``C:`` is none."""
    return isinstance(source, str) and re.match(r"[a-z][a-z0-9+.-]+://", source, re.IGNORECASE) is not None


def without_password(source: str) -> str:
    """The same URL with its password left out, as it may be stored and shown. A path is returned as it is."""
    if "://" not in source:
        return source
    named = _NAMES.search(source)
    address = source if named is None else source[: named.start()]
    head, sign, query = (_SECRET.sub(r"\1@", address) + source[len(address) :]).partition("query=")
    return _SECRET_PARAMETER.sub(r"\1", head).rstrip("?&" if not sign else "") + sign + query


def with_password(url: str, password: str) -> str:
    """The same URL of a server with a password in it; one that it already has is kept. Other URLs need none."""
    address = parse_url(url)
    if address.kind != "postgresql" or "password" in address.server:
        return url
    return url.replace("?", f"?password={quote(password, safe='')}&", 1)


def parse_url(url: str) -> Address:
    """Take a URL apart; percent signs stand for what a URL cannot hold, except in a query, which may be written plainly.

    Raises
    ------
    TenbinError
        ``E_URL_UNKNOWN`` for another scheme, ``E_URL_TABLE`` when it names neither a table nor a query, or both.
    """
    shown = without_password(url)
    scheme, _, rest = url.partition("://")
    kind = {"postgres": "postgresql"}.get(scheme.lower(), scheme.lower())
    if kind not in SCHEMES:
        raise TenbinError("E_URL_UNKNOWN", found=scheme, choices=SCHEMES)
    place, _, written = rest.partition("?")
    query = None
    before, sign, after = written.partition("query=")
    if sign and before[-1:] in ("", "&"):
        written, query = before, unquote(after)
    given = {name: unquote(value) for name, _, value in (part.partition("=") for part in written.split("&") if part)}
    table = given.get("table")
    if kind == "spark":
        return Address(kind, shown, path=_path(place))
    if (query is None) == (table is None):
        raise TenbinError("E_URL_TABLE", file=shown)
    if kind != "postgresql":
        return Address(kind, shown, path=_path(place), table=table, query=query)
    login, _, machine = place.rpartition("@")
    machine, _, database = machine.partition("/")
    host, _, port = machine.rpartition(":") if re.search(r":\d+$", machine) else (machine, "", "")
    user, _, password = login.partition(":")
    server = {"user": user, "password": password, "host": host.strip("[]"), "port": port, "dbname": database}
    server = {name: unquote(value) for name, value in server.items()} | {n: v for n, v in given.items() if n in _SERVER_PARAMETERS}
    return Address(kind, shown, table=table, query=query, server={name: value for name, value in server.items() if value})


def _path(place: str) -> Path:
    """``/data/shop.db`` is absolute, ``data/shop.db`` is not, ``/C:/data`` is a drive of Windows."""
    written = unquote(place)
    return Path(written[1:] if re.match(r"/[A-Za-z]:", written) else re.sub("^/+", "/", written))


def read_source(
    url: str,
    role: Role,
    *,
    max_rows: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Table:
    """A table or query as a table of text, as the Parquet reader writes cells; rows are numbered from 1 in the order they came.

    Raises
    ------
    TenbinError
        As ``fetch``; ``E_HEADER_ONLY`` when there is no row.
    Cancelled
    """
    address = parse_url(url)
    (home() / "spill").mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fetched-", dir=home() / "spill") as folder:
        path = Path(folder) / "fetched.parquet"
        fetch(address, path, max_rows=max_rows, progress=progress, cancelled=cancelled)
        return named(read_table(path, role), address)


def named(table: Table, address: Address) -> Table:
    """A table read from a fetched file, under the name of what it was fetched from."""
    note = table.note.model_copy(update={"name": address.name, "format": address.kind})
    return replace(table, name=address.name, note=note, rows=table.rows - 1)


def fetch(
    address: Address,
    path: Path,
    *,
    max_rows: int | None = None,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> int:
    """Write the rows of a table or query to a Parquet file, a batch at a time, and return how many there are.

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_CANNOT_CONNECT``, ``E_NO_TABLE``, ``E_QUERY_REFUSED``, ``E_QUERY_FAILED``, ``E_NEEDS_EXTRA``.
    Cancelled
    """
    import pyarrow.parquet as pq

    session = SESSIONS[address.kind](address)
    try:
        rows = 0

        def write() -> None:
            nonlocal rows
            writer = None
            for batch in session.batches(_statement(address, session), max_rows):
                batch = batch.rename_columns(_unlike(batch.schema.names))
                writer = writer or pq.ParquetWriter(path, batch.schema, compression="zstd")
                writer.write_batch(batch)
                rows += batch.num_rows
            if writer is not None:
                writer.close()

        try:
            attend(write, interrupt=session.interrupt, step=progress, cancelled=cancelled)
        except session.errors as error:
            raise _failed(error, address) from None
        return rows
    finally:
        session.close()


def count_rows(address: Address) -> int:
    """How many rows a table or query has.

    Raises
    ------
    TenbinError
        As ``fetch``.
    """
    session = SESSIONS[address.kind](address)
    try:
        counted = f"SELECT COUNT(*) AS n FROM ({_statement(address, session)}) AS counted"  # noqa: S608  (checked or quoted)
        return int(next(batch for batch in session.batches(counted, None) if batch.num_rows)["n"][0].as_py())
    except session.errors as error:
        raise _failed(error, address) from None
    finally:
        session.close()


def _failed(error: Exception, address: Address) -> TenbinError:
    found = without_secret(str(error).strip().split("\n")[0], address)
    return TenbinError("E_QUERY_FAILED", file=address.shown, found=found)


def _statement(address: Address, session: Session) -> str:
    """The one SELECT to run: the query after its check, or everything of the table, its name quoted."""
    from sqlglot import exp

    if address.query is not None:
        return checked_select(address.query, address.kind, address.shown)
    wanted = address.table or ""
    tables = session.tables()
    schema = next((schema for schema, name in tables if name == wanted and schema == session.schema), None)
    found = (schema, wanted) if schema is not None else next((both for both in tables if ".".join(both) == wanted), None)
    if found is None:
        names = [name if schema == session.schema else f"{schema}.{name}" for schema, name in tables]
        near = difflib.get_close_matches(wanted, names, n=1, cutoff=0.0)
        raise TenbinError(
            "E_NO_TABLE", file=address.shown, found=wanted, nearest=near[0] if near else "–", choices=names[:_MOST_CHOICES] or ["–"]
        )
    return exp.select("*").from_(exp.table_(found[1], db=found[0], quoted=True)).sql(dialect=session.dialect)


def _unlike(names: Sequence[str]) -> list[str]:
    """Column names as they are, a repeated one numbered: a query may name two columns alike, a file may not."""
    taken: list[str] = []
    for name in names:
        free, number = name, 2
        while free in taken:
            free, number = f"{name} ({number})", number + 1
        taken.append(free)
    return taken
