"""Databases by URL: read for real, read only, and nothing but what was asked for."""

# ruff: noqa: S608, S106  (queries are what is tested here)

from __future__ import annotations

import os
import pwd
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest

from diagnostics.dataset.queries import checked_select
from diagnostics.dataset.warehouse import is_url, parse_url, read_source, without_password
from diagnostics.errors import Cancelled, TenbinError

HOSTILE = "or\"ders; DROP TABLE keep; --'売上"
ROWS = "(1, 'A-01', 1280.0, '2024-01-05 10:00:00', NULL), (2, 'A-02', 12.5, '2024-01-06 00:00:00', '青い''シャツ')"
COLUMNS = "id, code, price, bought, note"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "home"))


def _fill(execute, kinds: str) -> None:
    for name in ("orders", HOSTILE, "keep"):
        quoted = '"' + name.replace('"', '""') + '"'
        execute(f"CREATE TABLE {quoted} ({kinds})")
        execute(f"INSERT INTO {quoted} VALUES {ROWS}")


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "shop 店.db") as connection:
        _fill(connection.execute, "id INTEGER, code TEXT, price REAL, bought TEXT, note TEXT")
    connection.close()
    return f"sqlite://{tmp_path}/shop 店.db"


@pytest.fixture
def duckdb_url(tmp_path: Path) -> str:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        _fill(connection.execute, "id BIGINT, code VARCHAR, price DOUBLE, bought TIMESTAMP, note VARCHAR")
    return f"duckdb://{tmp_path}/shop.duckdb"


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[str]:
    """A server of our own on a socket in a temporary folder; it refuses to run as root, so another user runs it then."""
    found = shutil.which("initdb") or next(iter(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))), None)
    if found is None:
        pytest.skip("no PostgreSQL server is installed here")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    programs = Path(found).resolve().parent
    root = os.geteuid() == 0
    if root and not any(entry.pw_name == "postgres" for entry in pwd.getpwall()):
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))  # a socket's path must be short
    as_user: dict[str, str] = {"user": "postgres", "group": "postgres"} if root else {}
    if root:
        shutil.chown(folder, "postgres")
    (folder / "password").write_text("se:cr@t\n")
    if root:
        shutil.chown(folder / "password", "postgres")
    quiet = {"check": True, "capture_output": True, "cwd": folder, **as_user}
    options = ["-A", "scram-sha-256", "-U", "shop", "--pwfile", str(folder / "password"), "-E", "UTF8", "--no-sync"]
    subprocess.run([programs / "initdb", "-D", folder / "data", *options], **quiet)
    server = subprocess.Popen(
        [programs / "postgres", "-D", folder / "data", "-k", folder, "-c", "listen_addresses=", "-F"],
        cwd=folder,
        stderr=subprocess.DEVNULL,
        **as_user,
    )
    try:
        for _ in range(300):
            if subprocess.run([programs / "pg_isready", "-h", folder, "-q"], check=False).returncode == 0:
                break
            time.sleep(0.1)
        import psycopg

        with psycopg.connect(host=str(folder), user="shop", password="se:cr@t", dbname="postgres", autocommit=True) as connection:
            _fill(connection.execute, "id BIGINT, code TEXT, price DOUBLE PRECISION, bought TIMESTAMPTZ, note TEXT")
            connection.execute("CREATE SCHEMA sales")
            connection.execute("CREATE VIEW sales.bought AS SELECT code, true AS paid, '{1,2}'::int[] AS parts FROM orders")
        yield f"postgresql://shop:{quote('se:cr@t')}@/postgres?host={folder}"
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(folder)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    return postgres_server


@pytest.fixture(params=["sqlite_url", "duckdb_url", "postgres_url"])
def url(request: pytest.FixtureRequest) -> str:
    found: str = request.getfixturevalue(request.param)
    return found + ("&" if "?" in found else "?")


def _cells(url: str) -> list[list[str | None]]:
    """The cells as text; DuckDB's times may show microseconds, which the shop did not write."""
    frame = read_source(url, "interactions").frame
    return [[None if cell != cell else str(cell).removesuffix(".000000") for cell in row] for row in frame.itertuples(index=False)]


EXPECTED = [["1", "A-01", "1280", "2024-01-05 10:00:00", None], ["2", "A-02", "12.5", "2024-01-06 00:00:00", "青い'シャツ"]]


@pytest.mark.parametrize("table", ["orders", HOSTILE])
def test_a_table_is_read_as_text_whatever_its_name(url: str, table: str) -> None:
    assert _cells(f"{url}table={quote(table)}") == EXPECTED
    read = read_source(f"{url}table={quote(table)}", "interactions")
    assert read.name == read.note.name == table
    assert read.note.format in ("sqlite", "duckdb", "postgresql")
    assert read.rows.tolist() == [1, 2]
    assert list(read.frame.columns) == COLUMNS.split(", ")
    assert _cells(f"{url}table=keep") == EXPECTED  # nothing was dropped


def test_a_query_is_read(url: str) -> None:
    query = "WITH dear AS (SELECT code, price * 2 AS twice FROM orders WHERE note IS NULL) SELECT upper(code) AS c, twice FROM dear"
    assert _cells(f"{url}query={query}") == [["A-01", "2560"]]


def test_signs_of_a_url_inside_a_query_belong_to_the_query(url: str) -> None:
    assert _cells(f"{url}query=SELECT count(*) AS n FROM orders WHERE code LIKE 'A%' AND code <> 'x&table=y?query=#'") == [["2"]]


def test_a_preview_stops_early(url: str) -> None:
    assert len(read_source(f"{url}table=orders", "catalog", max_rows=1).frame) == 1
    assert len(read_source(f"{url}query=SELECT * FROM orders", "catalog", max_rows=1).frame) == 1


def test_columns_of_one_name_are_told_apart(url: str) -> None:
    read = read_source(f"{url}query=SELECT a.code, b.code FROM orders a JOIN orders b ON a.id = b.id", "catalog")
    assert len(set(read.frame.columns)) == 2
    assert read.frame.iloc[:, 0].tolist() == read.frame.iloc[:, 1].tolist() == ["A-01", "A-02"]


def test_a_table_without_rows_is_named(url: str) -> None:
    with pytest.raises(TenbinError, match="E_HEADER_ONLY"):
        read_source(f"{url}query=SELECT * FROM orders WHERE 1 = 0", "catalog")


def test_an_unknown_table_is_answered_with_the_nearest(url: str) -> None:
    with pytest.raises(TenbinError, match="E_NO_TABLE") as caught:
        read_source(f"{url}table=order", "catalog")
    assert caught.value.values["nearest"] == "orders"
    assert "keep" in caught.value.words("ja")


REFUSED = [
    "DELETE FROM keep",
    "DROP TABLE keep",
    "SELECT 1; DROP TABLE keep",
    "INSERT INTO keep SELECT * FROM keep",
    "CREATE TABLE x AS SELECT 1",
    "UPDATE keep SET id = 0",
    "COPY keep TO '/tmp/x.csv'",
    "ATTACH '/etc/passwd' AS x",
    "PRAGMA database_list",
    "SET memory_limit = '1TB'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "CALL pragma_version()",
    "EXPLAIN SELECT 1",
    "VACUUM",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_csv_auto('/etc/passwd')",
    "SELECT * FROM read_parquet('/x.parquet')",
    "SELECT * FROM parquet_scan('/x.parquet')",
    "SELECT content FROM read_text('/etc/passwd')",
    "SELECT * FROM glob('/*')",
    "SELECT * FROM query('DROP TABLE keep')",
    "SELECT getenv('HOME')",
    "SELECT * FROM duckdb_secrets()",
    "SELECT load_extension('x')",
    "SELECT writefile('x', 'y')",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT pg_sleep(10)",
    "SELECT set_config('transaction_read_only', 'off', false)",
    "SELECT * FROM dblink('host=x', 'SELECT 1')",
    "WITH gone AS (DELETE FROM keep RETURNING *) SELECT * FROM gone",
    "SELECT * INTO other FROM keep",
    "SELECT * FROM keep FOR UPDATE",
    "SELECT (SELECT pg_terminate_backend(1))",
]


@pytest.mark.parametrize("kind", ["duckdb", "sqlite", "postgresql"])
@pytest.mark.parametrize("query", REFUSED)
def test_everything_but_a_select_is_refused(kind: str, query: str) -> None:
    with pytest.raises(TenbinError, match=r"E_QUERY_REFUSED|E_QUERY_FAILED") as caught:
        checked_select(query, kind, "shop")
    assert caught.value.words("ja")


@pytest.mark.parametrize("called", ["read_csv", "read_parquet", "glob", "query", "duckdb_secrets", "Read_Blob", "getenv"])
@pytest.mark.parametrize("query", ["SELECT * FROM {}('x')", "SELECT {}('x')"])
def test_a_refused_function_is_called_what_the_person_called_it(called: str, query: str) -> None:
    with pytest.raises(TenbinError, match="E_QUERY_REFUSED") as caught:
        checked_select(query.format(called), "duckdb", "shop")
    assert caught.value.values["found"] == f"{called}()"


def test_what_the_parser_cannot_see_the_session_refuses(sqlite_url: str, duckdb_url: str, tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    for statement in (f"SELECT * FROM '{tmp_path}/secret.csv'", f'SELECT * FROM "{tmp_path}/secret.csv"'):
        for url in (sqlite_url, duckdb_url):
            with pytest.raises(TenbinError, match="E_QUERY_FAILED"):
                read_source(f"{url}?query={statement}", "catalog")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "postgres"])
def test_the_session_itself_cannot_write(kind: str, request: pytest.FixtureRequest) -> None:
    from diagnostics.dataset.databases import SESSIONS

    found: str = request.getfixturevalue(f"{kind}_url")
    address = parse_url(found + ("&" if "?" in found else "?") + "table=keep")
    statements = ["DELETE FROM keep", "CREATE TABLE made (a INTEGER)", "DROP TABLE keep"]
    statements += ["ATTACH '/tmp/never-made.db' AS other"] if kind != "postgres" else ["CREATE TEMP TABLE made (a INTEGER)"]
    for statement in statements:
        session = SESSIONS[address.kind](address)
        with pytest.raises(session.errors):
            session.connection.execute(statement).fetchall()
        session.close()
    assert not Path("/tmp/never-made.db").exists()  # noqa: S108
    assert _cells(f"{found}{'&' if '?' in found else '?'}table=keep") == EXPECTED


def test_a_failing_query_is_explained_in_one_line(url: str) -> None:
    with pytest.raises(TenbinError, match="E_QUERY_FAILED") as caught:
        read_source(f"{url}query=SELECT nosuch FROM orders", "catalog")
    assert "nosuch" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_cell_that_fits_no_column_type_is_still_read(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "loose.db") as connection:
        connection.execute("CREATE TABLE t (a INTEGER, b)")
        connection.executemany("INSERT INTO t VALUES (?, ?)", [(1, "x"), ("not a number", b"\x00\x01"), (2.0, None)])
        connection.execute("INSERT INTO t VALUES (CAST(x'8365' AS TEXT), 3)")  # text in another encoding
    connection.close()
    read = _cells(f"sqlite://{tmp_path}/loose.db?table=t")
    assert read[:3] == [["1", "x"], ["not a number", None], ["2", None]]
    assert read[3] == ["\ufffde", "3"]


def test_a_schema_a_view_and_types_of_postgres(postgres_url: str) -> None:
    read = read_source(f"{postgres_url}&table=sales.bought", "catalog")
    assert read.frame["code"].tolist() == ["A-01", "A-02"]
    assert read.frame["paid"].tolist() == ["true", "true"]
    assert read.frame["parts"].isna().all()


def test_a_password_is_taken_from_the_environment_and_never_said(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = without_password(postgres_url)
    assert "cr" not in bare
    monkeypatch.setenv("PGPASSWORD", "se:cr@t")
    assert len(read_source(f"{bare}&table=orders", "catalog").frame) == 2
    monkeypatch.setenv("PGPASSWORD", "wrong-word")
    with pytest.raises(TenbinError, match="E_CANNOT_CONNECT") as caught:
        read_source(f"{bare}&table=orders", "catalog")
    said = repr(caught.value) + repr(parse_url(f"{postgres_url}&table=t")) + caught.value.words("ja")
    assert not any(secret in said for secret in ("wrong-word", "se:cr@t", quote("se:cr@t")))


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("postgresql://me:pa%40ss@host:5432/db?table=t", "postgresql://me@host:5432/db?table=t"),
        ("postgresql://me:p@ss@host/db?table=t", "postgresql://me@host/db?table=t"),
        ("postgresql://host/db?password=x&table=t", "postgresql://host/db?table=t"),
        ("postgresql://host/db?table=t&password=x", "postgresql://host/db?table=t"),
        ("postgresql://me@host/db?table=t", "postgresql://me@host/db?table=t"),
        ("postgresql://me:x@host/db?query=SELECT 'a:b@c' AS d", "postgresql://me@host/db?query=SELECT 'a:b@c' AS d"),
        ("sqlite:///shop.db?table=t", "sqlite:///shop.db?table=t"),
        ("plain/path:with@signs.csv", "plain/path:with@signs.csv"),
    ],
)
def test_passwords_are_left_out(url: str, bare: str) -> None:
    assert without_password(url) == bare


def test_urls_and_paths_are_told_apart() -> None:
    assert is_url("sqlite:///x.db?table=t")
    assert not is_url("C:\\data\\log.csv")
    assert not is_url("C:/data/log.csv")
    assert not is_url(Path("sqlite:/x"))
    assert not is_url("data/log.parquet")


def test_the_parts_of_a_url() -> None:
    parts = parse_url("postgresql://me:p%40s@db.example.com:5433/shop?sslmode=require&table=a%26b")
    assert dict(parts.server) == {
        "user": "me",
        "password": "p@s",
        "host": "db.example.com",
        "port": "5433",
        "dbname": "shop",
        "sslmode": "require",
    }
    assert parts.table == "a&b"
    assert parse_url("sqlite://data/x.db?table=t").path == Path("data/x.db")
    assert parse_url("sqlite:///data/x.db?table=t").path == Path("/data/x.db")
    assert parse_url("duckdb:////data/x.db?table=t").path == Path("/data/x.db")
    assert parse_url("duckdb:///C:/data/x.db?table=t").path == Path("C:/data/x.db")


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://h/db?table=t", "E_URL_UNKNOWN"),
        ("https://example.invalid/x.csv", "E_URL_UNKNOWN"),
        ("sqlite:///x.db", "E_URL_TABLE"),
        ("sqlite:///x.db?table=a&query=SELECT 1", "E_URL_TABLE"),
        ("sqlite:///nowhere/x.db?table=a", "E_FILE_MISSING"),
        ("duckdb:///nowhere/x.db?table=a", "E_FILE_MISSING"),
        ("postgresql://nobody@/none?host=/nowhere&table=a", "E_CANNOT_CONNECT"),
    ],
)
def test_addresses_that_lead_nowhere(url: str, code: str) -> None:
    with pytest.raises(TenbinError, match=code) as caught:
        read_source(url, "catalog")
    assert caught.value.words("ja")


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_file_that_is_no_database(tmp_path: Path, kind: str) -> None:
    (tmp_path / "x.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(TenbinError, match="E_CANNOT_CONNECT"):
        read_source(f"{kind}://{tmp_path}/x.db?table=a", "catalog")
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["x.db"]


def test_cancel_stops_a_query(url: str) -> None:
    begun = time.monotonic()
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000000) SELECT max(i) AS m FROM n"
    with pytest.raises(Cancelled):
        read_source(f"{url}query={endless}", "catalog", cancelled=lambda: time.monotonic() - begun > 0.3)


@pytest.mark.parametrize("password", ["secret", "pa/ss", "pa#ss", "p?x", "a:b", "a@b"])
@pytest.mark.parametrize("start", ["postgresql://me", "postgresql://me@server", "postgresql+psycopg2://me", "POSTGRES://me"])
def test_no_password_is_shown_whatever_it_holds(start, password):
    assert without_password(f"{start}:{password}@host/db?table=t") == f"{start}@host/db?table=t"
    assert without_password(f"{start}@host/db?Password={password}&table=t") == f"{start}@host/db?table=t"
