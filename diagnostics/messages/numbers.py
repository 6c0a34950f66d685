"""The one number formatter: each way of writing a number has a name, used by messages, reports and screens alike."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

__all__ = ["FORMATS", "MISSING", "write"]

MISSING = "–"


def _percent(value: float, lang: str) -> str:
    share = value * 100
    if 0 < abs(share) < 0.05:  # not nothing
        return "<0.1%" if share > 0 else ">−0.1%"
    return (f"{share:.1f}%" if 0 < abs(share) < 99.95 else f"{share:.0f}%").replace("-", "−")


def _points(value: float, lang: str) -> str:
    unit = "ポイント" if lang == "ja" else " points"
    return f"{_sign(value * 100, 2)}{unit}"


def _sign(value: float, digits: int) -> str:
    text = f"{value:+.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def _times(value: float, lang: str) -> str:
    if 0 < value < 0.1:  # 1/1,000 reads better than 0.001
        return f"1/{1 / value:,.0f}"
    return f"{value:.1f}" if value < 10 else f"{value:,.0f}"


def _duration(value: float, lang: str) -> str:
    seconds = round(value)
    minutes, hours = seconds / 60, seconds / 3600
    if seconds < 90:
        return f"{seconds}秒" if lang == "ja" else f"{seconds} s"
    if minutes < 90:
        return f"{minutes:.0f}分" if lang == "ja" else f"{minutes:.0f} min"
    return f"{hours:.1f}時間" if lang == "ja" else f"{hours:.1f} h"


def _bytes(value: float, lang: str) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if abs(value) < 1000 or unit == "GB":
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def _items(value: Any, lang: str) -> str:
    return ("、" if lang == "ja" else ", ").join(str(part) for part in value)


FORMATS: dict[str, Callable[[Any, str], str]] = {
    "plain": lambda value, lang: str(value),
    "count": lambda value, lang: f"{int(value):,}",
    "percent": _percent,  # a share in [0, 1] as a percentage
    "points": _points,  # a difference of two shares, in percentage points, with its sign
    "ratio": lambda value, lang: f"{value:.2f}",
    "times": _times,  # so many times as much
    "relative": lambda value, lang: f"{_sign(value * 100, 1)}%",  # a relative change, with its sign
    "metric": lambda value, lang: f"{value:.4f}",
    "score": lambda value, lang: format(Decimal(f"{value:.3g}"), "f").replace("-", "−"),  # three digits that count
    "p": lambda value, lang: "< 0.001" if value < 0.001 else f"{value:.3f}",
    "duration": _duration,
    "bytes": _bytes,
    "list": _items,
    "points_size": lambda value, lang: _points(abs(value), lang).lstrip("+"),  # a threshold or a size, without sign
    "points_bare": lambda value, lang: _sign(value * 100, 2),  # the lower end of an interval, whose upper end names the unit
    "axis_percent": lambda value, lang: f"{value * 100:g}%",  # round numbers along an axis
    "axis_points": lambda value, lang: f"{value * 100:+g}".replace("-", "−") if value else "0",
}


def write(value: Any, how: str, lang: str) -> str:
    """One value as text. ``None`` and NaN become a dash: a missing number is never written as zero."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return MISSING
    return FORMATS[how](value, lang)
