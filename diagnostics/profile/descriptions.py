"""The description apart from the title: how many products lack one of their own, in which months and categories (A1, A2).

A title alone is a text that an encoder can read, so these products still have text. But where the shop describes its products, a
description that is not there, or says nothing of the product, is a gap in its own right: worth a warning where most are described,
or where the gaps follow a pattern, and told in any case.
"""

from __future__ import annotations

import numpy as np

from diagnostics.config import threshold
from diagnostics.dataset.events import rows_are
from diagnostics.profile.absence import Traits, absence, driver_sentences
from diagnostics.profile.checks import Check, Worklist, example_ids
from diagnostics.profile.tables import TableProfile
from diagnostics.schema import BoolArray, Dataset, DescriptionGaps, Evidence, Finding

__all__ = ["DESCRIPTION", "description_gaps"]

DESCRIPTION = "text.description"
"""What the description is called where it stands beside the modalities in the tables."""

Sentence = dict[str, object]


def description_gaps(
    dataset: Dataset, check: Check, real: BoolArray, tables: TableProfile, traits: Traits, *, seed: int = 0
) -> DescriptionGaps | None:
    """What is missing of the descriptions; the finding and the list to work through go to ``check``.

    Parameters
    ----------
    real : bool (n_items,), items with a usable text, if only a title
    tables : holds the coverage and the segments of ``DESCRIPTION``

    Returns
    -------
    None where hardly any product is described, or the shop has no titles apart from the descriptions
    """
    if check.described is None or check.blank is None:
        return None
    missing, coverage = ~check.described, tables.coverage[DESCRIPTION]
    gaps = DescriptionGaps(
        coverage=coverage,
        blank=int(check.blank.sum()),
        hollow=int((missing & ~check.blank).sum()),
        without_text=int((missing & ~real).sum()),
        segments=tables.segments[DESCRIPTION],
        absence=absence(traits, "text", check.described, seed=seed),
    )
    if not missing.any():
        return gaps
    items = np.flatnonzero(missing)
    items = items[np.argsort(-traits.sold[items], kind="stable")]
    check.worklists.append(Worklist(check.modality, "description_gaps", items, np.ones(len(items)), check.value))
    limit = threshold("incomplete_coverage")
    usual = 1 - gaps.blank / len(missing) >= threshold("usually_described")
    counts: dict[str, object] = {
        "blank": gaps.blank,
        "hollow": gaps.hollow,
        "without_text": gaps.without_text,
        "total": len(missing),
        "interactions": 1 - coverage.interactions,
        "rows": rows_are(dataset.log),
    }
    patterns = driver_sentences(gaps.absence)
    check.findings.append(
        Finding(
            code="description_gaps",
            severity="warning" if (usual and coverage.items < limit) or patterns else "info",
            modality=check.modality,
            evidence=(Evidence(measure="coverage_items", value=coverage.items, threshold=limit, unit="share"),),
            values={**counts, "patterns": patterns, "parts": [*_told(counts), *patterns]},
            item_ids=example_ids(dataset.catalog, items),
        )
    )
    return gaps


def _told(counts: dict[str, object]) -> list[Sentence]:
    """The counts as sentences; nothing is said of what there is none of."""
    parts = [name for name in ("blank", "hollow") if counts[name]] + [
        "sold",
        "without_text" if counts["without_text"] else "titled",
    ]
    return [{"code": f"finding.description_gaps.{part}", "values": counts} for part in parts]
