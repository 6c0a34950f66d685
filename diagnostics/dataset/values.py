"""Text cells become numbers and times, in the ways that shops in Japan and elsewhere write them.

The way of writing is decided by the whole column, never by one cell: ``03/04/2024`` alone could be March or April, but a column
that also holds ``25/04/2024`` is written day first. What cannot be read becomes unknown (NaN, NaT), never a guess.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

__all__ = ["Times", "parse_numbers", "parse_times"]

_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_BRACKETED = re.compile(r"[(\[【〈].*?[)\]】〉]")
_PRICE_WORDS = re.compile(
    r"税込み?|税抜き?|税別|本体価格|価格|定価|約|~$|〜$|-$|ー$|より$|から$|jpy|usd|eur|gbp|yen|円|圓|元|[¥$€£₩]|\s", re.IGNORECASE
)
_MYRIADS = re.compile(r"(?:(\d+(?:\.\d+)?)億)?(?:(\d+(?:\.\d+)?)万)?(?:(\d+(?:\.\d+)?)千)?(\d+(?:\.\d+)?)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_FREE = frozenset({"無料", "free", "0円"})

_ERAS = {"令和": 2018, "r": 2018, "平成": 1988, "h": 1988, "昭和": 1925, "s": 1925}
_TIME = (
    r"(?:[t,]?\s*(?:\([^)]*\)\s*)?(?P<half>午前|午後|am|pm)?\s*(?P<hour>\d{1,2})\s*[:時]\s*(?P<minute>\d{1,2})?\s*"
    r"(?:[:分]\s*(?P<second>\d{1,2})?(?:\.\d+)?)?\s*秒?\s*(?P<half_after>am|pm)?)?"
)
_ZONE = r"\s*(?P<zone>z|utc|gmt|jst|[+-]\d{2}:?\d{2})?$"
_DATE = re.compile(r"^(?P<a>\d{1,4})\s*[-/.年]\s*(?P<b>\d{1,2})\s*[-/.月]\s*(?P<c>\d{1,4})\s*日?\s*(?:\([^)]*\))?" + _TIME + _ZONE)
_ERA_DATE = re.compile(
    r"^(?P<era>令和|平成|昭和|[rhs])\s*(?P<a>\d{1,2}|元)\s*[-/.年]\s*(?P<b>\d{1,2})\s*[-/.月]\s*(?P<c>\d{1,2})\s*日?\s*(?:\([^)]*\))?"
    + _TIME
    + _ZONE
)
_MONTHS = {
    m: i for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)
}
_DAY_NAME = re.compile(r"^(\d{1,2})(?:st|nd|rd|th)?[\s\-/.]+([a-z]{3,9})\.?[\s\-/.,]+(\d{4})(.*)$")
_NAME_DAY = re.compile(r"^([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(.*)$")

_FIRST, _LAST = np.datetime64("1970-01-02", "s"), np.datetime64("2100-01-01", "s")
_EXCEL_DAY_0 = np.datetime64("1899-12-30", "s")


def parse_numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    """Prices and quantities as float64: ``￥１，２８０円（税込）`` is 1280; ``オープン価格`` is unknown, NaN.

    Full-width signs, currency signs and words, thousands separators, 万 and 億, △ and ▲ for minus are understood. A comma is
    a decimal one only if the whole column writes it so (``12,50``).
    """
    codes, unique = pd.factorize(column)
    cells = np.asarray(unique, dtype=object)
    values = np.full(len(cells), np.nan)
    cleaned = [_clean_number(cell) for cell in cells]
    comma_is_point = _decimal_comma(cleaned)
    for position, cell in enumerate(cleaned):
        values[position] = _number(cell, comma_is_point)
    return np.where(codes >= 0, np.append(values, np.nan)[codes], np.nan)


def _clean_number(cell: str) -> str:
    text = cell
    if _PLAIN_NUMBER.fullmatch(text):
        return text
    text = unicodedata.normalize("NFKC", text).strip().lower()
    if text in _FREE:
        return "0"
    negative = text.startswith(("△", "▲", "-", "−", "–")) or (text.startswith("(") and text.endswith(")") and text[1:2].isdigit())
    if negative:
        text = text.lstrip("△▲-−– ").strip("()")
    text = _PRICE_WORDS.sub("", _BRACKETED.sub("", text)).replace("'", "").replace("、", ",").rstrip("-,")
    return f"-{text}" if negative else text


def _decimal_comma(cells: list[str]) -> bool:
    with_comma = [cell for cell in cells if "," in cell]
    return bool(with_comma) and all(re.fullmatch(r"-?(\d{1,3}(\.\d{3})+|\d+),\d{1,2}", cell) for cell in with_comma)


def _number(cell: str, comma_is_point: bool) -> float:
    text = cell.replace(".", "").replace(",", ".") if comma_is_point and "," in cell else cell
    if "," in text:
        text = _THOUSANDS.sub("", text)
    if _PLAIN_NUMBER.fullmatch(text):
        value = float(text)
        return value if np.isfinite(value) else np.nan
    sign, text = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    found = _MYRIADS.fullmatch(text)
    if not found or not any(found.groups()):
        return np.nan
    return sign * float(sum(float(part) * scale for part, scale in zip(found.groups(), (1e8, 1e4, 1e3, 1.0), strict=True) if part))


# ---------------------------------------------------------------- times


@dataclass(frozen=True)
class Times:
    """``values`` datetime64[s] (n_rows,), NaT where unreadable; ``writing`` names how the column writes its times."""

    values: npt.NDArray[np.datetime64]
    writing: str


def parse_times(column: pd.Series) -> Times:
    """Dates and times of a text column, without a time zone (a written offset is taken off: the result is UTC then).

    Understood: ISO 8601; year, month and day in any order with ``/ - .`` or 年月日; 令和6年1月5日 and R6.1.5; month names;
    yyyymmdd[hhmm[ss]]; seconds, milliseconds or microseconds since 1970; Excel's serial days. Years outside 1970-2100 are
    unreadable: they are placeholders such as 9999-12-31.
    """
    codes, unique = pd.factorize(column)
    cells = pd.Series(np.asarray(unique, dtype=object), dtype="str")
    values: npt.NDArray[np.datetime64] = np.full(len(cells), np.datetime64("NaT", "s"))
    writing = "iso"
    if len(cells):
        digits = cells.str.fullmatch(r"\d+(\.\d+)?").to_numpy(dtype=bool)
        if digits.mean() > 0.5:
            values, writing = _from_digits(cells.where(pd.Series(digits)))
        else:
            values = _iso(cells.mask(pd.Series(digits)))
            rest = np.flatnonzero(np.isnat(values) & ~digits)
            if len(rest):
                values[rest], found = _from_words([str(cell) for cell in cells.iloc[rest]])
                in_words = int((~np.isnat(values[rest])).sum())
                writing = found if in_words > (~np.isnat(values)).sum() - in_words else writing
    values[~((values >= _FIRST) & (values < _LAST))] = np.datetime64("NaT", "s")
    return Times(np.append(values, np.datetime64("NaT", "s"))[codes], writing)


def _iso(cells: pd.Series) -> npt.NDArray[np.datetime64]:
    shaped = cells.str.match(r"\d{4}-\d{2}-\d{2}").fillna(False).astype(bool)
    parsed = pd.to_datetime(cells.where(shaped), format="ISO8601", errors="coerce", utc=True)
    return parsed.dt.tz_localize(None).to_numpy().astype("datetime64[s]")


def _from_digits(cells: pd.Series) -> tuple[npt.NDArray[np.datetime64], str]:
    whole = cells.str.split(".").str[0]
    length = int(whole.str.len().mode().iloc[0])
    if length in (12, 14) or (length == 8 and _mostly_dates(whole, "%Y%m%d")):
        layout = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}[length]
        parsed = pd.to_datetime(whole.where(whole.str.len() == length), format=layout, errors="coerce")
        if parsed.notna().any():
            return parsed.to_numpy().astype("datetime64[s]"), "compact"
    number = pd.to_numeric(cells, errors="coerce").to_numpy(dtype=np.float64)
    typical = float(np.nanmedian(number))
    if 20_000 <= typical < 80_000:
        return _EXCEL_DAY_0 + _seconds(number * 86_400, 20_000 * 86_400.0), "excel"
    for scale, name in ((1.0, "epoch_s"), (1e3, "epoch_ms"), (1e6, "epoch_us"), (1e9, "epoch_ns")):
        if 1e8 <= typical / scale < 4.2e9:
            return np.datetime64(0, "s") + _seconds(number / scale, 1e8), name
    return np.full(len(cells), np.datetime64("NaT", "s")), "unknown"


def _mostly_dates(whole: pd.Series, layout: str) -> bool:
    sample = whole.dropna().head(1000)
    return bool(pd.to_datetime(sample, format=layout, errors="coerce").between("1970-01-02", "2100-01-01").mean() >= 0.5)


def _seconds(number: npt.NDArray[np.float64], least: float) -> npt.NDArray[np.timedelta64]:
    usable = np.isfinite(number) & (number >= least) & (number < 1e10)
    seconds = np.round(np.where(usable, number, 0)).astype("timedelta64[s]")
    seconds[~usable] = np.timedelta64("NaT", "s")
    return seconds


def _from_words(cells: list[str]) -> tuple[npt.NDArray[np.datetime64], str]:
    plain = [_plain_date(cell) for cell in cells]
    found = [_ERA_DATE.match(cell) or _DATE.match(cell) for cell in plain]
    parts = [(m["a"], m["b"], m["c"]) for m in found if m is not None and "era" not in m.groupdict()]
    order, writing = _order(parts)
    answer = np.full(len(cells), np.datetime64("NaT", "s"))
    for position, match in enumerate(found):
        if match is not None:
            answer[position] = _moment(match, order)
    if found and not parts:
        writing = "era"
    return answer, writing


def _plain_date(cell: str) -> str:
    text = unicodedata.normalize("NFKC", cell).strip().lower()
    if match := _DAY_NAME.match(text):
        day, name, year, rest = match.groups()
    elif match := _NAME_DAY.match(text):
        name, day, year, rest = match.groups()
    else:
        return text
    month = _MONTHS.get(name[:3])
    return text if month is None else f"{year}-{month}-{day}{rest}"


def _order(parts: list[tuple[str, str, str]]) -> tuple[str, str]:
    """Which of three numbers is year, month and day, by what the whole column allows."""
    short = [part for part in parts if len(part[0]) < 3]
    if not short:
        return "ymd", "ymd"
    numbers = np.array(short, dtype=np.int64)
    if not any(len(part[2]) == 4 for part in short) and (
        (numbers[:, 0] > 31).any()
        or (len(np.unique(numbers[:, 0])) <= len(np.unique(numbers[:, 2])) and not (numbers[:, 2] > 31).any())
    ):
        return "ymd", "ymd"  # 24/01/05: a short year first, as Japan writes it
    first, second = (numbers[:, 0] > 12).sum(), (numbers[:, 1] > 12).sum()
    if first != second:
        order = "dmy" if first > second else "mdy"
    else:  # no day above 12: days vary more than months do
        order = "mdy" if len(np.unique(numbers[:, 0])) < len(np.unique(numbers[:, 1])) else "dmy"
    return order, order


def _moment(match: re.Match[str], order: str) -> np.datetime64:
    groups = match.groupdict()
    unreadable = np.datetime64("NaT", "s")
    if "era" in groups:
        year = _ERAS[groups["era"]] + (1 if groups["a"] == "元" else int(groups["a"]))
        month, day = int(groups["b"]), int(groups["c"])
    else:
        numbers = (groups["a"], groups["b"], groups["c"])
        named = dict(zip("ymd" if len(groups["a"]) == 4 else order, numbers, strict=True))
        year, month, day = int(named["y"]), int(named["m"]), int(named["d"])
        if len(named["y"]) <= 2:
            year += 2000 if year < 70 else 1900
    hour, minute, second = int(groups["hour"] or 0), int(groups["minute"] or 0), int(groups["second"] or 0)
    half = groups["half"] or groups["half_after"]
    if half in ("午後", "pm") and hour < 12:
        hour += 12
    elif half in ("午前", "am") and hour == 12:
        hour = 0
    if not (1970 <= year < 2100 and 1 <= month <= 12 and 1 <= day <= 31 and hour <= 29 and minute < 60 and second < 61):
        return unreadable  # 25:30 is how Japanese shops write half past one the next morning
    try:
        midnight = np.datetime64(f"{year:04d}-{month:02d}-{day:02d}", "s")
    except ValueError:
        return unreadable
    return midnight + np.timedelta64(hour * 3600 + minute * 60 + second - _offset_s(groups["zone"]), "s")


def _offset_s(zone: str | None) -> int:
    if not zone or zone in ("z", "utc", "gmt"):
        return 0
    if zone == "jst":
        return 9 * 3600
    digits = zone[1:].replace(":", "")
    return (-1 if zone[0] == "-" else 1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)
