"""The engine: progress, Cancel, memory limits, and equal answers from a file, a folder and a table in memory."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diagnostics.dataset.engine import Engine, parquet_files
from diagnostics.errors import Cancelled, TenbinError

SALES = pa.table({"user": ["a", "b", "a", "c"], "item": ["x", "x", "y", "x"], "paid": [1.0, 2.0, 3.0, None]})


@pytest.fixture
def engine(tmp_path: Path):
    (tmp_path / "spill").mkdir()
    with Engine(memory_bytes=300_000_000, threads=1, spill=tmp_path / "spill") as opened:
        yield opened


def _per_item(engine: Engine, source: Path | pa.Table | pd.DataFrame) -> list[dict[str, object]]:
    table = engine.table(source)
    counted = table.group_by("item").agg(n=table.count(), paid=table.paid.sum(), users=table.user.nunique()).order_by("item")
    return engine.run(counted).to_pylist()


def test_a_file_a_folder_and_a_table_in_memory_give_the_same_answer(engine: Engine, tmp_path: Path) -> None:
    pq.write_table(SALES, tmp_path / "log [2024]*.parquet")  # the name looks like a pattern and is none
    folder = tmp_path / "parts"
    folder.mkdir()
    pq.write_table(SALES.slice(0, 1), folder / "b.parquet")
    pq.write_table(SALES.slice(1), folder / "a.parquet")
    expected = [{"item": "x", "n": 3, "paid": 3.0, "users": 3}, {"item": "y", "n": 1, "paid": 3.0, "users": 1}]
    for source in (SALES, SALES.to_pandas(), tmp_path / "log [2024]*.parquet", folder):
        assert _per_item(engine, source) == expected


def test_a_scalar_expression_is_a_table_of_one_row(engine: Engine) -> None:
    assert engine.run(engine.table(SALES).count().name("n")).to_pylist() == [{"n": 4}]


def test_files_of_a_folder_may_lack_a_later_column(engine: Engine, tmp_path: Path) -> None:
    pq.write_table(SALES.drop_columns("paid"), tmp_path / "old.parquet")
    pq.write_table(SALES, tmp_path / "new.parquet")
    table = engine.table(tmp_path)
    assert engine.run(table.agg(n=table.count(), paid=table.paid.count())).to_pylist() == [{"n": 8, "paid": 3}]


def test_links_that_lead_out_and_hidden_files_are_not_read(tmp_path: Path) -> None:
    outside = tmp_path / "secret.parquet"
    pq.write_table(SALES, outside)
    folder = tmp_path / "log"
    folder.mkdir()
    (folder / "link.parquet").symlink_to(outside)
    pq.write_table(SALES, folder / ".hidden.parquet")
    pq.write_table(SALES, folder / "_metadata.parquet")
    with pytest.raises(TenbinError, match="E_NO_PARQUET"):
        parquet_files(folder)
    pq.write_table(SALES, folder / "real.parquet")
    assert parquet_files(folder) == (folder / "real.parquet",)


@pytest.mark.parametrize(
    ("name", "content", "code"), [("gone.parquet", None, "E_FILE_MISSING"), ("no.parquet", b"x", "E_BAD_PARQUET")]
)
def test_a_file_that_is_none_is_named(engine: Engine, tmp_path: Path, name: str, content: bytes | None, code: str) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TenbinError, match=code) as caught:
        engine.table(tmp_path / name)
    assert name in caught.value.words("en")
    assert name in caught.value.words("ja")


def _endless(engine: Engine):  # a join of 40,000 million rows: hours
    many = engine.table(pa.table({"one": np.ones(200_000, dtype=np.int64), "n": np.arange(200_000)}))
    other = many.view()
    joined = many.join(other, many.one == other.one)
    return joined.agg(total=(joined.n * joined.n_right).sum())


def test_cancel_stops_a_running_query_and_the_engine_lives_on(engine: Engine) -> None:
    asked = time.monotonic()
    with pytest.raises(Cancelled):
        engine.run(_endless(engine), cancelled=lambda: time.monotonic() - asked > 0.3)
    assert threading.active_count() < 10
    assert _per_item(engine, SALES)[1]["n"] == 1


def test_an_error_in_the_progress_stops_the_query_too(engine: Engine) -> None:
    def step(done: float) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        engine.run(_endless(engine), step=step)
    assert _per_item(engine, SALES)[1]["n"] == 1


def test_progress_never_falls_and_ends_at_one(engine: Engine, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pq.write_table(
        pa.table({"u": rng.integers(0, 300_000, 2_000_000), "i": rng.integers(0, 50_000, 2_000_000)}), tmp_path / "x.parquet"
    )
    table = engine.table(tmp_path / "x.parquet")
    steps: list[float] = []
    engine.run(table.group_by("u").agg(n=table.i.nunique()).agg(n=lambda t: t.n.sum()), step=steps.append)
    assert steps == sorted(steps)
    assert steps[-1] == 1.0
    assert all(0 <= done <= 1 for done in steps)


def test_what_fits_nowhere_is_an_error_with_a_cure(tmp_path: Path) -> None:
    with Engine(memory_bytes=20_000_000, threads=1, spill=tmp_path) as small:
        rng = np.random.default_rng(0)
        table = small.table(pa.table({"n": rng.integers(0, 2**60, 3_000_000)}))
        with pytest.raises(TenbinError, match="E_TOO_LARGE") as caught:
            small.run(table.agg(all=table.n.cast("string").collect()))
        assert caught.value.words("ja") != caught.value.words("en")
    assert list(tmp_path.iterdir()) == []


def test_more_than_memory_spills_and_is_removed(tmp_path: Path) -> None:
    with Engine(memory_bytes=30_000_000, threads=1, spill=tmp_path) as small:
        rng = np.random.default_rng(0)
        numbers = rng.integers(0, 2**60, 1_500_000)
        pq.write_table(pa.table({"n": numbers}), tmp_path / "n.parquet")
        table = small.table(tmp_path / "n.parquet")
        distinct = small.run(table.distinct().count().name("n")).to_pylist()
        assert distinct == [{"n": len(np.unique(numbers))}]
    assert [path.name for path in tmp_path.iterdir()] == ["n.parquet"]


def test_no_extension_can_be_fetched(engine: Engine) -> None:
    import duckdb

    with pytest.raises(duckdb.Error):
        engine.backend.con.execute("SET autoinstall_known_extensions = true")
    with pytest.raises(duckdb.Error):
        engine.backend.con.execute("SELECT * FROM read_parquet('https://example.invalid/x.parquet')")


def test_importing_the_engine_imports_neither_ibis_nor_duckdb() -> None:
    code = "import sys, diagnostics.dataset.engine; sys.exit(bool({'ibis', 'duckdb', 'pyspark'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_profile_of_parquet_files_imports_no_pandas(tmp_path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2, 2, None], "said": ["a", "b", "b", None]}), tmp_path / "rows.parquet")
    code = (
        "import sys; from pathlib import Path; from diagnostics.dataset.engine import Engine\n"
        "from diagnostics.profile.tables_columns import column_counts\n"
        "with Engine() as engine:\n"
        "    table = engine.table(Path(sys.argv[1]))\n"
        "    assert engine.run(column_counts([(table, 'n', 'number'), (table, 'said', 'text')])).num_rows == 5\n"
        "sys.exit('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "rows.parquet")], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("name", ["O'Brien", "plain"])
def test_rows_are_kept_wherever_a_person_s_folder_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with Engine(threads=1, spill=tmp_path / name) as engine:
        kept = engine.keep(engine.table(SALES))
        assert engine.run(kept.order_by(["user", "paid"]))["paid"].to_pylist() == [1.0, 3.0, 2.0, None]
