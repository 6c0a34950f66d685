"""What each settling test changes, on features of four items that can be worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from diagnostics import profile
from diagnostics.config import threshold
from diagnostics.probe import plan, prepare
from diagnostics.probe.inputs import real_values
from diagnostics.probe.settling import fast_branch, features_of, settings_of, variants
from diagnostics.schema import Arm
from models.backbones.protocol import Features
from tests.probe.worlds import dataset_of


def _dataset(missing: float):
    rng = np.random.default_rng(0)
    vectors = {name: rng.normal(size=(40, 3)) for name in ("text", "image")}
    vectors["image"][: round(missing * 40)] = np.nan
    return dataset_of(vectors, rng.normal(size=(60, 40)))[0]


def _variants(missing: float, *modalities: str):
    dataset = _dataset(missing)
    return variants(dataset, modalities, real_values(dataset, None))


def _arm(variant: str = "", *names: str) -> Arm:
    return Arm(backbone="vbpr", modalities=names or ("text", "image"), variant=variant)


def test_filling_is_tried_where_there_is_something_to_fill_and_pairs_only_where_there_are_two():
    assert _variants(0.1, "text", "image") == ("wide", "firm", "fast-text", "fast-image", "filled", "raw")
    assert "filled" not in _variants(0.0, "text", "image")
    assert "filled" not in _variants(0.1, "text")  # it is the image that has gaps
    assert _variants(0.0, "text") == ("wide", "firm")


def test_stand_ins_are_gaps_where_a_profile_shows_them():
    rng = np.random.default_rng(1)
    vectors = {name: rng.normal(size=(200, 4)) for name in ("text", "image")}
    vectors["image"][:60] = vectors["image"][0]  # one picture for sixty products
    dataset, blocks = dataset_of(vectors, rng.normal(size=(150, 200)))
    found = profile(dataset, seed=0)
    assert "filled" not in {arm.variant for arm in plan(dataset, preset="standard").arms}
    made = plan(dataset, preset="standard", profile=found)
    assert "filled" in {arm.variant for arm in made.arms}
    with pytest.raises(ValueError, match="profile"):
        prepare(dataset, blocks, made)
    inputs = prepare(dataset, blocks, made, found)
    assert inputs.real["text"].all() and np.flatnonzero(~inputs.real["image"]).tolist() == list(range(60))
    filled = features_of(inputs.features, _arm("filled"), inputs.lengths, inputs.real)
    assert filled["text"] is inputs.features["text"] and filled["image"].present.all()
    np.testing.assert_array_equal(filled["image"].values[60:], inputs.features["image"].values[60:])
    from_others = filled["image"].values[:60]
    assert len(np.unique(from_others, axis=0)) > 30  # each by its own likes, the stand-in itself not among them
    shown = inputs.features["image"].values[0]
    assert np.linalg.norm(from_others - shown, axis=1).min() > 1e-3


def test_each_variant_changes_one_setting():
    made = plan(_dataset(0.0))
    for variant, changed in (
        ("wide", {"dimensions": 2 * made.dimensions}),
        ("firm", {"l2": threshold("firm_l2") * made.l2}),
        ("fast-text", {}),
        ("raw", {}),
        ("", {}),
    ):
        assert settings_of(made, _arm(variant)) == made.model_copy(update=changed)


def test_only_a_named_branch_is_hurried():
    assert fast_branch(_arm("wide")) is None and fast_branch(_arm()) is None
    hurried = fast_branch(_arm("fast-image"))
    assert hurried is not None


FEATURES = {
    "text": Features(np.array([[1, 0], [2, 0], [0, 1], [9, 0.1]], dtype=np.float32), np.ones(4, dtype=bool)),
    "image": Features(np.array([[1, 1], [3, 3], [5, 5], [0, 0]], dtype=np.float32), np.array([True, True, True, False])),
    "price": Features(np.ones((4, 1), dtype=np.float32), np.ones(4, dtype=bool)),
}
LENGTHS = {"text": 1.0, "image": 1000.0, "price": 2.0}
REAL = {name: one.present for name, one in FEATURES.items()}


def test_an_arm_sees_its_own_modalities_unchanged():
    found = features_of(FEATURES, _arm(), LENGTHS, REAL)
    assert list(found) == ["text", "image"] and found["image"] is FEATURES["image"]


def test_raw_vectors_get_their_lengths_back_against_the_usual_one():
    found = features_of(FEATURES, _arm("raw", "text", "image", "price"), LENGTHS, REAL)
    for name, factor in (("text", 0.5), ("image", 500.0), ("price", 1.0)):  # the usual length, the median, is 2
        np.testing.assert_allclose(found[name].values, factor * FEATURES[name].values)


def test_raw_vectors_without_any_length_stay_as_they_are():
    found = features_of(FEATURES, _arm("raw"), dict.fromkeys(LENGTHS, 0.0), REAL)
    np.testing.assert_array_equal(found["image"].values, FEATURES["image"].values)


def test_a_gap_is_filled_with_the_mean_of_its_likes(monkeypatch):
    monkeypatch.setattr("diagnostics.probe.settling._LIKES", 2)
    found = features_of(FEATURES, _arm("filled"), LENGTHS, REAL)
    np.testing.assert_allclose(found["image"].values[3], [2, 2])  # items 0 and 1 point the same way by their text
    assert found["image"].present.all()
    np.testing.assert_array_equal(found["image"].values[:3], FEATURES["image"].values[:3])
    assert found["text"] is FEATURES["text"]  # nothing to fill


@pytest.mark.parametrize("others", [False, True])
def test_a_gap_of_which_nothing_else_is_known_becomes_the_mean(others):
    blank = Features(np.zeros((4, 2), dtype=np.float32), np.zeros(4, dtype=bool))
    known = {"image": FEATURES["image"]} | ({"text": blank} if others else {})
    found = features_of(known, _arm("filled", *known), LENGTHS, {name: one.present for name, one in known.items()})
    np.testing.assert_array_equal(found["image"].values[3], [0, 0])  # features are centred: zero is the catalog's mean
    assert found["image"].present.all()
    if others:
        assert not found["text"].present.any()  # no item shows what to fill in
