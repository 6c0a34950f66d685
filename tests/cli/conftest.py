"""A shop of 60 products and 120 customers, small enough that a whole diagnosis takes a few seconds."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from diagnostics.__main__ import main

WORDS = ("red", "blue", "soft", "warm", "light", "wool", "silk", "formal", "casual", "summer", "winter", "long")
KINDS = ("shirt", "shoe", "bag")


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """See ``write_small_shop``."""
    folder = tmp_path_factory.mktemp("shop")
    write_small_shop(folder)
    return folder


def write_small_shop(folder: Path) -> None:
    """Customers buy within one kind; two rows of the log cannot be used."""
    random = np.random.default_rng(0)
    kind = random.integers(0, 3, 60)
    products = [
        (f"{i:04d}", f"{KINDS[kind[i]]} {WORDS[i % 12]} {i}", " ".join(random.choice(WORDS, 6)), KINDS[kind[i]], 5 + i)
        for i in range(60)
    ]
    purchases = [
        (f"u{user}", f"{item:04d}", f"2024-{random.integers(1, 9):02d}-{random.integers(1, 28):02d}", 10)
        for user in range(120)
        for item in random.choice(np.flatnonzero(kind == user % 3), 10, replace=False)
    ]
    purchases += [("u1", "no such item", "2024-01-01", 10), ("u1", "0001", "not a date", 10)]
    tables = {
        "catalog.csv": [("item_id", "title", "description", "category", "price"), *products],
        "log.csv": [("user_id", "item_id", "timestamp", "price"), *purchases],
    }
    for name, rows in tables.items():
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(rows)
    np.save(folder / "style.npy", np.eye(3, dtype=np.float32)[kind] + random.normal(0, 0.1, (60, 3)).astype(np.float32))


@pytest.fixture(scope="session")
def inputs(shop: Path) -> list[str]:
    """The options that name the shop's files."""
    return ["--catalog", str(shop / "catalog.csv"), "--interactions", str(shop / "log.csv")]


@pytest.fixture(scope="session")
def diagnosed(inputs: list[str], shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a finished run, by name; run once per name, all with the same options."""
    done: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in done:
            out = tmp_path_factory.mktemp("runs") / name
            vectors = ["--features", f"style={shop / 'style.npy'}"]
            assert main(["diagnose", *inputs, *vectors, "--out", str(out), "--seeds", "1", "--report", "html,json"]) == 0
            done[name] = out
        return done[name]

    return run
