"""The table profile against hand-worked shares and against a plain numpy reference on random shops."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diagnostics.dataset.engine import Engine
from diagnostics.dataset.source import TableSource
from diagnostics.profile.tables import TableProfile, from_dataset, measure_tables
from diagnostics.schema import Catalog, Dataset, InteractionLog, ReadingNotes, Sampled, Split
from tests.profile.conftest import column

TEXT = np.array([True, True, False, True])
FAKE = np.array([False, True, False, False])


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(threads=1, spill=tmp_path_factory.mktemp("spill")) as opened:
        yield opened


def segments(found: TableProfile, modality: str, by: str) -> dict[str, tuple[int, int, float, float | None]]:
    return {
        entry.segment: (entry.n_items, entry.n_interactions, entry.items, entry.interactions)
        for entry in found.segments[modality]
        if entry.by == by
    }


# ---------------------------------------------------------------- by hand


def test_shares_by_item_purchase_and_revenue(engine: Engine, make_dataset: Callable) -> None:
    dataset = make_dataset(4, [(0, 0), (0, 1), (1, 0), (1, 2), (2, 3)], value=[10, 5, 10, np.nan, 15])
    coverage = from_dataset(engine, dataset, {"text": TEXT & ~FAKE}, {"text": FAKE}).coverage["text"]
    assert (coverage.items, coverage.disguised) == (0.5, 0.25)
    assert coverage.interactions == pytest.approx(3 / 5)
    assert coverage.revenue == pytest.approx(35 / 40)


@pytest.mark.parametrize("value", [None, [0.0], [-4.0], [np.nan]])
def test_no_money_no_revenue(engine: Engine, make_dataset: Callable, value: list | None) -> None:
    dataset = make_dataset(4, [(0, 0)], value=value)
    assert from_dataset(engine, dataset, {"text": TEXT}, {"text": ~TEXT}).coverage["text"].revenue is None


def test_patterns(engine: Engine, make_dataset: Callable) -> None:
    dataset = make_dataset(4, [(0, 0), (0, 1), (1, 0), (1, 2), (2, 3)])
    image = np.array([True, False, False, True])
    nothing = np.zeros(4, dtype=bool)
    found = from_dataset(engine, dataset, {"text": TEXT, "image": image}, {"text": nothing, "image": nothing})
    assert [(pattern.modalities, pattern.items, pattern.interactions) for pattern in found.patterns] == [
        (("text", "image"), 2, pytest.approx(3 / 5)),
        ((), 1, pytest.approx(1 / 5)),
        (("text",), 1, pytest.approx(1 / 5)),
    ]


def test_segments_by_hand(engine: Engine, make_dataset: Callable) -> None:
    # Ten rows: item 0 has six, item 1 three, item 2 one, item 3 none. Item 1 begins when item 0 has half of all rows already.
    rows = [(user, 0) for user in range(6)] + [(user, 1) for user in range(3)] + [(0, 2)]
    dataset = make_dataset(4, rows, category=["hat", "hat", None, "shoe"])
    days = np.array(["2024-01-31"] * 6 + ["2024-02-01"] * 3 + ["2024-12-31"], dtype="datetime64[s]")
    dataset = dataclasses.replace(dataset, log=dataclasses.replace(dataset.log, timestamp=days))
    found = from_dataset(engine, dataset, {"text": TEXT}, {"text": ~TEXT & False})
    assert segments(found, "text", "popularity") == {
        "head": (1, 6, 1.0, 1.0),
        "middle": (1, 3, 1.0, 1.0),
        "tail": (1, 1, 0.0, 0.0),
        "unsold": (1, 0, 1.0, None),
    }
    assert segments(found, "text", "category") == {"hat": (2, 9, 1.0, 1.0), "shoe": (1, 0, 1.0, None), "": (1, 1, 0.0, 0.0)}
    by_month = {"2024-01": (1, 6, 1.0, 1.0), "2024-02": (1, 3, 1.0, 1.0), "2024-12": (1, 1, 0.0, 0.0)}
    assert segments(found, "text", "month") == by_month
    assert segments(found, "text", "launch") == by_month
    assert (found.summary.first_day, found.summary.last_day) == ("2024-01-31", "2024-12-31")


def test_the_date_of_the_catalog_goes_before_the_first_purchase(engine: Engine, make_dataset: Callable) -> None:
    added = np.array(["2023-05-02", "NaT", "2023-06-30", "NaT"], dtype="datetime64[s]")
    dataset = make_dataset(4, [(0, 0), (0, 1)], added=added)
    days = np.array(["2024-01-31", "2024-02-01"], dtype="datetime64[s]")
    dataset = dataclasses.replace(dataset, log=dataclasses.replace(dataset.log, timestamp=days))
    launched = segments(from_dataset(engine, dataset, {"text": TEXT}, {"text": FAKE & ~TEXT}), "text", "launch")
    assert {month: entry[:2] for month, entry in launched.items()} == {"2023-05": (1, 1), "2023-06": (1, 0), "2024-02": (1, 1)}


def test_small_categories_are_one_segment(engine: Engine, make_dataset: Callable) -> None:
    # Forty categories of 40, 39, ... items: thirty are listed, ten are the rest.
    names = [f"category {number:02d}" for number in range(40) for _ in range(40 - number)] + [None] * 7
    has = np.arange(len(names)) % 2 == 0
    dataset = make_dataset(len(names), [(0, 0)], category=names)
    listed = segments(from_dataset(engine, dataset, {"text": has}, {"text": ~has & False}), "text", "category")
    assert list(listed) == [f"category {number:02d}" for number in range(30)] + ["*", ""]
    assert listed["*"][0] == sum(40 - number for number in range(30, 40)) and listed[""][0] == 7
    assert listed["category 00"] == (40, 1, 0.5, 1.0)


def test_columns_by_hand(engine: Engine, make_dataset: Callable) -> None:
    dataset = make_dataset(
        5,
        [(0, 0), (0, 1), (1, 0)],
        value=[2.5, np.nan, 2.5],
        price=np.array([1.0, 4.0, np.nan, 2.0, 1.0]),
        titles=["a", "b", None, "a", "b"],
        added=np.array(["2024-01-01", "NaT", "2024-01-03", "2024-01-09", "2024-01-09"], dtype="datetime64[s]"),
        attributes={"colour": column(["red", "red", "red", None, "blue"])},
    )
    summary = from_dataset(engine, dataset, {}, {}).summary
    assert (summary.items, summary.interactions, summary.users, summary.items_sold) == (5, 3, 2, 2)
    assert (summary.first_day, summary.last_day) == (None, None)
    found = {(entry.table, entry.column): entry for entry in summary.columns}
    price = found["catalog", "price"]
    assert (price.kind, price.rows, price.missing, price.distinct) == ("number", 5, 1, 3)
    assert (price.low, price.middle, price.high, price.mean, price.common) == ("1", "1", "4", 2.0, (("1", 2),))
    paid = found["interactions", "amount"]
    assert (paid.missing, paid.distinct, paid.middle, paid.mean, paid.common) == (1, 1, "2.5", 2.5, (("2.5", 2),))
    title = found["catalog", "title"]
    assert (title.kind, title.missing, title.distinct, title.common) == ("text", 1, 2, (("a", 2), ("b", 2)))
    assert (title.low, title.middle, title.high, title.mean) == (None, None, None, None)
    added = found["catalog", "added"]
    assert (added.kind, added.distinct, added.low, added.middle, added.high) == (
        "time",
        3,
        "2024-01-01",
        "2024-01-03",
        "2024-01-09",
    )
    assert added.common == (("2024-01-09", 2),)
    assert found["catalog", "colour"].common == (("red", 3),)
    assert found["catalog", "item_id"].common == () and found["interactions", "item_id"].common[0][1] == 2


# ---------------------------------------------------------------- against numpy


def random_shop(seed: int, *, months: bool, money: bool) -> tuple[Dataset, dict, dict]:
    """A shop with unsold items, unknown categories, NaN, zero and negative money; several items sold equally often."""
    rng = np.random.default_rng(seed)
    n_items, n_rows = int(rng.integers(40, 300)), int(rng.integers(1, 900))
    categories = np.array([None, *(f"c{number}" for number in range(45))], dtype=object)
    log = InteractionLog(
        column([f"u{number}" for number in range(50)]),
        rng.integers(0, 50, n_rows).astype(np.int32),
        (rng.random(n_rows) ** 2 * n_items * 0.8).astype(np.int32),
        timestamp=np.sort(rng.integers(1_500_000_000, 1_560_000_000, n_rows)).astype("datetime64[s]") if months else None,
        value=np.where(rng.random(n_rows) < 0.2, np.nan, rng.normal(5, 4, n_rows).round(1)) if money else None,
    )
    added = rng.integers(1_400_000_000, 1_560_000_000, n_items).astype("datetime64[s]")
    added[rng.random(n_items) < 0.5] = np.datetime64("NaT")
    catalog = Catalog(
        item_ids=column([f"{number * 7919 % 1_000_003:07d}" for number in range(n_items)]),
        category=categories[(rng.random(n_items) ** 2 * 46).astype(int)],
        price=np.where(rng.random(n_items) < 0.3, np.nan, rng.integers(1, 40, n_items) * 0.5),
        added=added if seed % 2 else None,
    )
    empty = np.empty((0, 2), dtype=np.int32)
    dataset = Dataset(catalog, log, "random", ReadingNotes(), Split("user", "asked", 50, n_items, empty, empty, empty))
    present = {name: rng.random(n_items) < share for name, share in (("text", 0.9), ("image", 0.6), ("vec", 0.3))}
    fake = {name: mask & (rng.random(n_items) < 0.2) for name, mask in present.items()}
    return dataset, {name: present[name] & ~fake[name] for name in present}, fake


def reference(dataset: Dataset, real: np.ndarray) -> dict[tuple[str, str], tuple[int, int, int, int]]:
    """(by, segment) -> items, rows, items with a real value, rows with one; loops and masks only."""
    catalog, log = dataset.catalog, dataset.log
    bought = log.item_index
    sold = np.bincount(bought, minlength=catalog.n_items)
    found: dict[tuple[str, str], tuple[int, int, int, int]] = {}

    def put(by: str, segment: str, items: np.ndarray, rows: np.ndarray) -> None:
        numbers = int(items.sum()), int(rows.sum()), int((items & real).sum()), int((rows & real[bought]).sum())
        if numbers[0]:
            found[by, segment] = numbers

    parts = np.full(catalog.n_items, "unsold", dtype=object)
    before = 0
    for item in sorted(np.flatnonzero(sold), key=lambda item: (-sold[item], catalog.item_ids[item])):
        parts[item] = "head" if before < 0.5 * len(bought) else "middle" if before < 0.8 * len(bought) else "tail"
        before += sold[item]
    for part in ("head", "middle", "tail", "unsold"):
        put("popularity", part, parts == part, parts[bought] == part)
    sizes = Counter(value for value in catalog.category if value is not None)
    listed = sorted(sizes, key=lambda name: (-sizes[name], name))[:30]
    named = np.array(["" if value is None else value if value in listed else "*" for value in catalog.category], dtype=object)
    for name in set(named):
        put("category", name, named == name, named[bought] == name)
    launched = np.full(catalog.n_items, np.datetime64("NaT"), dtype="datetime64[M]")
    if log.timestamp is not None:
        month = log.timestamp.astype("datetime64[M]")
        for value in np.unique(month):
            rows = month == value
            put("month", str(value), np.isin(np.arange(catalog.n_items), bought[rows]), rows)
        for item in np.flatnonzero(sold):
            launched[item] = month[bought == item].min()
    if catalog.added is not None:
        launched = np.where(np.isnat(catalog.added), launched, catalog.added.astype("datetime64[M]"))
    for value in np.unique(launched[~np.isnat(launched)]):
        put("launch", str(value), launched == value, launched[bought] == value)
    return found


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("months", "money"), [(True, True), (False, False)])
def test_random_shops_agree_with_numpy(engine: Engine, seed: int, months: bool, money: bool) -> None:
    dataset, real, fake = random_shop(seed, months=months, money=money)
    found = from_dataset(engine, dataset, real, fake)
    bought = dataset.log.item_index
    for name, mask in real.items():
        coverage = found.coverage[name]
        assert coverage.items == pytest.approx(mask.mean())
        assert coverage.disguised == pytest.approx(fake[name].mean())
        assert coverage.interactions == pytest.approx(mask[bought].mean())
        paid = np.nan_to_num(dataset.log.value).clip(0) if money else np.zeros(1)
        expected = paid[mask[bought]].sum() / paid.sum() if paid.sum() else None
        assert coverage.revenue == (None if expected is None else pytest.approx(expected))
        measured = {(entry.by, entry.segment): entry for entry in found.segments[name]}
        expected_segments = reference(dataset, mask)
        assert set(measured) == set(expected_segments)
        for key, (items, rows, with_items, with_rows) in expected_segments.items():
            entry = measured[key]
            assert (entry.n_items, entry.n_interactions) == (items, rows), key
            assert entry.items == pytest.approx(with_items / items), key
            assert entry.interactions == (pytest.approx(with_rows / rows) if rows else None), key
    table = np.column_stack(list(real.values()))
    combinations = Counter(map(tuple, table.tolist()))
    sold = Counter(map(tuple, table[bought].tolist()))
    assert [(tuple(name in entry.modalities for name in real), entry.items, entry.interactions) for entry in found.patterns] == [
        (has, n, pytest.approx(sold[has] / len(bought)))
        for has, n in sorted(combinations.items(), key=lambda entry: (-entry[1], entry[0]))
    ]
    price = next(entry for entry in found.summary.columns if entry.column == "price")
    known = np.sort(dataset.catalog.price[np.isfinite(dataset.catalog.price)])
    assert (price.missing, price.distinct) == (dataset.catalog.n_items - len(known), len(set(known)))
    assert price.mean == pytest.approx(known.mean())
    assert float(price.middle) == np.quantile(known, 0.5, method="inverted_cdf")
    counted = sorted(Counter(known.tolist()).items(), key=lambda entry: (-entry[1], entry[0]))
    assert [(float(value), n) for value, n in price.common] == [entry for entry in counted[:5] if entry[1] > 1]


# ---------------------------------------------------------------- samples


def written(dataset: Dataset, folder: Path) -> TableSource:
    """The same shop as two Parquet files, and where to find them."""
    catalog, log = dataset.catalog, dataset.log
    items = {"code": catalog.item_ids, "kind": catalog.category, "price": catalog.price, "since": catalog.added}
    rows = {"who": log.user_ids[log.user_index], "code": catalog.item_ids[log.item_index], "when": log.timestamp, "paid": log.value}
    for name, columns in (("items", items), ("rows", rows)):
        table = pa.table({column: pa.array(values, from_pandas=True) for column, values in columns.items() if values is not None})
        pq.write_table(table, folder / f"{name}.parquet")
    roles = {
        "catalog": {"item_id": ["code"], "category": ["kind"], "price": ["price"], "added": ["since"]},
        "interactions": {"user_id": ["who"], "item_id": ["code"], "timestamp": ["when"], "amount": ["paid"]},
    }
    return TableSource(folder / "items.parquet", folder / "rows.parquet", roles, category="kind", times="iso")


@pytest.mark.parametrize("whole_catalog", [True, False])
def test_a_sampled_log_is_measured_over_every_row(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole_catalog: bool
) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "home"))
    whole, real, fake = random_shop(3, months=True, money=True)
    log, catalog = whole.log, whole.catalog
    assert log.value is not None and log.timestamp is not None
    paid = np.where(np.isfinite(log.value), log.value, catalog.price[log.item_index])  # as reading prices a row without an amount
    log = dataclasses.replace(log, value=paid)
    whole = dataclasses.replace(whole, log=log)
    kept = log.user_index < 10
    few = dataclasses.replace(
        log,
        user_index=log.user_index[kept],
        item_index=log.item_index[kept],
        timestamp=log.timestamp[kept],
        value=log.value[kept],
    )
    items_in_file = catalog.n_items if whole_catalog else catalog.n_items + 5
    sampled = Sampled(
        rows=log.n_rows, rows_kept=few.n_rows, users=50, users_kept=10, items=items_in_file, items_kept=catalog.n_items
    )
    sample = dataclasses.replace(whole, log=few, notes=ReadingNotes(sampled=sampled), source=written(whole, tmp_path))
    said: list[float] = []
    found = measure_tables(sample, real, fake, step=said.append)
    assert said == sorted(said) and said[-1] == 1.0
    every = from_dataset(engine, whole, real, fake)
    assert found.coverage == (every if whole_catalog else from_dataset(engine, sample, real, fake)).coverage
    assert found.segments == (every if whole_catalog else from_dataset(engine, sample, real, fake)).segments
    assert (found.summary.interactions, found.summary.users) == (log.n_rows, every.summary.users)
    assert found.summary.last_day == every.summary.last_day and few.n_rows < log.n_rows
    assert {entry.column for entry in found.summary.columns} == {"code", "kind", "price", "since", "who", "when", "paid"}


# ---------------------------------------------------------------- edges


def test_an_empty_log_says_nothing_and_breaks_nothing(engine: Engine, make_dataset: Callable) -> None:
    found = from_dataset(engine, make_dataset(4, []), {"text": TEXT}, {"text": FAKE & ~TEXT})
    assert (found.coverage["text"].items, found.coverage["text"].interactions) == (0.75, 0.0)
    assert segments(found, "text", "popularity") == {"unsold": (4, 0, 0.75, None)}
    assert (found.summary.interactions, found.summary.users) == (0, 0)


def test_the_shop_reads_its_own_words(engine: Engine, make_dataset: Callable) -> None:
    hostile = '\'; drop table "items" -- <script>'
    dataset = make_dataset(
        2, [(0, 0)], category=[hostile, "  "], attributes={hostile: column(["x", "x"]), "item": column(["", ""])}
    )
    found = from_dataset(engine, dataset, {hostile: np.array([True, False])}, {hostile: np.array([False, False])})
    assert set(segments(found, hostile, "category")) == {hostile, "  "}
    assert {entry.column for entry in found.summary.columns} >= {hostile, "item", "item_id"}


def test_progress_and_cancel_reach_every_query(engine: Engine, make_dataset: Callable, tmp_path: Path) -> None:
    said: list[float] = []
    dataset = make_dataset(4, [(0, 0)])
    from_dataset(engine, dataset, {"text": TEXT}, {"text": ~TEXT}, step=said.append)
    assert said == sorted(said) and said[-1] == 1.0
    asked: list[object] = []

    class Asking(Engine):
        """Says whether each query could be cancelled."""

        def run(self, expr, *, step=None, cancelled=None):
            asked.append(cancelled)
            return super().run(expr, step=step, cancelled=cancelled)

    def cancelled() -> bool:
        return False

    with Asking(threads=1, spill=tmp_path) as watched:
        from_dataset(watched, dataset, {"text": TEXT}, {"text": ~TEXT}, cancelled=cancelled)
    assert asked and set(asked) == {cancelled}
