"""Small shops written by hand, for the tests of reading."""

from __future__ import annotations

from pathlib import Path

ENGLISH = ("item_id", "name", "description", "colour", "price")
JAPANESE = ("商品コード", "商品名", "商品説明", "色", "販売価格")


def catalog_rows(n_items: int = 12) -> list[tuple[str, ...]]:
    """Items 0001, 0002, ...: two colours, prices 100, 200, ..."""
    numbers = range(1, n_items + 1)
    return [(f"{i:04d}", f"Shirt {i}", f"A shirt with {i} buttons", ("red", "blue")[i % 2], str(100 * i)) for i in numbers]


def log_rows(n_users: int = 8, n_items: int = 12, each: int = 5) -> list[tuple[str, ...]]:
    """Each user buys ``each`` neighbouring items, two of each, one a day in January 2024."""
    places = [(u, u + step) for u in range(n_users) for step in range(each)]
    return [(f"u{u:02d}", f"{at % n_items + 1:04d}", f"2024-01-{at % 28 + 1:02d}", "2") for u, at in places]


def lines(header: tuple[str, ...], rows: list[tuple[str, ...]], delimiter: str = ",") -> str:
    """A table as delimited text."""
    return "\n".join(delimiter.join(row) for row in [header, *rows]) + "\n"


def write_shop(folder: Path, *, encoding: str = "utf-8", delimiter: str = ",") -> tuple[Path, Path]:
    """An English shop of 12 items, 8 users and 40 purchases."""
    catalog, log = folder / "items.csv", folder / "log.csv"
    catalog.write_bytes(lines(ENGLISH, catalog_rows(), delimiter).encode(encoding))
    log.write_bytes(lines(("user_id", "item_id", "date", "quantity"), log_rows(), delimiter).encode(encoding))
    return catalog, log
