"""Gaps at random are not accused; gaps with a reason name it."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import fisher_exact

from diagnostics.profile import absence as module
from diagnostics.profile.absence import Traits, absence, group_of
from diagnostics.schema import InteractionLog


def _shop(seed: int, n: int = 800) -> Traits:
    """Sales with a long tail, prices, launches over 400 days, a dozen categories of unequal size."""
    rng = np.random.default_rng(seed)
    names = np.array([f"c{kind}" for kind in rng.choice(12, n, p=rng.dirichlet(np.full(12, 2.0)))], dtype=object)
    return Traits(rng.poisson(rng.gamma(1, 5, n)).astype(float), np.exp(rng.normal(3, 1, n)), rng.uniform(0, 400, n), names)


def _codes(found) -> list[tuple[str, str | None]]:
    return [(driver.code, driver.group) for driver in found.drivers]


def test_gaps_at_random_are_not_accused() -> None:
    accused = foreseen = covered = 0
    for seed in range(100):
        share = (0.03, 0.1, 0.3, 0.6)[seed % 4]
        found = absence(_shop(seed), "image", np.random.default_rng(seed + 1000).random(800) > share, seed=seed)
        accused += bool(found.drivers)
        foreseen += found.auc.low > 0.5
        covered += found.auc.low <= 0.5 <= found.auc.high
    assert accused <= 5 and foreseen <= 5 and covered >= 88


@pytest.mark.parametrize("seed", range(4))
def test_each_reason_is_named_and_what_only_goes_along_is_not(seed: int) -> None:
    traits, rng = _shop(seed, 2000), np.random.default_rng(seed)
    names, counts = np.unique(traits.category.astype(str), return_counts=True)
    name = str(names[np.argsort(counts)[8]])
    dear = traits.category == name
    traits.price[dear] *= 5  # the category is also the dearest: one reason, not two
    no_photos = absence(traits, "image", ~dear | (rng.random(2000) < 0.05))
    assert _codes(no_photos) == [("category", name)]
    assert no_photos.auc.low > 0.9 and no_photos.drivers[0].difference.low > 0.5
    assert (group_of(no_photos.drivers[0], traits, "image") == dear).all()

    stopped = absence(traits, "text", (traits.launch < 330) | (rng.random(2000) < 0.05))
    assert {code for code, _ in _codes(stopped)} <= {"month", "newer"}  # the newest third holds the months since day 330
    slow = absence(traits, "image", rng.random(2000) > 0.7 * (traits.sold < 2))
    assert _codes(slow)[0] == ("less_popular", None)
    two = absence(traits, "image", ~dear & (traits.launch < 330))
    assert ("category", name) in _codes(two) and {code for code, _ in _codes(two)} - {"category"} in (
        {"newer"},
        {"month"},
        {"month", "newer"},
    )


@pytest.mark.parametrize("seed", range(4))
def test_months_in_the_middle_are_named_as_one_span_and_nothing_else_is(seed: int) -> None:
    traits, rng = _shop(seed), np.random.default_rng(seed)
    months = (traits.launch >= 59) & (traits.launch < 120)  # March and April
    found = absence(traits, "text", ~months | (rng.random(800) < 0.1))
    assert _codes(found) == [("month", "1970-03–1970-04")]
    assert found.drivers[0].missing > 0.8 and found.drivers[0].missing_elsewhere == 0
    assert (group_of(found.drivers[0], traits, "text") == months).all()


@pytest.mark.parametrize("seed", range(4))
def test_a_shop_that_mostly_does_not_sell_still_names_what_lacks_the_value(seed: int) -> None:
    traits, rng = _shop(seed, 1200), np.random.default_rng(seed + 100)
    traits.sold[rng.random(1200) < 0.65] = 0
    unsold = traits.sold == 0
    found = absence(traits, "image", rng.random(1200) > np.where(unsold, 0.5, 0.1))
    assert _codes(found) == [("never_sold", None)] and found.drivers[0].difference.low > 0.3
    assert (group_of(found.drivers[0], traits, "image") == unsold).all()
    best = traits.sold >= np.quantile(traits.sold[~unsold], 2 / 3)  # of what sells, the best third
    assert _codes(absence(traits, "image", rng.random(1200) > np.where(best, 0.5, 0.1))) == [("more_popular", None)]
    assert not absence(traits, "image", rng.random(1200) > 0.3).drivers


def test_items_without_price_or_category_are_groups_of_their_own() -> None:
    traits, rng = _shop(0, 1200), np.random.default_rng(100)
    nameless, unpriced = rng.random(1200) < 0.1, rng.random(1200) < 0.1
    traits.category[nameless] = None
    traits.price[unpriced] = np.nan
    assert _codes(absence(traits, "image", ~nameless | (rng.random(1200) < 0.1))) == [("no_category", None)]
    assert _codes(absence(traits, "image", ~unpriced | (rng.random(1200) < 0.1))) == [("no_price", None)]
    assert _codes(absence(traits, "attributes", ~unpriced)) == []


def test_many_categories_that_lack_everything_do_not_hide_each_other_or_a_milder_one() -> None:
    rng = np.random.default_rng(1)
    names = np.array([f"c{item % 10}" for item in range(1000)], dtype=object)
    traits = Traits(rng.poisson(5, 1000).astype(float) + 1, None, None, names)
    number = np.arange(1000) % 10
    chance = np.select([number < 6, number == 6], [1.0, 0.5], 0.02)  # six without any photo, one with every other
    found = absence(traits, "image", rng.random(1000) > chance)
    assert {name for _, name in _codes(found)} == {f"c{one}" for one in range(7)}
    assert all(driver.missing_elsewhere < 0.05 for driver in found.drivers)  # of the three that are in order


def test_attributes_are_not_explained_by_themselves() -> None:
    traits = _shop(1)
    real = np.array([value is not None for value in traits.category]) & (traits.category != "c1")
    assert _codes(absence(traits, "attributes", real)) == []
    assert _codes(absence(traits, "image", real)) == [("category", "c1")]


def test_too_few_gaps_say_nothing() -> None:
    real = np.ones(800, dtype=bool)
    assert absence(_shop(0), "text", real) is None
    real[:9] = False
    assert absence(_shop(0), "text", real) is None
    assert absence(_shop(0), "text", ~real) is None


def test_the_exact_test_is_fishers() -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        members, missing = rng.random(200) < 0.2, rng.random(200) < 0.15
        group = module._Group("newer", None, members, np.ones(200, dtype=bool))
        table = [[(members & missing).sum(), (members & ~missing).sum()], [(~members & missing).sum(), (~members & ~missing).sum()]]
        assert module._fisher(group, missing, np.ones(200, dtype=bool)) == pytest.approx(
            fisher_exact(table, alternative="greater")[1]
        )


def test_holms_correction_by_hand() -> None:
    assert module._holm(np.array([0.01, 0.04, 0.03])) == pytest.approx([0.03, 0.06, 0.06])


@pytest.mark.parametrize(("days", "known"), [(200, True), (10, False)])
def test_a_first_sale_tells_the_age_in_a_long_log_only(make_dataset, days: int, known: bool) -> None:
    dataset = make_dataset(3, [(0, 1), (1, 0), (0, 0)])
    time = np.array(["2024-01-01", "2024-01-03", "2024-01-01"], dtype="datetime64[s]")
    time[2] += np.timedelta64(days, "D")
    log = InteractionLog(dataset.log.user_ids, dataset.log.user_index, dataset.log.item_index, time)
    launch = Traits.of(type(dataset)(dataset.catalog, log, "x", dataset.notes, dataset.split)).launch
    assert (launch is not None) == known
    if known:
        assert launch[0] - launch[1] == 2 and np.isnan(launch[2])


def test_a_large_catalog_is_modelled_on_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MODEL_ITEMS", 500)
    found = absence(_shop(0, 3000), "image", np.random.default_rng(0).random(3000) > 0.01)
    assert found.auc.n == 500
