"""Generated shops of any size as two Parquet files, written by DuckDB a batch at a time."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

__all__ = ["BYTES_PER_EVENT", "BYTES_PER_ITEM", "room_for", "write_shop"]

BYTES_PER_ITEM, BYTES_PER_EVENT = 200, 25
"""On disk, generously; for asking whether a shop fits before it is made."""

_CATALOG = """
COPY (
    SELECT
        'P' || lpad(i::VARCHAR, 8, '0') AS item,
        'Product ' || (hash(i) % 50000)::VARCHAR || ' in colour ' || (hash(i + 7) % 97)::VARCHAR AS title,
        CASE WHEN hash(i + 1) % 20 > 0 THEN list_aggregate(
            list_transform(range(0, 12 + (hash(i + 3) % 40)::INT), word -> 'word' || (hash(i * 61 + word) % 4000)::VARCHAR),
            'string_agg', ' ') END AS description,
        'category ' || (((hash(i + 2) % 1000) / 1000.0) ** 2 * 40)::INT::VARCHAR AS category,
        'brand ' || (hash(i + 5) % 500)::VARCHAR AS brand,
        CASE WHEN hash(i + 11) % 10 > 0 THEN round(exp(1 + (hash(i + 9) % 1000) / 200.0), 2) END AS price
    FROM range({items}) AS numbers(i)
) TO '{folder}/items.parquet' (COMPRESSION zstd)
"""

# Popularity falls off as in real shops: the best item has about 1 % of all rows. Rows come in order of time, over two years.
_LOG = """
COPY (
    SELECT
        'U' || lpad((hash(i * 3) % {users})::VARCHAR, 9, '0') AS user,
        'P' || lpad(least({items} - 1, ((hash(i * 5 + 1) % 1000000007) / 1000000007.0) ** 3 * {items})::BIGINT::VARCHAR, 8, '0')
            AS item,
        TIMESTAMP '2023-01-01' + to_seconds((i::DOUBLE / {events} * 63072000)::BIGINT) AS time,
        CASE WHEN hash(i + 13) % 25 > 0 THEN round(exp(1 + (hash(i * 7) % 1000) / 200.0), 2) END AS value
    FROM range({events}) AS numbers(i)
) TO '{folder}/events.parquet' (COMPRESSION zstd)
"""


def room_for(folder: Path, items: int, events: int) -> bool:
    """Whether the disk takes such a shop twice: once for itself, once for what a profiler spills."""
    return shutil.disk_usage(folder).free > 2 * (items * BYTES_PER_ITEM + events * BYTES_PER_EVENT)


def write_shop(folder: Path, items: int, events: int) -> tuple[Path, Path]:
    """``items.parquet`` and ``events.parquet`` in ``folder``: text keys, gaps in descriptions, prices and values."""
    with duckdb.connect() as database:
        database.execute("SET threads = 2")
        database.execute("SET memory_limit = '1GB'")
        values = {"items": items, "events": events, "users": max(events // 25, 1), "folder": str(folder).replace("'", "''")}
        database.execute(_CATALOG.format(**values))
        database.execute(_LOG.format(**values))
    return folder / "items.parquet", folder / "events.parquet"
