"""The reader on a real shop; skipped where the shared data is absent."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from diagnostics.dataset import read

HM = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hm"
pytestmark = pytest.mark.skipif(not HM.is_dir(), reason="../shared/data/hm is absent")


def test_a_week_of_hm_is_read_whole() -> None:
    started = time.process_time()
    dataset = read(HM / "articles.csv", HM / "transactions.csv", images=HM / "images")
    assert time.process_time() - started < 6  # about 1 s on an idle core
    catalog, log = dataset.catalog, dataset.log
    assert (catalog.n_items, log.n_users, log.n_rows) == (3432, 9321, 78509)
    assert catalog.item_ids[0] == "0111565001"
    assert log.n_rows - dataset.notes.merged_duplicates == 68157
    assert {modality.name: int(modality.present.sum()) for modality in catalog.modalities} == {
        "text": 3432,
        "image": 3422,
        "attributes": 3432,
    }
    assert catalog.texts is not None
    assert catalog.texts[0] is not None and catalog.texts[0].startswith("20 den 1p Stockings\nSemi shiny nylon stockings")
    assert len(catalog.attributes) == 8 and "product_code" not in catalog.attributes
    assert catalog.price is None and catalog.paid is not None and np.isfinite(catalog.paid).all()
    assert dataset.notes.set_aside == ()
    assert (dataset.split.kind, dataset.split.reason) == ("user", "span_too_short")
    assert sum(map(len, (dataset.split.train, dataset.split.validation, dataset.split.test))) == 68157
    assert catalog.product is not None
    assert len(set(catalog.product.tolist())) == 1892
    assert dataset.notes.questions == ()
    assert dataset.notes.published_format == "hm"
