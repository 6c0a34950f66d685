"""The list of worlds: two sets that never meet, every defect in every round, data sets like any that was read."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from diagnostics.validation.worlds import (
    _DRAWN_SIZES,
    EXPECTED,
    SETS,
    World,
    build,
    dataset_of,
    drawn_dataset,
    drawn_worlds,
    eclipsed_worlds,
    sparse_worlds,
    worlds,
)


def test_development_and_held_out_worlds_never_meet():
    assert not set(SETS["development"]) & set(SETS["held_out"])
    seeds = {which: {world.seed for world in worlds(which, 400)} for which in SETS}
    assert not seeds["development"] & seeds["held_out"]
    assert all(seeds[which] <= set(SETS[which]) and len(seeds[which]) == 400 for which in SETS)


def test_a_round_has_every_defect_as_many_sound_worlds_and_some_tiny_ones():
    turn = worlds("development", 20)
    assert Counter((world.kind == "none", world.size == "tiny") for world in turn) == {
        (False, False): 8,
        (True, False): 8,
        (True, True): 4,
    }
    assert len({world.kind for world in turn}) == 9
    assert Counter(world.size for world in turn)["middling"] == 2


def test_over_rounds_every_defect_comes_in_every_strength_and_on_both_modalities():
    found = Counter((world.kind, world.strength, world.modality) for world in worlds("held_out", 400) if world.kind != "none")
    strengths = Counter()
    for (_, strength, _), number in found.items():
        strengths[strength] += number
    assert strengths == {"large": 64, "medium": 64, "small": 32}
    assert {(kind, strength) for kind, strength, _ in found} == {
        (kind, strength) for kind, _, _ in found for strength in ("small", "medium", "large")
    }
    assert {modality for kind, _, modality in found if kind not in ("irrelevant", "unused")} == {"image", "text"}


def test_every_world_has_a_truth_and_a_name_of_its_own():
    listed = worlds("development", 200)
    assert len({world.name for world in listed}) == 200
    assert {world.expected for world in listed} <= set(EXPECTED.values())
    assert World(plant="missing_disguised:text:small", seed=1).expected == ("missing", "fix_data")
    assert World(plant="irrelevant:large", seed=1).modality is None


@pytest.mark.parametrize("plant", ["none", "missing:image:large", "unused:small"])
def test_a_world_is_a_data_set(plant):
    dataset = dataset_of(World(plant=plant, size="tiny", seed=5))
    assert [modality.name for modality in dataset.catalog.modalities] == ["image", "text"]
    parts = np.concatenate([dataset.split.train, dataset.split.validation, dataset.split.test])
    assert len(np.unique(parts, axis=0)) == len(parts) == dataset.log.n_rows
    assert dataset.fingerprint != dataset_of(World(plant=plant, size="tiny", seed=6)).fingerprint


def test_sparse_worlds_have_few_purchases_of_many_products_and_seeds_of_their_own():
    made = sparse_worlds("held_out", 3)
    usual = {world.seed for world in worlds("held_out", 1000)}
    assert len({world.seed for world in made}) == 3 and not usual & {world.seed for world in made}
    drawn = build(made[0])
    assert drawn.n_items >= 900 and 4 < len(drawn.user) / drawn.n_users < 7
    assert made[0].expected == ("", "leave")  # whether balancing pays is not declared


def test_eclipsed_worlds_dim_each_modality_in_turn_and_declare_nothing():
    made = eclipsed_worlds("held_out", 4)
    others = {world.seed for world in (*worlds("held_out", 1000), *sparse_worlds("held_out", 100), *drawn_worlds("held_out", 100))}
    assert len({world.seed for world in made}) == 4 and not others & {world.seed for world in made}
    assert all(world.modality is None and world.expected == ("", "leave") for world in made)

    def buried(values: np.ndarray) -> float:
        """Share of the variance that three directions hold."""
        spectrum = np.linalg.svd(values - values.mean(axis=0), compute_uv=False) ** 2
        return float(spectrum[:3].sum() / spectrum.sum())

    dim = [[name for name, values in build(world).vectors.items() if buried(values) > 0.8] for world in made[:2]]
    assert sorted(dim) == [["image"], ["text"]]


def test_drawn_worlds_have_every_defect_in_both_languages_and_seeds_of_their_own():
    made = drawn_worlds("held_out", 140)
    others = {
        world.seed for world in (*worlds("held_out", 1000), *sparse_worlds("held_out", 100), *eclipsed_worlds("held_out", 100))
    }
    assert len({world.seed for world in made}) == 140 and not others & {world.seed for world in made}
    planted = [world for world in made if world.kind != "none"]
    causes = {cause for cause, _ in EXPECTED.values()} - {"", "suppressed"}
    assert len(planted) == 70 and {world.expected[0] for world in planted} == causes
    assert {world.modality for world in planted} == {"image", "text", "attributes", None}
    assert {world.strength for world in planted} == {"small", "medium", "large"}
    assert {world.seed % 4 >= 2 for world in planted} == {False, True}
    assert (
        len({world.name for world in made}) == 140
        and World(plant="none", seed=1).name != World(plant="none", seed=1, drawn=True).name
    )


@pytest.mark.parametrize("seed", [1, 2])
def test_a_drawn_world_is_read_from_its_files(tmp_path, monkeypatch, seed):
    monkeypatch.setitem(_DRAWN_SIZES, "small", (40, 30))
    dataset = drawn_dataset(World(plant="scale_mismatch:text:large", seed=seed, drawn=True), tmp_path / "shop")
    assert [modality.name for modality in dataset.catalog.modalities] == ["text", "image", "attributes"]
    assert dataset.catalog.n_items == 30 and dataset.log.n_users == 40
    assert np.linalg.norm(dataset.catalog.vectors["text"], axis=1).mean() > 900
