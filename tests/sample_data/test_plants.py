"""What may be planted, and what is said when it may not."""

from __future__ import annotations

import pytest

from diagnostics.errors import TenbinError
from sample_data import CAUSES
from sample_data.generator.plants import parse_plant


def test_none_is_a_sound_shop():
    assert parse_plant("none") is None


@pytest.mark.parametrize(
    ("wanted", "cause", "modality", "strength", "dose", "mechanism", "disguised"),
    [
        ("missing:image", "missing", "image", "large", 0.65, "random", False),
        ("missing_by_popularity:text:small", "missing", "text", "small", 0.25, "popularity", False),
        ("missing_disguised:attributes:medium", "missing", "attributes", "medium", 0.40, "random", True),
        ("uninformative:text:large", "uninformative", "text", "large", 1.0, None, False),
        ("redundant:image:medium", "redundant", "image", "medium", 0.8, None, False),
        ("scale_mismatch:image", "scale_mismatch", "image", "large", 1000.0, None, False),
        ("irrelevant", "irrelevant", None, "large", 1.0, None, False),
        ("unused:small", "unused", None, "small", 2.0, None, False),
    ],
)
def test_a_plant_is_read(wanted, cause, modality, strength, dose, mechanism, disguised):
    plant = parse_plant(wanted)
    assert (plant.cause, plant.modality, plant.strength, plant.dose) == (cause, modality, strength, dose)
    assert (plant.mechanism, plant.disguised) == (mechanism, disguised)


@pytest.mark.parametrize(
    ("wanted", "code", "choice"),
    [
        ("suppressed:image", "E_PLANT_SEARCHED", "uninformative"),
        ("mising:image", "E_PLANT_CAUSE", "missing"),
        ("missing", "E_PLANT_MODALITY", "attributes"),
        ("missing:sound", "E_PLANT_MODALITY", "image"),
        ("redundant:attributes", "E_PLANT_MODALITY", "text"),
        ("missing:image:huge", "E_PLANT_STRENGTH", "medium"),
        ("missing:image:large:more", "E_PLANT_STRENGTH", "medium"),
        ("irrelevant:image", "E_PLANT_STRENGTH", "medium"),
        ("none:image", "E_PLANT_STRENGTH", "none"),
    ],
)
def test_what_cannot_be_planted_names_the_choices(wanted, code, choice):
    with pytest.raises(TenbinError) as error:
        parse_plant(wanted)
    assert error.value.code == code
    for lang in ("en", "ja"):
        assert choice in error.value.words(lang)


def test_every_cause_that_is_offered_can_be_read():
    for cause in CAUSES:
        for rest in ("", ":text", ":image"):
            try:
                parse_plant(cause + rest)
                break
            except TenbinError as error:
                assert error.code in ("E_PLANT_MODALITY", "E_PLANT_STRENGTH")
        else:
            pytest.fail(f"{cause} can never be planted")
