"""How often incomplete products are shown, against complete ones that sold as often: worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from diagnostics.probe import JobResult, ProbeRun, jobs, plan
from diagnostics.schema import (
    Arm,
    Catalog,
    Coverage,
    Dataset,
    Estimate,
    InteractionLog,
    ModalityProfile,
    ReadingNotes,
    Split,
    Standalone,
)
from diagnostics.verdict.exposure import exposure_of
from diagnostics.verdict.measures import Measures

NOTHING = Estimate(value=None)
TEXT = ModalityProfile(
    name="text",
    kind="vector",
    coverage=Coverage(items=1.0, interactions=1.0),
    standalone=Standalone(recall_at_20=NOTHING, permuted_floor=NOTHING),
)


def _measures(sold: list[int], lacking: list[int], shown: list[int]) -> Measures:
    """``sold``: training purchases of each item; ``shown``: its places, the same for both seeds but for one more in the second."""
    n_users, n_items = max(sold) + 1, len(sold)
    vectors = np.ones((n_items, 2), dtype=np.float32)
    vectors[lacking] = np.nan
    catalog = Catalog(np.array([f"i{item}" for item in range(n_items)], dtype=object), vectors={"text": vectors})
    train = np.array([(user, item) for item, times in enumerate(sold) for user in range(times)], dtype=np.int32)
    test = np.array([[user, user % n_items] for user in range(n_users)], dtype=np.int32)
    log = InteractionLog(np.array([f"u{user}" for user in range(n_users)], dtype=object), train[:, 0], train[:, 1])
    dataset = Dataset(catalog, log, "shop", ReadingNotes(), Split("user", "few", n_users, n_items, train, test, test))
    made = plan(dataset, n_seeds=2)
    joint = Arm(backbone="vbpr", modalities=("text",))
    results = {}
    for job in jobs(made):
        if job.arm.balancer == "none":
            arrays = {"recall": np.zeros((1, n_users)), "ndcg": np.zeros((1, n_users))}
            if job.arm == joint:
                arrays["exposure"] = np.array(shown) + made.seeds.index(job.seed)
            results[job.job_id] = JobResult(job.job_id, arrays, {"sets": ["text" if job.arm.modalities else "id"]})
    return Measures(ProbeRun(made, "finished", (), results), dataset, "vbpr")


SOLD = [2] * 16 + [5] * 16 + [7] * 3
LACKING = [*range(6), *range(16, 22), 32, 33, 34]
"""Six of the items sold twice, six of those sold five times, and all that were sold seven times."""
SHOWN = [4] * 6 + [8] * 10 + [10] * 6 + [20] * 10 + [99] * 3


def test_each_is_compared_with_those_that_sold_as_often_and_the_matchless_with_none():
    found = exposure_of(_measures(SOLD, LACKING, SHOWN), TEXT)
    assert (found.n_incomplete, found.n_matched) == (15, 12)  # nobody complete was sold seven times
    assert found.ratio.value == pytest.approx((6 * 4.5 + 6 * 10.5) / (6 * 8.5 + 6 * 20.5))  # the mean of both seeds
    assert found.ratio.low < found.ratio.value < found.ratio.high < 1
    assert found.ratio.unit == "ratio"


def test_a_stand_in_is_no_value():
    profile = TEXT.model_copy(update={"stand_in_item_ids": tuple(f"i{item}" for item in LACKING)})
    by_mask, by_name = exposure_of(_measures(SOLD, LACKING, SHOWN), TEXT), exposure_of(_measures(SOLD, [], SHOWN), profile)
    assert by_name == by_mask


def test_bestsellers_are_compared_within_a_quarter_of_an_octave():
    sold = [100] * 12 + [103] * 4 + [130] * 4
    found = exposure_of(_measures(sold, list(range(12)), [5] * 12 + [10] * 4 + [1000] * 4), TEXT)
    assert found.ratio.value == pytest.approx(5.5 / 10.5)


def test_a_handful_says_nothing_and_neither_do_matches_that_nobody_sees():
    assert exposure_of(_measures(SOLD, LACKING[:9], SHOWN), TEXT) is None  # nine incomplete ones
    few = [*LACKING, *range(6, 14), *range(22, 30)]  # two complete ones are left of each
    assert exposure_of(_measures(SOLD, few, SHOWN), TEXT) is None
    unseen = _measures(SOLD, LACKING, [0] * len(SOLD))
    arrays = {name: result.arrays | {"exposure": np.zeros(len(SOLD))} for name, result in unseen.run.results.items()}
    results = {name: replace(result, arrays=arrays[name]) for name, result in unseen.run.results.items()}
    assert exposure_of(replace(unseen, run=replace(unseen.run, results=results)), TEXT) is None


def test_where_lists_were_not_kept_nothing_is_said():
    measures = _measures(SOLD, LACKING, SHOWN)
    results = {
        name: replace(result, arrays={key: array for key, array in result.arrays.items() if key != "exposure"})
        for name, result in measures.run.results.items()
    }
    assert exposure_of(replace(measures, run=replace(measures.run, results=results)), TEXT) is None
