"""The catalog's prices that cannot be read are told, and its ids are the log's however a program wrote them."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from diagnostics.dataset import read
from diagnostics.dataset.keys import plain_ids
from tests.dataset.shops import ENGLISH, catalog_rows, lines, log_rows, write_shop


def test_a_price_column_that_is_hardly_readable_is_told(tmp_path: Path) -> None:
    catalog, log = write_shop(tmp_path)
    for n_readable in (0, 3):
        rows = [(*row[:4], row[4] if at < n_readable else "ask us") for at, row in enumerate(catalog_rows())]
        catalog.write_text(lines(ENGLISH, rows))
        dataset = read(catalog, log)
        (told,) = (remark for remark in dataset.notes.remarks if remark.code == "reading.remark.price_unreadable")
        assert told.values == {"file": "items.csv", "column": "price", "found": "ask us", "n": 12 - n_readable, "written": 12}
        assert (dataset.catalog.price is None) == (n_readable == 0)


@pytest.mark.parametrize("written", ["{}.0", '"=""00{}"""', "'00{}"])
@pytest.mark.parametrize("file", ["catalog", "log", "both"])
def test_ids_are_the_same_however_a_program_wrote_them(tmp_path: Path, written: str, file: str) -> None:
    def put(rows: list[tuple[str, ...]], place: int, odd: bool) -> list[tuple[str, ...]]:
        zeros = "" if written.endswith(".0") else "00"
        write = written if odd else zeros + "{}"
        return [(*row[:place], write.format(int(row[place]) + 4900), *row[place + 1 :]) for row in rows]

    catalog, log = write_shop(tmp_path)
    catalog.write_text(lines(ENGLISH, put(catalog_rows(), 0, file != "log")))
    log.write_text(lines(("user_id", "item_id", "date", "quantity"), put(log_rows(), 1, file != "catalog")))
    dataset = read(catalog, log)
    assert dataset.log.n_rows == 40
    assert dataset.catalog.item_ids[0] == ("4901" if written.endswith(".0") else "004901")


def test_ids_with_other_decimals_stay_as_they_are() -> None:
    assert plain_ids(pd.Series(["1.0", "1.1", None, "'a'", "=B2"], dtype="str")).tolist()[:2] == ["1.0", "1.1"]
    assert plain_ids(pd.Series(["1.0", "x", None, "'a'", "=B2"], dtype="str")).dropna().tolist() == ["1", "x", "'a'", "=B2"]
