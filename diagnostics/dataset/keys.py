"""Ids as keys: for seeing that two files mean the same items though they spell them differently."""

from __future__ import annotations

import re

import pandas as pd

__all__ = ["bare_key", "key_without_zeros", "loose_key", "spelled_alike"]


def key_without_zeros(ids: pd.Series) -> pd.Series:
    """Ids without leading zeros, for seeing that two files mean the same items; an id of zeros only stays one zero."""
    return ids.str.lstrip("0").mask(ids.str.fullmatch("0+"), "0")


def loose_key(ids: pd.Series) -> pd.Series:
    """Ids as one would read them aloud: full-width signs made ordinary, small letters, no blanks, hyphens and leading zeros."""
    plain = ids.str.normalize("NFKC").str.casefold().str.replace(r"[\s\-‐‑–—−]+", "", regex=True)
    return key_without_zeros(plain)


def spelled_alike(one: pd.Series, other: pd.Series) -> bool:
    """Whether two columns hold the same ids row by row, spelling aside."""
    return bool((loose_key(one) == loose_key(other)).mean() > 0.95)


def bare_key(value: str) -> str:
    """One id without anything but its letters and digits, and without leading zeros."""
    return re.sub(r"[\W_]+", "", value).lower().lstrip("0")
