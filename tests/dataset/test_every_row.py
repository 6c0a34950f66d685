"""What is counted over every row of a large shop is what is counted of rows that are held: one reading of either."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.dataset import read
from diagnostics.dataset.engine import Engine
from diagnostics.schema import Dataset

N_USERS, N_ITEMS, N_ROWS = 40, 60, 700

MONEY: dict[str, Callable[[float], str]] = {
    "plain": lambda value: f"{value:.2f}",
    "thousands": lambda value: f"{value:,.0f}",
    "yen": lambda value: f"￥{value:,.0f}",
    "word": lambda value: f"{value:,.0f}円（税込）",
    "wide": lambda value: f"{value:.0f}円".translate({ord(digit): ord(digit) + 0xFEE0 for digit in "0123456789"}),
    "comma": lambda value: f"{value:.2f}".replace(".", ","),
}
TIMES: dict[str, Callable[[pd.Timestamp], str]] = {
    "iso": lambda when: when.isoformat(),
    "zone": lambda when: f"{when.isoformat()}+09:00",
    "day": lambda when: f"{when:%Y-%m-%d}",
    "compact": lambda when: f"{when:%Y%m%d}",
    "long": lambda when: f"{when:%Y%m%d%H%M%S}",
    "slashes": lambda when: f"{when.year}/{when.month}/{when.day}",
    "kanji": lambda when: f"{when.year}年{when.month}月{when.day}日 {when.hour}時{when.minute}分",
    "european": lambda when: f"{when.day}.{when.month}.{when.year}",
    "era": lambda when: f"令和{when.year - 2018}年{when.month}月{when.day}日",
    "excel": lambda when: f"{(when - pd.Timestamp('1899-12-30')) / pd.Timedelta(days=1):.5f}",
    "seconds": lambda when: f"{when.timestamp():.0f}",
    "thousandths": lambda when: f"{when.timestamp() * 1000 + 500:.0f}",
    "zones": lambda when: f"{when.isoformat()}{('Z', '+09:00')[when.second % 2]}",
}
COUNTED = ("1", "2個", "３", "4 pcs", "×5")
ODD_TIMES = ("", "soon", "9999-12-31", "20240199", "2024-02-30", "45000", "２０２４/３/４", "2024-03-04 25:30")


def _some(rng: np.random.Generator, cells: Sequence[str], odd: Sequence[str], share: float = 0.06) -> list[str]:
    """The cells, here and there another one in their place."""
    return [str(rng.choice(odd)) if rng.random() < share else cell for cell in cells]


def _shop(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A catalog and a log with the oddities of real ones, as text."""
    rng = np.random.default_rng(seed)
    codes = [f"{code:06d}" for code in rng.choice(90_000, N_ITEMS, replace=False)]
    money = list(MONEY)[seed % len(MONEY)]
    written = TIMES[list(TIMES)[seed % len(TIMES)]]
    days = pd.Timestamp("2023-03-01") + pd.to_timedelta(rng.integers(0, 500 * 86400, N_ITEMS + N_ROWS), unit="s")
    catalog = pd.DataFrame(
        {
            "item_id": _some(rng, codes, ["", codes[0], "4.90E+12", "\u3000000007 "]),
            "title": _some(rng, [f"Lamp number {item}" for item in range(N_ITEMS)], ["", " N/A", "\u3000"]),
            "category": _some(rng, rng.choice(["lamps", "chairs", "tables"], N_ITEMS).tolist(), ["", "null"]),
        }
    )
    if seed % 2:
        catalog["price"] = _some(rng, [MONEY[money](value) for value in rng.uniform(500, 90_000, N_ITEMS)], ["", "オープン価格"])
    if seed % 3:
        catalog["added"] = [written(when) for when in days[:N_ITEMS]]
    bought = rng.choice(codes, N_ROWS)
    lost = seed % 4 == 1
    log = pd.DataFrame(
        {
            "user_id": _some(rng, [f"c{user}" for user in rng.integers(0, N_USERS, N_ROWS)], ["", " c1", "c2\u3000", "NULL"]),
            "item_id": _some(rng, [code.lstrip("0") if lost else code for code in bought], ["", "unknown", f" {bought[0]}\u3000"]),
            "timestamp": _some(rng, [written(when) for when in days[N_ITEMS:]], ODD_TIMES),
        }
    )
    if seed % 3 != 1:
        log["amount"] = _some(rng, [MONEY[money](value) for value in rng.uniform(500, 90_000, N_ROWS)], ["", "(1,280)", "△300"])
    if seed % 5 != 2:
        log["unit_price"] = _some(rng, [MONEY[money](value) for value in rng.uniform(500, 9_000, N_ROWS)], ["", "?"])
    if seed % 2:
        log["quantity"] = rng.choice([*COUNTED, "-1", "-2個", "0", "", "many"], N_ROWS, p=[*[0.15] * 5, *[0.05] * 5])
    if seed % 4 == 2:
        log["event_type"] = rng.choice(["purchase", "閲覧", "AddToCart", "impression", "returned", "", "odd"], N_ROWS)
    if seed % 6 == 3:
        log["rating"] = rng.choice(["5", "4.0", "３", "1点", "★★★★☆", "★☆☆☆☆", "", "good"], N_ROWS)
    if seed % 7 == 4:
        log["split"] = rng.choice(["train", "valid", "test", "", "?"], N_ROWS, p=[0.6, 0.15, 0.15, 0.05, 0.05])
    return catalog, log


MAPPING = {
    "catalog": ("item_id", "title", "category", "price", "added"),
    "interactions": ("user_id", "item_id", "timestamp", "amount", "quantity", "event_type", "rating", "split"),
}


def _mapping(catalog: pd.DataFrame, log: pd.DataFrame) -> dict[str, dict[str, str]]:
    roles = {
        name: {role: role for role in MAPPING[name] if role in table.columns}
        for name, table in (("catalog", catalog), ("interactions", log))
    }
    if "unit_price" in log.columns:
        roles["interactions"]["price"] = "unit_price"
    return roles


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in an order of their own, times to the second, what is unknown as None."""
    for name in table.columns.intersection(["time", "added"]):
        table[name] = table[name].astype("datetime64[s]")
    for name in table.columns.difference(["time", "added", "price", "value"]):
        table[name] = table[name].astype(object).where(table[name].notna(), None)
    return table.sort_values(list(table.columns), ignore_index=True)


def _held(dataset: Dataset) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that are held, in the columns in which every row is found again."""
    catalog, log = dataset.catalog, dataset.log
    (category,) = catalog.attributes.values()
    items = {
        "item": catalog.item_ids,
        "title": catalog.titles,
        "category": category,
        "price": catalog.price,
        "added": catalog.added,
    }
    events = {"item": catalog.item_ids[log.item_index], "user": log.user_ids[log.user_index], "time": log.timestamp}
    events |= {"value": log.value, "event_type": log.event_type}
    tables = [pd.DataFrame({name: values for name, values in table.items() if values is not None}) for table in (items, events)]
    return _sorted(tables[0]), _sorted(tables[1])


@pytest.mark.parametrize("seed", range(13))
def test_every_row_is_read_as_the_held_rows_are(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENBIN_HOME", str(tmp_path / "home"))
    catalog, log = _shop(seed)
    mapping = _mapping(catalog, log)
    catalog.to_csv(tmp_path / "items.csv", index=False)
    if seed % 2:
        log.to_parquet(tmp_path / "log.parquet")
    else:
        log.to_csv(tmp_path / "log.csv", index=False, encoding="cp932" if seed % 4 else "utf-8")
    places = tmp_path / "items.csv", tmp_path / f"log.{'parquet' if seed % 2 else 'csv'}"
    held = read(*places, mapping=mapping)
    monkeypatch.setattr("diagnostics.dataset.opening.is_large", lambda source, role: role == "interactions")
    sample = read(*places, mapping=mapping)
    assert held.source is None and sample.source is not None
    source = sample.source if seed % 3 else dataclasses.replace(sample.source, held=None)  # as where the catalog is sampled, too
    with Engine(threads=1) as engine:
        items, events, _ = source.tables(engine)
        for found, expected in zip((items, events), _held(held), strict=True):
            pd.testing.assert_frame_equal(_sorted(engine.run(found).to_pandas()), expected, check_dtype=False)
