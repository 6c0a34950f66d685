"""Every threshold, limit and preset, each with its value and its reason; and where Tenbin may write."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

__all__ = ["PRESETS", "THRESHOLDS", "Preset", "Threshold", "cache_folder", "home", "threshold"]


@dataclass(frozen=True)
class Threshold:
    value: float
    reason: str


THRESHOLDS: dict[str, Threshold] = {
    # ---- reading
    "category_max_values": Threshold(
        200, "with more distinct values than this, a column describes single items, not kinds of items"
    ),
    "category_max_share": Threshold(0.5, "a column whose values are mostly distinct is a name or a code, not a category"),
    # ---- profile
    "copy_min_items": Threshold(5, "the same picture or text on this many items is a placeholder or a template, not a coincidence"),
    "standalone_permutations": Threshold(5, "enough shuffles to see the floor's spread; each costs one ranking"),
    "norm_ratio_extreme": Threshold(30.0, "encoders that we know stay within a factor of ten of each other"),
    # ---- splitting
    "time_split_min_days": Threshold(28, "shorter logs leave less than a weekly cycle on each side of the cut-off"),
    # ---- probe
    "validation_users": Threshold(3000, "their mean recall is known to about half a point, enough to pick an epoch; more would cost"),
    # ---- statistics
    "bootstrap_resamples": Threshold(2000, "percentile ends of a 95 % interval are then stable to about 3 % of its width"),
    # ---- verdict
    "smallest_effect": Threshold(0.02, "relative change of Recall@20 below which no shop would act; see README"),
    "incomplete_coverage": Threshold(0.8, "below this, one item in five cannot be judged by the modality"),
    "disguised_share": Threshold(0.1, "one item in ten with a stand-in value is more than accidents explain"),
}


def threshold(name: str) -> float:
    """The value of a named threshold."""
    return THRESHOLDS[name].value


@dataclass(frozen=True)
class Preset:
    """How much a probe may spend: seeds per arm, epochs, and whether all sets of modalities are retrained."""

    seeds: int
    max_epochs: int
    patience: int
    max_lattice: int  # retrain every set of modalities up to this many modalities; above it, single and all-but-one sets only


PRESETS: dict[str, Preset] = {
    "quick": Preset(seeds=3, max_epochs=60, patience=5, max_lattice=3),
    "standard": Preset(seeds=5, max_epochs=120, patience=8, max_lattice=4),
    "thorough": Preset(seeds=10, max_epochs=200, patience=12, max_lattice=5),
}


def home() -> Path:
    """Tenbin's own folder: ``TENBIN_HOME`` or the user's cache folder. Nothing is written elsewhere unless asked."""
    return Path(os.environ.get("TENBIN_HOME") or platformdirs.user_cache_dir("tenbin", appauthor=False))


def cache_folder() -> Path:
    """Where encodings are kept, by content hash."""
    return home() / "cache"
