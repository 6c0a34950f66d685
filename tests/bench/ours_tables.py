"""Tenbin's table profile of ``items.parquet`` and ``events.parquet``; with ``catalog`` or ``log`` only the columns of that one."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb  # noqa: F401  # imports do not count
import ibis
import pandas  # noqa: F401
import pyarrow  # noqa: F401

from diagnostics.dataset.engine import Engine
from diagnostics.profile.tables import measure
from diagnostics.profile.tables_columns import column_counts, column_kind
from tests.bench.clock import timed

folder, what = Path(sys.argv[1]), sys.argv[2]
modalities = {"text": ("title", "description"), "attributes": ("category", "brand"), "price": ("price",)}
with timed("ibis-framework", "duckdb", "pyarrow", "pandas") as said, Engine(threads=2) as engine:
    items, events = engine.table(folder / "items.parquet"), engine.table(folder / "events.parquet")
    if what == "all":
        flags = {}
        for number, columns in enumerate(modalities.values()):
            flags[f"has_{number}"] = ibis.or_(*(items[column].notnull() for column in columns))
            flags[f"disguised_{number}"] = ibis.literal(False)
        found = measure(engine, items.mutate(**flags), events, list(modalities))
        said.append(f"{len(found.summary.columns)} columns, {len(found.segments['text'])} segments per modality")
    else:
        table = items if what == "catalog" else events
        rows = engine.run(column_counts([(table, column, column_kind(table[column])) for column in table.columns]))
        said.append(f"{len(table.columns)} columns, {rows.num_rows} rows of answers")
