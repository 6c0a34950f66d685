"""Logs and catalogs too large to hold: whole users, the same ones every time, counted right, and every row found again."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.config import THRESHOLDS, Threshold
from diagnostics.dataset import read
from diagnostics.dataset.source import TableSource
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.schema import Dataset

N_USERS, N_ITEMS, N_ROWS = 400, 300, 4000


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
    users = rng.integers(0, N_USERS, N_ROWS)
    return pd.DataFrame(
        {
            "customer_id": [f"c{user:04d}" for user in users],
            "article_id": [f"a{item:04d}" for item in (rng.pareto(1.0, N_ROWS) * 20).astype(int) % N_ITEMS],
            "t_dat": pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 300 * 86400, N_ROWS), unit="s"),
            "price": np.round(rng.uniform(5, 90, N_ROWS), 2),
        }
    )


@pytest.fixture(scope="module")
def catalog() -> pd.DataFrame:
    rng = np.random.default_rng(4)
    names = [f"Product number {item} of the shop" if item % 3 else None for item in range(N_ITEMS)]
    codes, kinds = [f"a{item:04d}" for item in range(N_ITEMS)], rng.choice(["shoes", "shirts", "hats", "bags"], N_ITEMS)
    return pd.DataFrame({"article_id": codes, "prod_name": names, "category": kinds})


@pytest.fixture
def parquet(tmp_path: Path, log: pd.DataFrame, catalog: pd.DataFrame) -> tuple[Path, Path]:
    catalog.to_parquet(tmp_path / "items.parquet")
    log.to_parquet(tmp_path / "log.parquet")
    return tmp_path / "items.parquet", tmp_path / "log.parquet"


def _rows(dataset: Dataset) -> pd.DataFrame:
    log = dataset.log
    return pd.DataFrame(
        {
            "customer_id": log.user_ids[log.user_index],
            "article_id": dataset.catalog.item_ids[log.item_index],
            "t_dat": log.timestamp,
            "price": log.value,
        }
    )


def _sorted(rows: pd.DataFrame) -> list[tuple[object, ...]]:
    return sorted(rows.assign(t_dat=rows.t_dat.astype("datetime64[s]")).itertuples(index=False, name=None))


def test_whole_users_are_kept_and_counted(
    tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    limit(rows=1000)
    dataset = read(*parquet)
    kept = _rows(dataset)
    assert _sorted(kept) == _sorted(log[log.customer_id.isin(kept.customer_id)])  # all rows of each user, and nothing else
    assert 900 < len(kept) <= 1000  # the next user would not have fitted
    sampled = dataset.notes.sampled
    assert sampled is not None
    assert sampled.model_dump() == {
        "rows": N_ROWS,
        "rows_kept": len(kept),
        "users": log.customer_id.nunique(),
        "users_kept": kept.customer_id.nunique(),
        "items": N_ITEMS,
        "items_kept": N_ITEMS,
    }
    assert "reading.remark.sampled" in [remark.code for remark in dataset.notes.remarks]
    assert not list((tmp_path / "home").glob("spill/*"))


def test_a_log_within_the_limit_is_read_whole(parquet: tuple[Path, Path], limit: Callable[..., None]) -> None:
    limit(rows=N_ROWS, items=N_ITEMS)
    dataset = read(*parquet)
    assert (dataset.log.n_rows, dataset.notes.sampled, dataset.source) == (N_ROWS, None, None)


def test_the_seed_decides_who_is_drawn(parquet: tuple[Path, Path], limit: Callable[..., None]) -> None:
    limit(rows=800)
    first, again, other = (read(*parquet, seed=seed) for seed in (1, 1, 2))
    assert (first.fingerprint, first.notes.files) == (again.fingerprint, again.notes.files)
    assert set(first.log.user_ids) != set(other.log.user_ids)
    smaller = set(first.log.user_ids)
    limit(rows=1600)
    assert smaller < set(read(*parquet, seed=1).log.user_ids)  # a larger sample holds the smaller one


def test_any_kind_of_source_gives_the_same_users(
    tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, part in enumerate(np.array_split(np.arange(N_ROWS), 3)):
        log.iloc[part].to_parquet(parts / f"part-{number}.parquet")
    log.to_csv(tmp_path / "log.csv", index=False)
    with sqlite3.connect(tmp_path / "log.db") as connection:
        log.assign(t_dat=log.t_dat.astype(str)).to_sql("sales", connection, index=False)
    connection.close()
    limit(rows=700, text_bytes=1000)
    expected = _sorted(_rows(read(*parquet)))
    for source in (parts, tmp_path / "log.csv", f"sqlite://{tmp_path}/log.db?table=sales"):
        dataset = read(parquet[0], source)
        assert _sorted(_rows(dataset)) == expected
        assert dataset.notes.sampled is not None
        assert dataset.notes.sampled.rows == N_ROWS


def test_ids_that_are_numbers_in_one_file_only(
    tmp_path: Path, log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None]
) -> None:
    plain = log.assign(article_id=log.article_id.str[1:].astype(float), customer_id=log.customer_id.str[1:].astype(float))
    plain.loc[0, "customer_id"] = None
    plain.to_parquet(tmp_path / "log.parquet")
    catalog.assign(article_id=catalog.article_id.str[1:].astype(int).astype(str)).to_csv(tmp_path / "items.csv", index=False)
    limit(rows=900)
    dataset = read(tmp_path / "items.csv", tmp_path / "log.parquet")
    assert dataset.notes.sampled is not None
    assert dataset.notes.sampled.users == plain.customer_id.nunique()
    assert 800 < dataset.log.n_rows <= 900


def test_a_large_catalog_keeps_what_was_touched_and_some_others(
    parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    limit(rows=150, items=200)
    dataset = read(*parquet)
    touched = set(_rows(dataset).article_id)
    assert touched <= set(dataset.catalog.item_ids)
    assert dataset.catalog.n_items == 200
    assert len(touched) < 150
    assert dataset.notes.sampled is not None
    assert (dataset.notes.sampled.items, dataset.notes.sampled.items_kept) == (N_ITEMS, 200)
    assert "reading.remark.sampled_catalog" in [remark.code for remark in dataset.notes.remarks]


def test_users_are_fewer_where_they_touch_too_many_items(
    parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    limit(items=60)
    dataset = read(*parquet)
    kept = _rows(dataset)
    assert _sorted(kept) == _sorted(log[log.customer_id.isin(kept.customer_id)])
    assert dataset.catalog.n_items == 60
    assert 50 < kept.article_id.nunique() <= 60


def test_rows_that_cannot_be_used_keep_their_place_in_the_file(
    tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    faulty = log.assign(article_id=log.article_id.where(np.arange(N_ROWS) % 50 != 7, "unknown"))
    faulty.to_parquet(tmp_path / "faulty.parquet")
    limit(rows=1000)
    dataset = read(parquet[0], tmp_path / "faulty.parquet")
    places = dataset.rejected["faulty.parquet"]["tenbin_row"].to_numpy() - 2  # the header is row 1
    assert len(places) > 5
    assert set(faulty.article_id.iloc[places]) == {"unknown"}
    assert set(places % 50) == {7}


def test_every_row_is_found_again(
    parquet: tuple[Path, Path], log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None]
) -> None:
    limit(rows=500, items=100)
    source = read(*parquet).source
    with source.engine() as engine:
        items, events, names = source.tables(engine)
        counted = events.agg(n=events.count(), users=events.user.nunique(), paid=events.value.sum(), last=events.time.max())
        (row,) = engine.run(counted).to_pylist()
        assert (row["n"], row["users"]) == (N_ROWS, log.customer_id.nunique())
        assert row["paid"] == pytest.approx(log.price.sum())
        assert pd.Timestamp(row["last"]) == log.t_dat.max()
        (row,) = engine.run(items.agg(n=items.count(), named=items.title.count(), kinds=items.category.nunique())).to_pylist()
        assert row == {"n": N_ITEMS, "named": catalog.prod_name.notna().sum(), "kinds": 4}
    assert names["interactions"] == {"item": "article_id", "user": "customer_id", "time": "t_dat", "value": "price"}
    assert names["catalog"] == {"item": "article_id", "title": "prod_name", "category": "category"}


def test_what_reading_leaves_out_the_tables_leave_out(
    tmp_path: Path, log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None]
) -> None:
    events = log.drop(columns="price").assign(
        event_type=np.where(np.arange(N_ROWS) % 4 == 0, "impression", "purchase"),
        quantity=np.where(np.arange(N_ROWS) % 10 == 1, -1, 2),
        t_dat=log.t_dat.astype("int64") // 10**9
        if log.t_dat.dtype == "datetime64[ns]"
        else log.t_dat.astype("datetime64[s]").astype("int64"),
    )
    events.to_parquet(tmp_path / "log.parquet")
    doubled = pd.concat([catalog.assign(price=10.0), catalog.head(20).assign(price=99.0)])
    doubled.to_parquet(tmp_path / "items.parquet")
    whole = read(tmp_path / "items.parquet", tmp_path / "log.parquet")
    limit(rows=500)
    source = read(tmp_path / "items.parquet", tmp_path / "log.parquet").source
    with source.engine() as engine:
        items, rows, _ = source.tables(engine)
        summed = rows.agg(n=rows.count(), paid=rows.value.sum(), first=rows.time.min())
        (row,) = engine.run(summed).to_pylist()
        assert row["n"] == whole.log.n_rows
        assert row["paid"] == pytest.approx(float(np.nansum(whole.log.value)))
        assert pd.Timestamp(row["first"]) == pd.Timestamp(whole.log.timestamp.min())
        assert engine.run(items.agg(n=items.count(), dearest=items.price.max())).to_pylist() == [{"n": N_ITEMS, "dearest": 10.0}]


def test_a_long_text_in_the_encoding_of_japanese_systems_is_read_too(
    tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    limit(rows=500, text_bytes=1000)
    expected = _sorted(_rows(read(*parquet)))
    log.rename(columns={"customer_id": "会員ID"}).to_csv(tmp_path / "cp932.csv", index=False, encoding="cp932")
    dataset = read(parquet[0], tmp_path / "cp932.csv")
    assert _sorted(_rows(dataset)) == expected
    with dataset.source.engine() as engine:
        _, events, names = dataset.source.tables(engine)
        assert engine.run(events.count().as_table()).to_pylist()[0].popitem()[1] == N_ROWS
    assert names["interactions"]["user"] == "会員ID"


def test_rows_of_a_long_text_keep_the_numbers_that_reading_gives(
    tmp_path: Path, log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None]
) -> None:
    log = log.assign(note=np.where(np.arange(N_ROWS) % 9 == 0, "two\nlines", "one"))
    log.assign(article_id=log.article_id.where(np.arange(N_ROWS) % 50 != 7, "unknown")).to_csv(tmp_path / "log.csv", index=False)
    catalog.to_csv(tmp_path / "items.csv", index=False)
    url = f"sqlite://{tmp_path}/log.db?table=log.csv"
    with sqlite3.connect(tmp_path / "log.db") as connection:
        pd.read_csv(tmp_path / "log.csv", dtype=str).to_sql("log.csv", connection, index=False)
    connection.close()
    for source in (tmp_path / "log.csv", url):
        limit(rows=1e6, text_bytes=1e9)
        whole = read(tmp_path / "items.csv", source).rejected["log.csv"]
        assert len(whole) == N_ROWS // 50
        limit(rows=1000, text_bytes=1000)
        found = read(tmp_path / "items.csv", source).rejected["log.csv"]
        assert 10 < len(found) < len(whole)
        number = dict(zip(whole.tenbin_row, whole.customer_id + whole.t_dat, strict=True))
        assert [number[row] for row in found.tenbin_row] == (found.customer_id + found.t_dat).tolist()


def test_an_account_too_large_to_hold_is_passed_over(
    tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None]
) -> None:
    crawlers = [log.assign(customer_id=f"crawler {number}") for number in range(8)]  # one of them is the first to be drawn
    pd.concat([*crawlers, log]).to_parquet(tmp_path / "log.parquet")
    limit(rows=1000)
    for seed in range(4):
        users = read(parquet[0], tmp_path / "log.parquet", seed=seed).log.user_ids
        assert len(users) > 80 and not any(user.startswith("crawler") for user in users)
    pd.concat(crawlers).to_parquet(tmp_path / "log.parquet")
    with pytest.raises(TenbinError, match="E_USERS_TOO_LARGE"):
        read(parquet[0], tmp_path / "log.parquet")


def test_who_touches_every_item_is_passed_over(
    tmp_path: Path, parquet: tuple[Path, Path], catalog: pd.DataFrame, log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    crawlers = [log.head(N_ITEMS).assign(customer_id=f"crawler {n}", article_id=catalog.article_id) for n in range(8)]
    pd.concat([*crawlers, log]).to_parquet(tmp_path / "log.parquet")
    limit(items=60)
    for seed in range(4):
        found = _rows(read(parquet[0], tmp_path / "log.parquet", seed=seed))
        assert 50 < found.article_id.nunique() <= 60
        assert not found.customer_id.str.startswith("crawler").any()


def test_ids_that_lost_their_zeros_are_found_in_a_sampled_catalog(
    tmp_path: Path, log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None]
) -> None:
    log.assign(article_id=log.article_id.str[1:].str.lstrip("0").replace("", "0")).to_parquet(tmp_path / "log.parquet")
    catalog.assign(article_id=catalog.article_id.str[1:]).to_parquet(tmp_path / "items.parquet")
    limit(rows=150, items=200)
    dataset = read(tmp_path / "items.parquet", tmp_path / "log.parquet")
    assert dataset.catalog.n_items == 200
    assert dataset.log.n_rows == dataset.notes.sampled.rows_kept


@pytest.mark.parametrize("format", ["recbole", "hm", "movielens"])
def test_a_published_format_is_sampled_too(
    tmp_path: Path, log: pd.DataFrame, catalog: pd.DataFrame, limit: Callable[..., None], format: str
) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    seconds = log.t_dat.astype("datetime64[s]").astype("int64")
    if format == "recbole":
        columns = {"user_id:token": log.customer_id, "item_id:token": log.article_id, "timestamp:float": seconds}
        pd.DataFrame(columns).to_csv(folder / "shop.inter", sep="\t", index=False)
        items = pd.DataFrame({"item_id:token": catalog.article_id, "title:token_seq": catalog.prod_name, "v:float_seq": "1 2"})
        items.to_csv(folder / "shop.item", sep="\t", index=False)
    elif format == "hm":
        log.assign(t_dat=log.t_dat.dt.strftime("%Y-%m-%d")).to_csv(folder / "transactions_train.csv", index=False)
        catalog.assign(detail_desc="soft").to_csv(folder / "articles.csv", index=False)
    else:
        columns = {"userId": log.customer_id, "movieId": log.article_id, "rating": 5.0, "timestamp": seconds}
        pd.DataFrame(columns).to_csv(folder / "ratings.csv", index=False)
        films = catalog.rename(columns={"article_id": "movieId", "prod_name": "title", "category": "genres"})
        films.to_csv(folder / "movies.csv", index=False)
    limit(rows=1000, text_bytes=1e9)
    whole = read(None, folder)
    limit(rows=1000, text_bytes=1000)
    dataset = read(None, folder)
    assert dataset.notes.published_format == whole.notes.published_format == format
    assert dataset.notes.sampled is not None and dataset.notes.sampled.rows == N_ROWS
    assert 900 < dataset.log.n_rows <= 1000
    assert dataset.catalog.vectors.keys() == whole.catalog.vectors.keys()
    assert [role.model_copy(update={"samples": ()}) for role in dataset.notes.columns] == [
        role.model_copy(update={"samples": ()}) for role in whole.notes.columns
    ]
    with dataset.source.engine() as engine:
        _, events, _ = dataset.source.tables(engine)
        counted = engine.run(events.agg(n=events.count(), users=events.user.nunique(), last=events.time.max())).to_pylist()[0]
        assert (counted["n"], counted["users"]) == (whole.log.n_rows, len(whole.log.user_ids))
        assert pd.Timestamp(counted["last"]) == pd.Timestamp(whole.log.timestamp.max())


def test_a_missing_column_is_named_before_anything_is_drawn(
    tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]
) -> None:
    limit(rows=500)
    log[["article_id", "price"]].to_parquet(tmp_path / "nobody.parquet")
    with pytest.raises(TenbinError, match="E_NO_USER_COLUMN"):
        read(parquet[0], tmp_path / "nobody.parquet")


def test_reading_can_be_cancelled(parquet: tuple[Path, Path], limit: Callable[..., None], tmp_path: Path) -> None:
    limit(rows=500)
    with pytest.raises(Cancelled):
        read(*parquet, cancelled=lambda: True)
    assert not list((tmp_path / "home").glob("spill/*"))


def test_a_source_never_shows_its_password() -> None:
    source = TableSource("postgresql://me:se-cret@host/db?table=a", "postgresql://me:se-cret@host/db?table=b", {})
    assert "se-cret" not in repr(dataclasses.replace(source, category="x"))


def test_a_folder_of_other_files_is_no_log(tmp_path: Path, parquet: tuple[Path, Path], log: pd.DataFrame) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    log.to_parquet(folder / "part.parquet")
    (folder / "notes.xml").write_text("x")
    with pytest.raises(TenbinError, match="E_NO_FORMAT"):
        read(parquet[0], folder)


def test_the_profile_says_what_was_sampled(parquet: tuple[Path, Path], log: pd.DataFrame, limit: Callable[..., None]) -> None:
    import diagnostics

    limit(rows=2000)
    dataset = read(*parquet)
    measured = json.loads(diagnostics.profile(dataset).model_dump_json())
    assert dataset.notes.sampled is not None
    assert measured["sampled"] == dataset.notes.sampled.model_dump()
    assert measured["tables"]["interactions"] == N_ROWS  # of every row, not of the sample
    assert measured["tables"]["users"] == log.customer_id.nunique()
    (text,) = (modality for modality in measured["modalities"] if modality["name"] == "text")
    described = np.array([int(item[1:]) % 3 > 0 for item in log.article_id])
    assert text["coverage"]["interactions"] == pytest.approx(described.mean())
