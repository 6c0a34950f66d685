"""Faults of vectors and gaps planted in a whole shop: the profile names each with the right items, and accuses no innocent data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from diagnostics.messages import LANGUAGES
from diagnostics.profile import profile
from diagnostics.report.words import Words
from diagnostics.schema import Dataset, FeatureBlock, Finding, InteractionLog, Profile
from tests.probe.worlds import dataset_of

N_USERS, N_ITEMS, D = 900, 400, 5


def _world(seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Two sound modalities, each with its own part in the tastes."""
    rng = np.random.default_rng(seed)
    text, image, other = (rng.normal(size=(N_ITEMS, D)) for _ in range(3))
    utility = sum(rng.normal(size=(N_USERS, D)) @ part.T for part in (text, image, other / 2)) / np.sqrt(D)

    def view(factors: np.ndarray) -> np.ndarray:
        mixed = factors @ rng.normal(size=(D, 24))
        return mixed + 0.3 * rng.normal(size=mixed.shape)

    return {"image": view(image), "text": view(text)}, utility


def _made(vectors: dict[str, np.ndarray], utility: np.ndarray) -> tuple[Dataset, list[FeatureBlock]]:
    dataset, features = dataset_of(vectors, utility, per_user=14)
    return _dated(dataset), features


def _dated(dataset: Dataset) -> Dataset:
    """A log of 400 days in which item i is never sold before day i."""
    rng = np.random.default_rng(5)
    log, n = dataset.log, dataset.catalog.n_items
    day = rng.uniform(log.item_index * 400 // n, 400)
    order = np.argsort(day)
    time = np.datetime64("2024-01-01", "s") + (day * 86400).astype("timedelta64[s]")
    dated = InteractionLog(log.user_ids, log.user_index[order], log.item_index[order], time[order])
    kinds = np.array([f"kind {item % 10}" for item in range(n)], dtype=object)
    price = np.exp(rng.normal(3, 0.5, n))
    return replace(dataset, log=dated, catalog=replace(dataset.catalog, category=kinds, price=price))


def _named(found: Profile, code: str) -> list[Finding]:
    return [finding for finding in found.findings if finding.code == code]


PATTERNS = ("missing_not_at_random", "uninformative_alone", "scale_extreme", "redundant_pair", "hubs", "variants_trap")


@pytest.mark.parametrize("seed", range(3))
def test_sound_data_are_not_accused(seed: int) -> None:
    vectors, utility = _world(seed)
    vectors["image"][np.random.default_rng(seed).random(N_ITEMS) < 0.15] = np.nan  # gaps at random
    found = profile(*_made(vectors, utility))
    assert [finding.code for finding in found.findings if finding.code in PATTERNS] == []
    assert all(modality.standalone.lift.low > 0 and modality.homophily.lift.low > 0 for modality in found.modalities)
    assert all(modality.new_item_ceiling.r2.low > 0.05 for modality in found.modalities)


def test_shuffled_vectors_are_named() -> None:
    vectors, utility = _world()
    vectors["image"] = vectors["image"][np.random.default_rng(1).permutation(N_ITEMS)]
    found = profile(*_made(vectors, utility))
    assert [finding.modality for finding in _named(found, "uninformative_alone")] == ["image"]
    image, text = found.modalities
    assert image.homophily.lift.low <= 0 < text.homophily.lift.low
    assert image.new_item_ceiling.r2.value < 0.02 < text.new_item_ceiling.r2.low
    (shared,) = found.shared_information
    assert shared.unique_first.value < 0.1 * shared.unique_second.value


@pytest.mark.parametrize("factor", [1000.0, 0.001])
def test_another_scale_is_named_and_changes_nothing_else(factor: float) -> None:
    vectors, utility = _world()
    plain = profile(*_made(vectors, utility))
    scaled = profile(*_made(vectors | {"image": vectors["image"] * factor}, utility))
    assert [finding.modality for finding in _named(scaled, "scale_extreme")] == ["image"]
    assert _named(scaled, "uninformative_alone") == []
    for before, after in zip(plain.modalities, scaled.modalities, strict=True):
        assert after.standalone.recall_at_20.value == pytest.approx(before.standalone.recall_at_20.value, abs=0.003)
        assert after.new_item_ceiling.r2.value == pytest.approx(before.new_item_ceiling.r2.value, abs=0.01)


@pytest.mark.parametrize(("factor", "said"), [(1000.0, " 1,0"), (0.001, " 1/9")])
def test_of_three_kinds_only_the_one_on_another_scale_is_named_in_readable_words(factor: float, said: str) -> None:
    vectors, utility = _world()
    vectors["style"] = vectors["text"] + vectors["image"]
    for name in vectors:
        vectors[name] /= np.linalg.norm(vectors[name], axis=1).mean()
    vectors["style"] *= 1.05 * factor
    (finding,) = _named(profile(*_made(vectors, utility)), "scale_extreme")
    assert finding.modality == "style"
    for lang in LANGUAGES:
        text = Words(lang).coded("finding", finding.code, "text", {**finding.values, "modality": "style"})
        assert said.strip() in text and "e+" not in text


@pytest.mark.parametrize("factor", [1e3, 1e-3, 1e6])
def test_single_rows_on_another_scale_are_named_and_hide_nothing(factor: float, tmp_path: Path) -> None:
    vectors, utility = _world()
    plain = profile(*_made(vectors, utility))
    damaged = [3, 77, 200, 301, 399]
    vectors["image"][damaged] *= factor
    dataset, features = _made(vectors, utility)
    found = profile(dataset, features, worklists=tmp_path)
    image = next(modality for modality in found.modalities if modality.name == "image")
    assert {issue.code: set(issue.item_ids) for issue in image.issues} == {"off_scale_vector": {f"i{item}" for item in damaged}}
    listed = (tmp_path / "image-off_scale_vector.csv").read_text(encoding="utf-8-sig").splitlines()[1:]
    assert {line.split(",")[1] for line in listed} == {f"i{item}" for item in damaged}
    assert _named(found, "uninformative_alone") == _named(found, "hubs") == []
    for before, after in zip(plain.modalities, found.modalities, strict=True):
        assert after.standalone.recall_at_20.value == pytest.approx(before.standalone.recall_at_20.value, abs=0.01)


@pytest.mark.parametrize("shape", ["two thirds unsold", "one modality", "300 items"])
@pytest.mark.parametrize("defect", ["no photos in a category", "shuffled", "scale"])
def test_vector_faults_are_named_in_shops_of_other_shapes(shape: str, defect: str) -> None:
    """The same defects as elsewhere on this page, where the shop makes them harder to see."""
    vectors, utility = _world()
    rng = np.random.default_rng(4)
    if shape == "300 items":
        vectors, utility = {name: values[:300] for name, values in vectors.items()}, utility[:, :300]
    n = utility.shape[1]
    if defect == "no photos in a category":
        vectors["image"][np.arange(n) % 10 == 3] = np.nan
    elif defect == "shuffled":
        vectors["image"] = vectors["image"][rng.permutation(n)]
    else:
        vectors["image"] = vectors["image"] * 1000
    if shape == "one modality":
        del vectors["text"]
    if shape == "two thirds unsold":
        unsold = rng.random(n) < 2 / 3
        utility = np.where(unsold, -1e9, utility)
    found = profile(*_made(vectors, utility))
    (image,) = (modality for modality in found.modalities if modality.name == "image")
    accused = {(finding.code, finding.modality) for finding in found.findings if finding.code in PATTERNS}
    if defect == "no photos in a category":
        assert accused == {("missing_not_at_random", "image")}
        (finding,) = _named(found, "missing_not_at_random")
        assert [driver["values"]["group"] for driver in finding.values["drivers"]] == ["kind 3"]
        assert {int(item[1:]) % 10 for item in finding.item_ids} == {3}
    elif defect == "shuffled":
        assert accused == {("uninformative_alone", "image")}
    elif shape == "one modality":  # nothing to compare with, and nothing that it could drown
        assert accused == set() and image.health.norm_ratio is None
    else:
        assert accused == {("scale_extreme", "image")}


def test_gaps_on_what_never_sold_are_named_where_most_never_sold() -> None:
    vectors, utility = _world()
    rng = np.random.default_rng(6)
    unsold = rng.random(N_ITEMS) < 2 / 3
    vectors["image"][unsold & (rng.random(N_ITEMS) < 0.6)] = np.nan
    found = profile(*_made(vectors, np.where(unsold, -1e9, utility)))
    (finding,) = _named(found, "missing_not_at_random")
    assert [driver["code"] for driver in finding.values["drivers"]] == ["absence.never_sold"]
    assert {bool(unsold[int(item[1:])]) for item in finding.item_ids} == {True}
    for lang in LANGUAGES:
        assert "{" not in Words(lang).coded("finding", finding.code, "text", {**finding.values, "modality": "image"})


def test_a_category_without_photos_is_named_with_its_items() -> None:
    vectors, utility = _world()
    vectors["image"][np.arange(N_ITEMS) % 10 == 3] = np.nan
    found = profile(*_made(vectors, utility))
    (finding,) = _named(found, "missing_not_at_random")
    assert finding.modality == "image" and finding.effect.low > 0.8
    assert [driver["values"]["group"] for driver in finding.values["drivers"]] == ["kind 3"]
    assert len(finding.item_ids) == 20 and {int(item[1:]) % 10 for item in finding.item_ids} == {3}
    for lang in LANGUAGES:
        text = Words(lang).coded("finding", finding.code, "text", {**finding.values, "modality": "image"})
        assert "kind 3" in text and "100%" in text


def test_a_month_in_which_descriptions_stopped_is_named_with_its_items() -> None:
    vectors, utility = _world()
    vectors["text"][340:] = np.nan  # first sold after day 340
    found = profile(*_made(vectors, utility))
    (finding,) = _named(found, "missing_not_at_random")
    assert finding.modality == "text"
    (said,) = finding.values["drivers"]
    assert (said["code"], said["values"]["group"]) == ("absence.month", "2024-12–2025-01")
    assert said["values"]["missing"] > 0.85  # December began before day 340
    assert {int(item[1:]) >= 340 for item in finding.item_ids} == {True}


@pytest.mark.parametrize(("first", "last"), [(5, 5), (5, 6)])
def test_months_amid_the_log_in_which_photos_stopped_are_named_with_their_items(first: int, last: int, tmp_path: Path) -> None:
    """Neither the oldest nor the newest third of the shop."""
    vectors, utility = _world()
    day = np.arange(N_ITEMS) * 400 // N_ITEMS
    added = np.datetime64("2024-01-01") + day
    month = added.astype("datetime64[M]").astype(int) % 12 + 1
    stopped = (month >= first) & (month <= last) & (day < 366)
    vectors["image"][stopped] = np.nan
    dataset, features = _made(vectors, utility)
    dataset = replace(dataset, catalog=replace(dataset.catalog, added=added.astype("datetime64[s]")))
    found = profile(dataset, features, worklists=tmp_path)
    (finding,) = _named(found, "missing_not_at_random")
    (said,) = finding.values["drivers"]
    assert (said["code"], said["values"]["group"]) == ("absence.month", "2024-05" if first == last else "2024-05–2024-06")
    assert (said["values"]["missing"], said["values"]["elsewhere"], said["values"]["n"]) == (1.0, 0.0, stopped.sum())
    listed = pd.read_csv(tmp_path / "image-missing_not_at_random.csv")["item_id"]
    assert set(listed) == set(dataset.catalog.item_ids[stopped])


def test_a_modality_that_repeats_another_is_named() -> None:
    vectors, utility = _world()
    rng = np.random.default_rng(2)
    vectors["image"] = vectors["text"] @ rng.normal(size=(24, 30)) + 0.5 * rng.normal(size=(N_ITEMS, 30))
    found = profile(*_made(vectors, utility))
    (finding,) = _named(found, "redundant_pair")
    assert {finding.modality, finding.values["other"]} == {"text", "image"}
    (shared,) = found.shared_information
    assert shared.shared.low > shared.unique_first.high


def test_variants_bought_together_are_named_with_both_strengths() -> None:
    """Three colours each of 150 products, one vector per product; customers take several colours."""
    rng = np.random.default_rng(3)
    of_item = np.arange(450) // 3
    utility = rng.normal(size=(N_USERS, 150))[:, of_item] * 2 + rng.normal(size=(N_USERS, 450)) * 0.3
    dataset, features = dataset_of({"text": rng.normal(size=(150, 24))[of_item]}, utility, per_user=12)
    codes = np.array([f"P{product}" for product in of_item], dtype=object)
    found = profile(replace(dataset, catalog=replace(dataset.catalog, product=codes)), features)
    (finding,) = _named(found, "variants_trap")
    (text,) = found.modalities
    assert finding.severity == "warning" and finding.values["products"] == 150
    assert text.standalone.lift.low > 0.1  # it finds the other colours, and nothing else:
    assert text.standalone_collapsed.lift.low <= 0 <= text.standalone_collapsed.lift.high
    assert (finding.values["strength"], finding.values["collapsed"]) == (
        text.standalone.recall_at_20.value,
        text.standalone_collapsed.recall_at_20.value,
    )


def test_a_price_that_only_sales_reveal_is_named_with_a_list_of_what_has_none(tmp_path: Path) -> None:
    dataset, features = _made(*_world())
    price = dataset.catalog.price.copy()
    unsold = np.zeros(N_ITEMS, dtype=bool)
    unsold[:60] = True
    keep = ~unsold[dataset.log.item_index]
    log = replace(
        dataset.log,
        user_index=dataset.log.user_index[keep],
        item_index=dataset.log.item_index[keep],
        timestamp=dataset.log.timestamp[keep],
    )
    price[unsold] = np.nan
    trapped = replace(dataset, log=log, catalog=replace(dataset.catalog, price=price))
    (finding,) = _named(profile(trapped, features, worklists=tmp_path), "price_only_where_sold")
    listed = pd.read_csv(tmp_path / "all-price_only_where_sold.csv")["item_id"]
    assert set(listed) == {f"i{item}" for item in range(60)}
    assert finding.values["count"] == 60 and set(finding.item_ids) <= {f"i{item}" for item in range(60)}
    price[0] = 10.0
    listed = replace(dataset, log=log, catalog=replace(dataset.catalog, price=price))
    assert _named(profile(listed, features), "price_only_where_sold") == []
