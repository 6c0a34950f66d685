"""ydata-profiling, minimal, of one Parquet file: its description without the report's page."""

from __future__ import annotations

import sys

import pandas as pd
from ydata_profiling import ProfileReport

from tests.bench.clock import timed

with timed("ydata-profiling", "pandas") as said:
    description = ProfileReport(pd.read_parquet(sys.argv[1]), minimal=True, progress_bar=False).get_description()
    said.append(f"{len(description.variables)} columns")
