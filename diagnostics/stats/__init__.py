"""Intervals, paired comparisons, multiplicity, power, and the sharing out of what several players reach together."""

from diagnostics.stats.contrast import Contrast, Position, holm_positions
from diagnostics.stats.intervals import estimate_difference, estimate_mean, minimum_detectable_effect, planned_detectable_effect
from diagnostics.stats.multiplicity import benjamini_hochberg, holm
from diagnostics.stats.seed_noise import SeedNoise, noise_of_levels, pool_seed_noise

__all__ = [
    "Contrast",
    "Position",
    "SeedNoise",
    "benjamini_hochberg",
    "estimate_difference",
    "estimate_mean",
    "holm",
    "holm_positions",
    "minimum_detectable_effect",
    "noise_of_levels",
    "planned_detectable_effect",
    "pool_seed_noise",
]
