"""The same expressions on Spark and on DuckDB: equal numbers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from diagnostics.dataset.engine import Engine
from diagnostics.profile.tables import from_dataset
from tests.profile.test_tables import random_shop

pytestmark = [
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs Java, and there is none on the PATH"),
    pytest.mark.filterwarnings("ignore:PySpark does not yet fully support pandas:FutureWarning"),
    pytest.mark.filterwarnings("ignore::pandas.errors.Pandas4Warning"),
]


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    import ibis
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.sql.shuffle.partitions", 1)
        .config("spark.sql.codegen.wholeStage", "false")  # compiling would take longer than these few rows
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.warehouse.dir", str(folder))
        .config("spark.log.level", "ERROR")
        .getOrCreate()
    )
    yield ibis.pyspark.connect(session)
    session.stop()


@pytest.mark.parametrize(("seed", "months", "money"), [(1, True, True), (2, False, False)])
def test_spark_and_duckdb_give_equal_numbers(spark: Any, tmp_path: Path, seed: int, months: bool, money: bool) -> None:
    shop = random_shop(seed, months=months, money=money)
    with Engine(threads=1, spill=tmp_path) as engine:
        here = from_dataset(engine, *shop)
    with Engine(backend=spark) as engine:
        there = from_dataset(engine, *shop)
    assert there == here
