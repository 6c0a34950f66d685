"""Numbers and times as shops write them; each expected value was worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from diagnostics.dataset.values import parse_numbers, parse_quantities, parse_times, says_free
from diagnostics.messages import has


def text(*cells: str | None) -> pd.Series:
    return pd.Series(cells, dtype="str")


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("1280", 1280),
        ("￥1,280（税込）", 1280),
        ("￥１，２８０円（税込）", 1280),
        ("¥980-", 980),
        ("1,280円～", 1280),
        ("税込 1,280 円", 1280),
        ("1.2万円", 12_000),
        ("12万", 120_000),
        ("1億2,000万円", 120_000_000),
        ("3千円", 3000),
        ("1万2千円", 12_000),
        ("△500", -500),
        ("▲1,000円", -1000),
        ("(500)", -500),
        ("\\1,280", 1280),  # the yen sign of Japanese Windows
        ("-\\1,280", -1280),
        ("1\\2", math.nan),
        ("1,000円+税", 1000),
        ("１，０００円＋税", 1000),
        ("US$12.99", 12.99),
        ("HK$30", 30),
        ("CNY 30", 30),
        ("無料", 0),
        ("$12.50", 12.5),
        ("1,234,567.89", 1_234_567.89),
        ("0.048441", 0.048441),
        ("オープン価格", math.nan),
        ("お問い合わせください", math.nan),
        ("1,000～2,000円", math.nan),
        ("12,34,5", math.nan),
        ("inf", math.nan),
        (None, math.nan),
    ],
)
def test_prices(cell: str | None, value: float) -> None:
    found = parse_numbers(text(cell, "1,000"))[0]
    assert found == pytest.approx(value, nan_ok=True)


def test_a_comma_is_decimal_only_if_the_whole_column_says_so() -> None:
    assert parse_numbers(text("12,50 €", "1.280,00 €")).tolist() == [12.5, 1280]
    assert math.isnan(parse_numbers(text("12,50", "1,280"))[0])
    assert parse_numbers(text("12,50", "1,280"))[1] == 1280


@pytest.mark.parametrize(
    ("cells", "times", "writing"),
    [
        (["2024-01-05", "2024-01-05T12:30:00"], ["2024-01-05T00:00:00", "2024-01-05T12:30:00"], "iso"),
        (["2024-01-05T12:30:00+09:00", "2024-01-05 12:30:00.123Z"], ["2024-01-05T03:30:00", "2024-01-05T12:30:00"], "utc"),
        (["2023-01-12T04:39:40+09:00", "2023-01-12 04:39:40+0900"], ["2023-01-12T04:39:40"] * 2, "iso"),
        (["2023-01-12T04:39:40-05", "2023-01-13"], ["2023-01-12T04:39:40", "2023-01-13T00:00:00"], "iso"),
        (["2023/1/12 4:39 JST", "2023/1/12 4:39 +09:00"], ["2023-01-12T04:39:00"] * 2, "ymd"),
        (["2023/1/12 4:39 JST", "2023-01-12T04:39:00Z"], ["2023-01-11T19:39:00", "2023-01-12T04:39:00"], "utc"),
        (["5-Jan-24", "28-Feb-99"], ["2024-01-05T00:00:00", "1999-02-28T00:00:00"], "ymd"),
        (["2020-13-01", "2024-02-30", "2024-02-29"], ["NaT", "NaT", "2024-02-29T00:00:00"], "iso"),
        (["2024/1/5", "2024/01/05 9:07"], ["2024-01-05T00:00:00", "2024-01-05T09:07:00"], "ymd"),
        (["2024年1月5日", "２０２４年１月５日（金）午後3時05分"], ["2024-01-05T00:00:00", "2024-01-05T15:05:00"], "ymd"),
        (
            ["令和6年1月5日", "R6.1.5", "平成元年12月1日"],
            ["2024-01-05T00:00:00", "2024-01-05T00:00:00", "1989-12-01T00:00:00"],
            "era",
        ),
        (["03/04/2024", "25/04/2024"], ["2024-04-03T00:00:00", "2024-04-25T00:00:00"], "dmy"),
        (["03/04/2024", "04/25/2024 3:05 PM"], ["2024-03-04T00:00:00", "2024-04-25T15:05:00"], "mdy"),
        (
            ["11/1/2000 0:00", "11/12/2000", "11/7/2000"],
            ["2000-11-01T00:00:00", "2000-11-12T00:00:00", "2000-11-07T00:00:00"],
            "mdy",
        ),
        (["24/01/05", "24/02/29"], ["2024-01-05T00:00:00", "2024-02-29T00:00:00"], "ymd"),
        (["5 Jan 2024", "January 7, 2024 10:00"], ["2024-01-05T00:00:00", "2024-01-07T10:00:00"], "ymd"),
        (["2024/1/5 25:30"], ["2024-01-06T01:30:00"], "ymd"),
        (["1704412800", "1704412801"], ["2024-01-05T00:00:00", "2024-01-05T00:00:01"], "epoch_s"),
        (["1704412800000"], ["2024-01-05T00:00:00"], "epoch_ms"),
        (["45296", "45296.5"], ["2024-01-05T00:00:00", "2024-01-05T12:00:00"], "excel"),
        (["20240105", "20240230"], ["2024-01-05T00:00:00", "NaT"], "compact"),
        (["20240105123059"], ["2024-01-05T12:30:59"], "compact"),
        (["9999-12-31", "0000-00-00", "2024-01-05"], ["NaT", "NaT", "2024-01-05T00:00:00"], "iso"),
        (["tomorrow", "2024-01-05", "2024-01-05"], ["NaT", "2024-01-05T00:00:00", "2024-01-05T00:00:00"], "iso"),
    ],
)
def test_times(cells: list[str], times: list[str], writing: str) -> None:
    found = parse_times(text(*cells))
    assert found.values.astype(str).tolist() == times
    assert found.writing == writing
    assert writing == "iso" or all(has(f"reading.times.{writing}", lang) for lang in ("en", "ja"))


def test_missing_times_stay_missing() -> None:
    found = parse_times(text(None, "2024-01-05", None))
    assert np.isnat(found.values).tolist() == [True, False, True]
    assert parse_times(text(None)).values.dtype == np.dtype("datetime64[s]")


# ---------------------------------------------------------------- many cells at once

WRITINGS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y年%m月%d日 %H時%M分%S秒",
    "%Y.%m.%d",
    "%d/%m/%Y %I:%M %p",
    "%Y/%m/%d %H:%M:%S +0900",
    "%d %b %Y",
    "%d-%b-%y",
    "%Y%m%d%H%M%S",
)


@pytest.mark.parametrize("writing", WRITINGS)
def test_many_times_are_read_as_single_ones_are(writing: str) -> None:
    moments = pd.date_range("2019-12-13 00:07:09", periods=400, freq="31h13min13s")
    cells = [str(cell) for cell in moments.strftime(writing)]
    found = parse_times(text(*cells)).values
    step = "s" if "%S" in writing else "min" if "%M" in writing else "D"
    assert (found == moments.floor(step).to_numpy().astype("datetime64[s]")).all()


def test_era_dates_with_and_without_leading_zeros() -> None:
    days = pd.date_range("2019-05-01", periods=900, freq="D")
    cells = [f"令和{day.year - 2018}年{day.month}月{day.day}日" for day in days]
    assert (parse_times(text(*cells)).values == days.to_numpy().astype("datetime64[s]")).all()


@pytest.mark.parametrize(
    "writing",
    ["{:,}円", "￥{:,}（税込）", "¥{:,}-", "{:,}.50", "△{:,}", "{} 円 (税込10%)", "約{:,}円～", "{}.5万円", "${:,}.99", "{:,} 円"],
)
def test_many_prices_are_read_as_single_ones_are(writing: str) -> None:
    numbers = [*range(0, 3000, 7), *range(10**6, 10**6 + 300)]
    cells = [writing.format(number) for number in numbers]
    wide = str.maketrans("0123456789,.", "０１２３４５６７８９，．")
    together = parse_numbers(text(*cells))
    single = [parse_numbers(text(cell))[0] for cell in cells]
    assert np.isfinite(together).all()
    assert together.tolist() == single
    assert parse_numbers(text(*(cell.translate(wide) for cell in cells))).tolist() == single


def test_the_way_of_writing_is_the_columns_even_when_read_in_bulk() -> None:
    cells = [f"{n},50" for n in range(100, 200)]
    assert parse_numbers(text(*cells)).tolist() == [n + 0.5 for n in range(100, 200)]
    assert np.isnan(parse_numbers(text(*cells, "1,280"))[:-1]).all()
    day_first = [f"{day:02d}/03/2024" for day in range(1, 32)]
    assert parse_times(text(*day_first)).writing == "dmy"
    assert str(parse_times(text(*day_first)).values[3]) == "2024-03-04T00:00:00"


def test_quantities_with_their_counters() -> None:
    cells = ("3", "3個", "３点", "3 pcs", "12 PCS.", "×3", "2セット（3個入り）", "1.5", "1,200本", "1万枚", "-1個", "0", None)
    assert parse_quantities(text(*cells[:-1])).tolist() == [3, 3, 3, 3, 12, 3, 2, 1.5, 1200, 10_000, -1, 0]
    odd = ("三個", "2ダース", "3個/箱", "2-3", "個", None)
    assert np.isnan(parse_quantities(text(*odd))).all()


def test_what_is_free_is_said_in_words() -> None:
    assert parse_numbers(text("無料", " Free ", "0", "送料無料"))[:3].tolist() == [0, 0, 0]
    assert [says_free(cell) for cell in ("無料", " Free ", "０", "0円", "送料無料")] == [True, True, False, False, False]
