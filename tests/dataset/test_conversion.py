"""A long text becomes Parquet with the rows that reading keeps, whatever its lines look like; a small log is held whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.config import THRESHOLDS, Threshold
from diagnostics.dataset import read
from diagnostics.dataset.engine import Engine
from diagnostics.dataset.source import ROW_NUMBER, open_place
from diagnostics.dataset.tables import read_table

N_ITEMS, N_ROWS = 300, 2000


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "home"))


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def set_limits(**limits: float) -> None:
        for name, value in limits.items():
            monkeypatch.setitem(THRESHOLDS, f"sample_{name}", Threshold(value, "for the test"))

    return set_limits


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 300, N_ROWS), unit="D")
    return pd.DataFrame(
        {
            "customer_id": [f"c{user:04d}" for user in rng.integers(0, 200, N_ROWS)],
            "article_id": [f"a{item:04d}" for item in rng.integers(0, 200, N_ROWS)],
            "t_dat": days.strftime("%Y-%m-%d"),
            "price": np.round(rng.uniform(5, 90, N_ROWS), 2),
        }
    )


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    codes = [f"a{item:04d}" for item in range(N_ITEMS)]
    kinds = np.random.default_rng(4).choice(["shoes", "shirts", "hats", "bags"], N_ITEMS)
    names = [f"Product number {item} of the shop" for item in range(N_ITEMS)]
    pd.DataFrame({"article_id": codes, "prod_name": names, "category": kinds}).to_parquet(tmp_path / "items.parquet")
    return tmp_path / "items.parquet"


@pytest.mark.parametrize(
    "spoilt",
    {
        "quote": lambda text: text.replace("\nc0001,", '\n"c0001,', 1),
        "ragged": lambda text: text + "total,,4000\nc0001,a0001,2024-01-01,9,9,9\nc0002\n",
        "preamble": lambda text: "Sales\nexported 2024-02-01\n\n" + text,
        "bytes": lambda text: text.replace("\nc0002,", "\nc\udcff\udc81\udc8d02,", 1),
        "names": lambda text: text.replace("price", "customer_id", 1),
        "blank": lambda text: text.replace("\nc0003,", "\n\nc0003,", 1) + "x,y\n",
        "lines": lambda text: text.replace(",5", ',"5"', 9) + 'c0001,a0001,2024-01-01,"1\n2"\n"never closed\n',
    }.items(),
    ids=lambda pair: pair[0],
)
def test_lines_at_fault_are_set_aside_in_a_long_text_too(
    spoilt: tuple[str, Callable[[str], str]],
    tmp_path: Path,
    catalog: Path,
    log: pd.DataFrame,
    limit: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("diagnostics.dataset.conversion._PIECE_CHARACTERS", 20_000)
    monkeypatch.setattr("diagnostics.dataset.conversion._AHEAD_LINES", 5)
    path = tmp_path / "spoilt.csv"
    path.write_bytes(spoilt[1](log.to_csv(index=False)).encode("utf-8", "surrogateescape"))
    whole = read_table(path, "interactions")
    with Engine(threads=1) as engine:
        told: list[int] = []
        table = open_place(engine, path, "interactions", delimiter=",", aside=told.append)
        found = engine.run(table.order_by(ROW_NUMBER)).to_pandas()
    assert told == [len(whole.rejected)]
    assert (found.pop(ROW_NUMBER) + 2).tolist() == whole.rows.tolist()
    pd.testing.assert_frame_equal(found.fillna("").astype(str), whole.frame.astype(str), check_dtype=False)
    limit(rows=500, text_bytes=1000)
    remarks = {remark.code: remark for remark in read(catalog, path).notes.remarks}
    assert ("reading.remark.lines_aside" in remarks) == bool(told[0])
    assert not told[0] or remarks["reading.remark.lines_aside"].values["n"] == told[0]


def test_a_cell_may_run_from_one_piece_of_a_long_text_into_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnostics.dataset.conversion._PIECE_CHARACTERS", 700)
    monkeypatch.setattr("diagnostics.dataset.conversion._AHEAD_LINES", 5)
    lines = "".join(f'c{row},a{row % 7},"first {row}\nsecond\nthird"\n' for row in range(300))
    path = tmp_path / "notes.csv"
    path.write_bytes(("\ufeffuser,item,note\n" + lines + "ragged\n").replace("\n", "\r\n").encode())
    whole = read_table(path, "interactions")
    with Engine(threads=1) as engine:
        table = open_place(engine, path, "interactions", delimiter=",")
        found = engine.run(table.order_by(ROW_NUMBER)).to_pandas()
    assert len(found) == 300
    assert found.drop(columns=ROW_NUMBER).to_numpy().tolist() == whole.frame.to_numpy().tolist()
    assert (found[ROW_NUMBER] + 2).tolist() == whole.rows.tolist()


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "jsonl", "xlsx"])
def test_a_small_log_beside_a_large_catalog_is_held_whole(
    kind: str, tmp_path: Path, catalog: Path, log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    path, shown = (
        tmp_path / f"small.{kind}",
        log.assign(article_id=log.article_id.replace("a0001", "no")),
    )
    if kind == "jsonl":
        shown.to_json(path, orient="records", lines=True)
    elif kind == "xlsx":
        with pd.ExcelWriter(path) as book:
            pd.DataFrame({"nothing": ["here"]}).to_excel(book, sheet_name="about", index=False)
            shown.to_excel(book, sheet_name="sales", index=False)
    else:
        shown.to_csv(path, index=False)
    mapping = {"interactions": {"sheet": "sales"}} if kind == "xlsx" else None
    whole = read(catalog, path, mapping=mapping)
    limit(items=250)
    dataset = read(catalog, path, mapping=mapping)
    assert dataset.notes.sampled.rows_kept == dataset.notes.sampled.rows == N_ROWS
    assert dataset.notes.sampled.users_kept == dataset.notes.sampled.users
    assert dataset.log.user_ids[dataset.log.user_index].tolist() == whole.log.user_ids[whole.log.user_index].tolist()
    assert dataset.log.timestamp.tolist() == whole.log.timestamp.tolist()
    assert dataset.rejected[path.name].tenbin_row.tolist() == whole.rejected[path.name].tenbin_row.tolist()
    with dataset.source.engine() as engine:
        _, events, _ = dataset.source.tables(engine)
        assert engine.run(events.count().as_table()).to_pylist()[0].popitem()[1] == whole.log.n_rows
