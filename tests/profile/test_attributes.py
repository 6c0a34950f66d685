"""Words and marks in attributes and prices that look like faults and are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from diagnostics.profile.attributes import check_attributes
from diagnostics.profile.checks import Check


def test_no_hood_is_a_fact_and_a_former_price_is_no_yuan(make_dataset: Callable) -> None:
    """フード: なし tells a coat from another; 元 is a currency only behind a number."""
    hood = np.array(["なし", "あり"] * 20, dtype=object)
    kind = np.array(["コート"] * 40, dtype=object)
    hood[[4, 6]], kind[[4, 6]] = "なし", ["なし", "不明"]
    written = np.array(["1,280円", "元値1,280円"] * 20, dtype=object)
    written[7] = "88元"
    dataset = make_dataset(40, [(0, 0)], attributes={"フード": hood, "種類": kind}, price_texts=written)
    check = Check(dataset.catalog, "attributes")
    check_attributes(check)
    found = {issue.code: issue.item_ids for issue in check.issues}
    ids = dataset.catalog.item_ids
    assert found == {"stand_in_word": (ids[4], ids[6]), "mixed_currency": (ids[7],)}
    assert set(np.flatnonzero(check.disguised)) == {4, 6}
