"""Tenbin's look at every picture of a folder with the judgement of what was seen."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from diagnostics.profile.checks import Check
from diagnostics.profile.kinship import Kinship
from diagnostics.profile.pictures import check_pictures
from diagnostics.schema import Catalog, Dataset, FeatureBlock, ImageSource, InteractionLog, ReadingNotes, Split
from models.encoders.glance import glance_all
from tests.bench.clock import timed

paths = sorted(Path(sys.argv[1]).rglob("*.jpg"))
sources = [ImageSource(path) for path in paths]
with timed("numpy", "Pillow") as said:
    facts = glance_all([source.read for source in sources], threads=2)
    ids = np.array([path.stem for path in paths], dtype=object)
    none = np.empty((0, 2), dtype=np.int32)
    log = InteractionLog(np.empty(0, dtype=object), none[:, 0], none[:, 1])
    catalog = Catalog(ids, images=tuple(sources))
    dataset = Dataset(catalog, log, "", ReadingNotes(), Split("user", "asked", 0, len(ids), none, none, none))
    check = Check(catalog, "image")
    block = FeatureBlock("image", "image", "none", np.ones((len(ids), 1), np.float32), facts["reason"] == "", facts)
    check_pictures(check, block, Kinship(dataset))
    said.append(", ".join(f"{issue.code} {issue.count}" for issue in check.issues))
