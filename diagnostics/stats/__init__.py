"""Intervals, paired comparisons and power."""

from diagnostics.stats.contrast import Contrast, Position
from diagnostics.stats.intervals import estimate_difference, estimate_mean, minimum_detectable_effect

__all__ = ["Contrast", "Position", "estimate_difference", "estimate_mean", "minimum_detectable_effect"]
