"""``ours_hm.py SHOP HOME WHAT``: what a person waits for with a real shop; ``HOME`` is where Tenbin keeps its cache.

``first`` reads the shop with its pictures up to the first answer; ``profile`` is the complete profile without pictures, with an
empty cache; ``text`` encodes the texts alone; ``encode`` encodes everything into an empty cache, and ``again`` takes it from there.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

shop, what = Path(sys.argv[1]), sys.argv[3]
os.environ["TENBIN_HOME"] = sys.argv[2]

import onnxruntime  # noqa: E402, F401  # imports do not count
import pandas  # noqa: E402, F401

import diagnostics  # noqa: E402
from diagnostics.config import cache_folder  # noqa: E402
from diagnostics.dataset.features import encode  # noqa: E402
from diagnostics.report.reading import first_coverage  # noqa: E402
from diagnostics.report.words import Words  # noqa: E402
from models.encoders import encoder  # noqa: E402
from tests.bench.clock import timed  # noqa: E402

tables = shop / "articles.csv", shop / "transactions.csv"
if what != "again":
    shutil.rmtree(cache_folder(), ignore_errors=True)
dataset = None if what in ("first", "profile") else diagnostics.read_dataset(*tables, images=shop / "images")
with timed("onnxruntime", "pandas", "duckdb") as said:
    if what == "first":
        dataset = diagnostics.read_dataset(*tables, images=shop / "images")
        said.append(f"{len(dataset.notes.columns)} roles, {len(first_coverage(dataset, Words('en')).rows)} kinds of information")
    elif what == "profile":
        found = diagnostics.profile(diagnostics.read_dataset(*tables))
        said.append(f"{len(found.modalities)} kinds of information, {len(found.findings)} findings")
    elif what == "text":
        said.append(f"{int(encoder('use-multilingual-3').encode(dataset.catalog.texts).present.sum())} texts")
    else:
        said.append(", ".join(f"{int(block.present.sum())} {block.name}" for block in encode(dataset)))
