"""Tenbin's table profile of ``items.parquet`` and ``events.parquet``; with ``catalog`` or ``log`` only the columns of that one.

``all`` takes cells as they stand; ``raw`` first reads each as a table in memory is read, as where only a sample of a log is held.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb  # noqa: F401  # imports do not count
import ibis
import pyarrow  # noqa: F401

from diagnostics.dataset.engine import Engine
from diagnostics.profile.tables import measure
from diagnostics.profile.tables_columns import column_counts, column_kind
from tests.bench.clock import timed

folder, what = Path(sys.argv[1]), sys.argv[2]
if what == "raw":
    from diagnostics.dataset.source import TableSource  # brings pandas, which the profile itself does without
roles = {
    "catalog": {
        "item_id": ["item"],
        "title": ["title"],
        "description": ["description"],
        "category": ["category", "brand"],
        "price": ["price"],
    },
    "interactions": {"user_id": ["user"], "item_id": ["item"], "timestamp": ["time"], "amount": ["value"]},
}
modalities = {"text": ("title", "description"), "category": ("category",), "price": ("price",)}
with timed("ibis-framework", "duckdb", "pyarrow") as said, Engine(threads=2) as engine:
    files = folder / "items.parquet", folder / "events.parquet"
    items, events = (engine.table(file) for file in files)
    if what == "raw":
        items, events, _ = TableSource(*files, roles, category="category", times="iso").tables(engine)
    if what in ("all", "raw"):
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
