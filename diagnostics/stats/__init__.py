"""Intervals, paired comparisons and power."""

from diagnostics.stats.contrast import Contrast
from diagnostics.stats.intervals import estimate_difference, estimate_mean, minimum_detectable_effect

__all__ = ["Contrast", "estimate_difference", "estimate_mean", "minimum_detectable_effect"]
