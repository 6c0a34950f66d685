"""Settling tests: the joint model trained once more with one thing changed, so that a cause is tried and not only suspected.

Each is an arm like any other, paired with the plain joint arm by seed and customer. What a variant changes:

    wide        vectors twice as long: had the model room for everything? (C9)
    firm        ``firm_l2`` times the L2: was it learning by heart?
    fast-M      the steps of branch M ``fast_rate`` times as large: was M only slow? (C9)
    filled      products without a real value of a kind of information get the mean of their likes, by what else is known of them
    raw         vectors as long as the shop made them, as a recommender would see them that does not standardise
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from diagnostics.config import threshold
from diagnostics.schema import Arm, BoolArray, Dataset, ProbePlan
from models.backbones.protocol import Features
from models.balancers.mslr import MSLR

__all__ = ["FAST", "fast_branch", "features_of", "settings_of", "variants"]

FAST = "fast-"
_LIKES = 10


def variants(dataset: Dataset, modalities: tuple[str, ...], real: Mapping[str, BoolArray]) -> tuple[str, ...]:
    """The settling tests that can mean something for these modalities. ``real``: which items have a real value, by modality."""
    found = ["wide", "firm"]
    if len(modalities) > 1:
        found += [f"{FAST}{name}" for name in modalities]
    if any(1 - real[name].mean() >= threshold("worth_filling") for name in modalities):
        found.append("filled")
    if len(modalities) > 1 and set(modalities) & set(dataset.catalog.vectors):
        found.append("raw")
    return tuple(found)


def settings_of(plan: ProbePlan, arm: Arm) -> ProbePlan:
    """The plan with what the variant changes of its settings."""
    if arm.variant == "wide":
        return plan.model_copy(update={"dimensions": 2 * plan.dimensions})
    if arm.variant == "firm":
        return plan.model_copy(update={"l2": threshold("firm_l2") * plan.l2})
    return plan


def fast_branch(arm: Arm) -> MSLR | None:
    """What hurries the branch that the variant names; None for other variants."""
    if not arm.variant.startswith(FAST):
        return None
    return MSLR(rates={arm.variant.removeprefix(FAST): threshold("fast_rate")}, decay=1.0)


def features_of(
    features: Mapping[str, Features], arm: Arm, lengths: Mapping[str, float], real: Mapping[str, BoolArray]
) -> dict[str, Features]:
    """The arm's features with what the variant changes of them.

    ``lengths``: how long each modality's vectors are as given; ``real``: which items have a real value, by modality.
    """
    own = {name: features[name] for name in arm.modalities}
    if arm.variant == "filled":
        known = {name: _only(one, real[name]) for name, one in own.items()}
        return {name: _filled(name, known) for name in known}
    if arm.variant == "raw":
        usual = float(np.median([lengths[name] for name in own]))
        return {
            name: Features(one.values * np.float32(lengths[name] / usual if usual > 0 else 1.0), one.present)
            for name, one in own.items()
        }
    return own


def _only(features: Features, real: BoolArray) -> Features:
    """Values that only seem to be there are taken for absent."""
    if not np.any(features.present & ~real):
        return features
    return Features(np.where(real[:, np.newaxis], features.values, np.float32(0)), features.present & real)


def _filled(name: str, features: Mapping[str, Features]) -> Features:
    """Absent rows become the mean of the ten items most alike in all else, or the catalog's mean where nothing else is known."""
    one = features[name]
    absent = np.flatnonzero(~one.present)
    others = [other.values for key, other in features.items() if key != name]
    if not len(absent) or not one.present.any():
        return one
    values = np.array(one.values)
    if others:
        known = np.flatnonzero(one.present)
        likeness = _unit(np.hstack(others))
        for begin in range(0, len(absent), 1024):
            rows = absent[begin : begin + 1024]
            near = np.argpartition(-(likeness[rows] @ likeness[known].T), min(_LIKES, len(known)) - 1, axis=1)[:, :_LIKES]
            values[rows] = np.where(
                np.any(likeness[rows], axis=1, keepdims=True), one.values[known[near]].mean(axis=1), np.float32(0)
            )
    return Features(values, np.ones_like(one.present))


def _unit(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    length = np.linalg.norm(values, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = np.divide(values, length, out=np.zeros_like(values), where=length > 0)
    return unit
