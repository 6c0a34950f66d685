"""Evidently's data summary of one Parquet file."""

from __future__ import annotations

import sys

import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.presets import DataSummaryPreset

from tests.bench.clock import timed

with timed("evidently", "pandas") as said:
    data = Dataset.from_pandas(pd.read_parquet(sys.argv[1]), data_definition=DataDefinition())
    found = Report([DataSummaryPreset()]).run(data, None).dict()
    said.append(f"{len(found['metrics'])} metrics")
