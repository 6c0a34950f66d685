"""Sound sample shops to plant a fault in, and how well the planted items were found."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from diagnostics import read_dataset
from diagnostics.schema import BoolArray, Dataset
from sample_data import write_shop

__all__ = ["found", "sound_shop"]


@cache
def sound_shop(shop: str) -> Dataset:
    """A sample shop of 400 products without any defect, pictures included."""
    folder = Path(mkdtemp()) / "shop"
    write_shop(folder, shop=shop, plant="none", n_users=600, n_items=400)
    return read_dataset(folder / "catalog.csv", folder / "transactions.csv", images=folder / "images")


def found(accused: BoolArray, planted: np.ndarray) -> tuple[float, float]:
    """(precision, recall) of the accused items against the planted ones."""
    hits = accused[planted].sum()
    return float(hits / max(accused.sum(), 1)), float(hits / len(planted))
