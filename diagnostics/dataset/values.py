"""Text cells become numbers and times, in the ways that shops in Japan and elsewhere write them.

The way of writing is decided by the whole column, never by one cell: ``03/04/2024`` alone could be March or April, but a column
that also holds ``25/04/2024`` is written day first. What cannot be read becomes unknown (NaN, NaT), never a guess.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from diagnostics.dataset.shapes import Shape, shapes

__all__ = ["Times", "parse_numbers", "parse_quantities", "parse_times", "says_free"]

_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_BRACKETED = re.compile(r"[(\[【〈].*?[)\]】〉]")
_PRICE_WORDS = re.compile(
    r"\+(?:消費)?税|税込み?|税抜き?|税別|本体価格|価格|定価|約|~$|〜$|-$|ー$|より$|から$|"
    r"jpy|usd|eur|gbp|cny|rmb|hkd|twd|krw|sgd|aud|cad|chf|yen|円|圓|元|\b(?:us|hk|nt|s|a|c)\$|[¥$€£₩]|"
    r"(?<!\d)\\(?=-?\d)|\s",  # Japanese Windows writes the yen sign as a backslash
    re.IGNORECASE,
)
_MYRIADS = re.compile(r"(?:(\d+(?:\.\d+)?)億)?(?:(\d+(?:\.\d+)?)万)?(?:(\d+(?:\.\d+)?)千)?(\d+(?:\.\d+)?)?")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_EXACT_DIGITS = 15  # a float64 holds any whole number of so many digits
_FREE = frozenset({"無料", "無償", "free", "free of charge"})
_PIECES = re.compile(
    r"(?<=[\d万千億])\s*(?:個|コ|ケ|ヶ|点|枚|本|冊|台|足|着|組|箱|袋|缶|束|杯|匹|脚|丁|玉|膳|双|品|セット|ケース|パック|ボトル|ペア|"
    r"pcs?|pieces?|units?|items?|ea|each|sets?|pairs?|packs?|stk)\.?$"
)
_TIMES = re.compile(r"^[x×*✕]\s*(?=\d)")

_ERAS = {"令和": 2018, "令": 2018, "r": 2018, "平成": 1988, "平": 1988, "h": 1988, "昭和": 1925, "昭": 1925, "s": 1925}
_TIME = (
    r"(?:[t,]?\s*(?:\([^)]*\)\s*)?(?P<half>午前|午後|am|pm)?\s*(?P<hour>\d{1,2})\s*[:時]\s*(?P<minute>\d{1,2})?\s*"
    r"(?:[:分]\s*(?P<second>\d{1,2})?(?:\.\d+)?)?\s*秒?\s*(?P<half_after>am|pm)?)?"
)
_ZONE = r"\s*(?P<zone>z|utc|gmt|jst|[+-]\d{2}:?\d{2})?$"
_DATE = re.compile(r"^(?P<a>\d{1,4})\s*[-/.年]\s*(?P<b>\d{1,2})\s*[-/.月]\s*(?P<c>\d{1,4})\s*日?\s*(?:\([^)]*\))?" + _TIME + _ZONE)
_ERA_DATE = re.compile(
    r"^(?P<era>令和?|平成?|昭和?|[rhs])\s*(?P<a>\d{1,2}|元)\s*[-/.年]\s*(?P<b>\d{1,2})\s*[-/.月]\s*(?P<c>\d{1,2})\s*日?\s*(?:\([^)]*\))?"
    + _TIME
    + _ZONE
)
_MONTHS = {
    m: i for i, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1)
}
_DAY_NAME = re.compile(r"^(\d{1,2})(?:st|nd|rd|th)?[\s\-/.]+([a-z]{3,9})\.?[\s\-/.,]+(\d{4}|\d{2}(?![\d:]))(.*)$")
_NAME_DAY = re.compile(r"^([a-z]{3,9})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})(.*)$")

_ISO_ZONE = r"^.{10}[T ][\d:.,]*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)$"

_FIRST, _LAST = np.datetime64("1970-01-02", "s"), np.datetime64("2100-01-01", "s")
Numbers = npt.NDArray[np.int64]

_COMPACT = {6: "%y%m%d", 8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}  # digits -> what they are

_EXCEL_DAY_0 = np.datetime64("1899-12-30", "s")


def parse_numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    """Prices and quantities as float64: ``￥１，２８０円（税込）`` is 1280; ``オープン価格`` is unknown, NaN.

    Full-width signs, currency signs and words, thousands separators, 万 and 億, △ and ▲ for minus are understood. A comma is
    a decimal one only if the whole column writes it so (``12,50``).
    """
    values = np.full(len(column), np.nan)
    together = [(shape, _clean_number(shape.example)) for shape in shapes(column)]
    alone = column.notna().to_numpy(dtype=bool).copy()
    for shape, _ in together:
        alone[shape.cells] = False
    codes, unique = pd.factorize(column[alone])
    cells = [_clean_number(cell) for cell in np.asarray(unique, dtype=object)]
    comma_is_point = _decimal_comma([*(cell for _, cell in together), *cells])
    for shape, cell in together:
        values[shape.cells] = _numbers(shape, cell, column, comma_is_point)
    values[alone] = np.array([_number(cell, comma_is_point) for cell in cells])[codes]
    return values


def parse_quantities(column: pd.Series) -> npt.NDArray[np.float64]:
    """How many pieces, as float64: a number, with or without a counter (``3個``, ``3 pcs``, ``×3``); NaN where it is no number."""
    values = parse_numbers(column)
    odd = column.notna().to_numpy(dtype=bool) & np.isnan(values)
    if odd.any():
        codes, unique = pd.factorize(column[odd])
        plain = [_PIECES.sub("", _TIMES.sub("", _even(_BRACKETED.sub("", _even(str(cell)))))) for cell in unique]
        values[odd] = parse_numbers(pd.Series(plain, dtype="str"))[codes]
    return values


def says_free(cell: str) -> bool:
    """Whether a price says in words that there is none to pay: a gift or a sample, not a mistake."""
    return _even(cell) in _FREE


def _even(cell: str) -> str:
    return unicodedata.normalize("NFKC", cell).strip().lower()


def _numbers(shape: Shape, cell: str, column: pd.Series, comma_is_point: bool) -> npt.NDArray[np.float64]:
    """The numbers of one shape; ``cell`` is its example, cleaned. If only digits and a point are left, all are read at once."""
    text = _ordinary(cell, comma_is_point)
    plain = re.fullmatch(r"(-?)(\d+)(?:\.(\d+))?", text)
    width = sum(shape.widths)
    if plain is None or len(plain[2]) + len(plain[3] or "") != width or width > _EXACT_DIGITS:
        codes, unique = pd.factorize(column.iloc[shape.cells])
        return np.array([_number(_clean_number(cell), comma_is_point) for cell in np.asarray(unique, dtype=object)])[codes]
    whole = np.zeros(len(shape.cells), dtype=np.int64)
    for run, digits in zip(shape.runs.T, shape.widths, strict=True):
        whole = whole * 10**digits + run
    return whole / (-1.0 if plain[1] else 1.0) / 10.0 ** len(plain[3] or "")


def _clean_number(cell: str) -> str:
    text = cell
    if _PLAIN_NUMBER.fullmatch(text):
        return text
    text = _even(text)
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


def _ordinary(cell: str, comma_is_point: bool) -> str:
    """A cleaned cell with a point for decimals and nothing between thousands."""
    text = cell.replace(".", "").replace(",", ".") if comma_is_point and "," in cell else cell
    return _THOUSANDS.sub("", text) if "," in text else text


def _number(cell: str, comma_is_point: bool) -> float:
    text = _ordinary(cell, comma_is_point)
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
    """Dates and times of a text column as they are written, which is the shop's own time of day.

    Only where the cells are written with different offsets are these taken off: the result is UTC then, its writing ``utc``.

    Understood: ISO 8601; year, month and day in any order with ``/ - .`` or 年月日; 令和6年1月5日 and R6.1.5; month names;
    yymmdd and yyyymmdd[hhmm[ss]]; seconds, milliseconds or microseconds since 1970; Excel's serial days. Years outside
    1970-2100 are unreadable: they are placeholders such as 9999-12-31.
    """
    text = pa.chunked_array(pa.array(column, type=pa.large_string()))
    digits = _matches(text, r"^\d+(\.\d+)?$")
    written = column.notna().to_numpy(dtype=bool)
    if digits.sum() > 0.5 * written.sum():
        values, writing = _from_digits(pc.if_else(pa.array(digits), text, None))
    else:
        (values, offsets), writing = _iso(text), "iso"
        rest = np.isnat(values) & written & ~digits
        if rest.any():
            values[rest], offsets[rest], found = _from_words(column[rest].reset_index(drop=True))
            in_words = int((~np.isnat(values[rest])).sum())
            writing = found if in_words > (~np.isnat(values)).sum() - in_words else writing
        zoned = ~np.isnat(values) & ~np.isnat(offsets)
        if len(np.unique(offsets[zoned])) > 1:
            values[zoned], writing = values[zoned] - offsets[zoned], "utc"
    values[~((values >= _FIRST) & (values < _LAST))] = np.datetime64("NaT", "s")
    return Times(values, writing)


def _matches(text: pa.ChunkedArray, pattern: str) -> npt.NDArray[np.bool_]:
    return np.asarray(pc.fill_null(pc.match_substring_regex(text, pattern), False).to_numpy(), dtype=bool)


def _iso(text: pa.ChunkedArray) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.timedelta64]]:
    """Times as written, and the offset that each is written with, NaT where none is."""
    shaped = _matches(text, r"^\d{4}-\d{2}-\d{2}([ T]|$)")
    answer, offsets = np.full(len(shaped), np.datetime64("NaT", "s")), np.full(len(shaped), np.timedelta64("NaT", "s"))
    if shaped.any():
        codes, unique = pd.factorize(pd.Series(text.filter(pa.array(shaped)), dtype="str"))
        parsed = pd.to_datetime(pd.Series(unique), format="ISO8601", errors="coerce", utc=True)
        moments = parsed.dt.tz_localize(None).to_numpy().astype("datetime64[s]")
        zones = pc.struct_field(pc.extract_regex(pa.array(unique, pa.large_string()), _ISO_ZONE), "zone")
        zone, kinds = pd.factorize(pd.Series(zones, dtype="str"))
        offset = np.array([*map(_offset, kinds), _offset(None)])[zone]
        answer[shaped] = (moments + np.where(np.isnat(offset), np.timedelta64(0, "s"), offset))[codes]
        offsets[shaped] = offset[codes]
    return answer, offsets


def _from_digits(text: pa.ChunkedArray) -> tuple[npt.NDArray[np.datetime64], str]:
    length = int(pc.mode(pc.utf8_length(_whole(text)))[0]["mode"].as_py())
    layout = _COMPACT.get(length)
    if layout is not None and (length > 8 or _mostly_dates(_whole(text.slice(0, 10_000)), layout)):
        whole = pd.Series(_whole(text), dtype="str")
        codes, unique = pd.factorize(whole.where(whole.str.len() == length))
        parsed = pd.to_datetime(pd.Series(unique), format=layout, errors="coerce")
        if parsed.notna().any():
            moments = np.append(parsed.to_numpy().astype("datetime64[s]"), np.datetime64("NaT", "s"))
            return moments[codes], "compact"
    number = pc.cast(text, pa.float64()).to_numpy()
    typical = float(np.nanmedian(number))
    if 20_000 <= typical < 80_000:
        return _EXCEL_DAY_0 + _seconds(number * 86_400, 20_000 * 86_400.0), "excel"
    for scale, name in ((1.0, "epoch_s"), (1e3, "epoch_ms"), (1e6, "epoch_us"), (1e9, "epoch_ns")):
        if 1e8 <= typical / scale < 4.2e9:
            return np.datetime64(0, "s") + _seconds(number / scale, 1e8), name
    return np.full(len(number), np.datetime64("NaT", "s")), "unknown"


def _whole(text: pa.ChunkedArray) -> pa.ChunkedArray:
    """Digits up to the point."""
    has_point = pc.any(pc.match_substring(text, ".")).as_py()
    return pc.replace_substring_regex(text, r"\..*$", "") if has_point else text


def _mostly_dates(whole: pa.ChunkedArray, layout: str) -> bool:
    sample = pd.Series(whole, dtype="str").dropna().head(1000)
    return bool(pd.to_datetime(sample, format=layout, errors="coerce").between("1970-01-02", "2100-01-01").mean() >= 0.5)


def _seconds(number: npt.NDArray[np.float64], least: float) -> npt.NDArray[np.timedelta64]:
    usable = np.isfinite(number) & (number >= least) & (number < 1e10)
    seconds = np.round(np.where(usable, number, 0)).astype("timedelta64[s]")
    seconds[~usable] = np.timedelta64("NaT", "s")
    return seconds


@dataclass(frozen=True)
class _Written:
    """Dates as their numbers stand in the cells, int64 (n_cells,) each; where ``found`` is False nothing was understood.

    ``a``, ``b`` and ``c`` are the three numbers of the date and ``width_a``, ``width_c`` how many digits they were written
    with; ``era`` is the year before an era's first one (0 without era), ``half`` 1 for a.m. and 2 for p.m.
    ``offsets`` timedelta64[s] (n_cells,) is how far a cell says to be ahead of UTC, NaT where it does not say.
    """

    n: int
    fields: dict[str, npt.NDArray[np.int64]]
    offsets: npt.NDArray[np.timedelta64]
    found: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls, n: int) -> _Written:
        names = ("a", "b", "c", "width_a", "width_c", "era", "half", "hour", "minute", "second")
        fields = {name: np.zeros(n, dtype=np.int64) for name in names}
        return cls(n, fields, np.full(n, np.timedelta64("NaT", "s")), np.zeros(n, dtype=bool))

    def put(self, cells: npt.NDArray[np.int64] | int, match: re.Match[str], numbers: Mapping[str, Numbers | int]) -> None:
        """Fill in cells that ``match`` stands for; ``numbers`` holds the value, or one value per cell, of each group of digits."""
        groups = match.groupdict()
        for name in ("a", "b", "c", "hour", "minute", "second"):
            self.fields[name][cells] = numbers.get(name, 0)
        self.fields["width_a"][cells], self.fields["width_c"][cells] = len(groups["a"]), len(groups["c"])
        self.fields["era"][cells] = _ERAS[groups["era"]] if "era" in groups else 0
        half = groups["half"] or groups["half_after"]
        self.fields["half"][cells] = 0 if not half else 2 if half in ("午後", "pm") else 1
        self.offsets[cells] = _offset(groups["zone"])
        self.found[cells] = True


def _from_words(column: pd.Series) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.timedelta64], str]:
    written = _Written.empty(len(column))
    alone = np.ones(len(column), dtype=bool)
    for shape in shapes(column):
        example = _plain_date(shape.example)
        match = _ERA_DATE.match(example) or _DATE.match(example)
        places = None if match is None else _runs_of(match, example, shape.widths)
        if match is not None and places is not None:
            written.put(shape.cells, match, {name: shape.runs[:, place] for name, place in places.items()})
            alone[shape.cells] = False
    rest = np.flatnonzero(alone)
    codes, unique = pd.factorize(column.iloc[rest])
    single = _Written.empty(len(unique))
    for place, cell in enumerate(np.asarray(unique, dtype=object)):
        plain = _plain_date(cell)
        match = _ERA_DATE.match(plain) or _DATE.match(plain)
        if match is not None:
            digits = {
                name: 1 if text == "元" else int(text) for name, text in match.groupdict().items() if text and name in _DIGITS
            }
            single.put(place, match, digits)
    for name, values in single.fields.items():
        written.fields[name][rest] = values[codes]
    written.offsets[rest], written.found[rest] = single.offsets[codes], single.found[codes]

    dated = written.found & (written.fields["era"] == 0)
    order, writing = _order(*(written.fields[name][dated] for name in ("a", "b", "c", "width_a", "width_c")))
    return _moments(written, order), written.offsets, writing if dated.any() or not written.found.any() else "era"


_DIGITS = frozenset({"a", "b", "c", "hour", "minute", "second"})


def _runs_of(match: re.Match[str], example: str, widths: tuple[int, ...]) -> dict[str, int] | None:
    """Which run of digits is which group of the pattern; None where they are not the same digits, such as those of a zone."""
    runs = [found.span() for found in re.finditer(r"\d+", example)]
    named = {match.span(name): name for name, text in match.groupdict().items() if text and name in _DIGITS}
    if [end - start for start, end in runs] != list(widths) or set(runs) != set(named):
        return None
    return {named[span]: place for place, span in enumerate(runs)}


def _plain_date(cell: str) -> str:
    text = _even(cell)
    if match := _DAY_NAME.match(text):
        day, name, year, rest = match.groups()
    elif match := _NAME_DAY.match(text):
        name, day, year, rest = match.groups()
    else:
        return text
    month = _MONTHS.get(name[:3])
    if len(year) == 2:
        year = f"20{year}" if int(year) < 70 else f"19{year}"
    return text if month is None else f"{year}-{month}-{day}{rest}"


def _order(a: Numbers, b: Numbers, c: Numbers, width_a: Numbers, width_c: Numbers) -> tuple[str, str]:
    """Which of three numbers is year, month and day, by what the whole column allows."""
    short = width_a < 3
    if not short.any():
        return "ymd", "ymd"
    a, b, c, width_c = a[short], b[short], c[short], width_c[short]
    distinct = len(np.unique(a))
    if not (width_c == 4).any() and ((a > 31).any() or (distinct <= len(np.unique(c)) and not (c > 31).any())):
        return "ymd", "ymd"  # 24/01/05: a short year first, as Japan writes it
    first, second = (a > 12).sum(), (b > 12).sum()
    if first == second:  # no day above 12: days vary more than months do
        first, second = distinct, len(np.unique(b))
    order = "dmy" if first >= second else "mdy"
    return order, order


def _moments(written: _Written, order: str) -> npt.NDArray[np.datetime64]:
    """The moments that numbers stand for, NaT where there is no such day or hour."""
    field = written.fields
    year_first = (field["width_a"] == 4) | (field["era"] > 0) | (order == "ymd")
    shown = dict(zip(order, ("a", "b", "c"), strict=True))
    year, month, day = (np.where(year_first, field[name], field[shown[part]]) for name, part in zip("abc", "ymd", strict=True))
    width = np.where(year_first, field["width_a"], field["width_c"])
    year = year + np.where(field["era"] > 0, field["era"], np.where(width > 2, 0, np.where(year < 70, 2000, 1900)))
    hour, minute, second, half = (field[name] for name in ("hour", "minute", "second", "half"))
    hour = np.where((half == 2) & (hour < 12), hour + 12, np.where((half == 1) & (hour == 12), 0, hour))
    usable = written.found & (year >= 1970) & (year < 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    usable &= (hour <= 29) & (minute < 60) & (second < 61)  # 25:30 is how Japanese shops write half past one the next morning
    months = (np.where(usable, (year - 1970) * 12 + month - 1, 0)).astype("datetime64[M]")
    days = months.astype("datetime64[D]") + np.where(usable, day - 1, 0).astype("timedelta64[D]")
    usable &= days.astype("datetime64[M]") == months
    seconds = hour * 3600 + minute * 60 + second
    moments = days.astype("datetime64[s]") + np.where(usable, seconds, 0).astype("timedelta64[s]")
    return np.where(usable, moments, np.datetime64("NaT", "s"))


def _offset(zone: str | None) -> np.timedelta64:
    if zone is None:
        return np.timedelta64("NaT", "s")
    if zone in ("Z", "z", "utc", "gmt"):
        return np.timedelta64(0, "s")
    digits = "0900" if zone == "jst" else zone[1:].replace(":", "")
    return np.timedelta64((-1 if zone[0] == "-" else 1) * (int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60), "s")
