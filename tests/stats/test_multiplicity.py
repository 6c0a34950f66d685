"""Corrected p-values by hand, and as an independent library has them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from diagnostics.stats import Contrast, benjamini_hochberg, holm, holm_positions


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


def test_benjamini_hochberg_as_scipy_has_it():
    p = np.random.default_rng(0).random(50) ** 2
    np.testing.assert_allclose(benjamini_hochberg(p), false_discovery_control(p), atol=1e-12)
    assert benjamini_hochberg([0.01, 0.02, 0.03]) == pytest.approx([0.03, 0.03, 0.03])


def test_twenty_comparisons_of_nothing_seldom_find_anything():
    rng, claims = np.random.default_rng(1), 0
    for _ in range(200):
        found = holm_positions({str(n): Contrast(rng.normal(0, 0.1, (3, 80))) for n in range(20)}, 0.0)
        claims += any(position != "open" for position in found.values())
    assert claims <= 22  # 5 % of 200, and three standard deviations


def test_a_clear_effect_is_found_among_others():
    rng = np.random.default_rng(2)
    contrasts = {"none": Contrast(rng.normal(0, 0.1, (5, 400))), "clear": Contrast(rng.normal(0.05, 0.1, (5, 400)))}
    assert holm_positions(contrasts, 0.01) == {"none": "open", "clear": "above"} | (
        {"none": "below"} if contrasts["none"].p_value(0.01) < 0.05 else {}
    )
