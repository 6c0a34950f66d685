"""Ready-made vectors pass through; bad rows are absent with their reason."""

from __future__ import annotations

import numpy as np
import pytest

from models.encoders.precomputed import PrecomputedEncoder


def test_rows_that_are_not_finite_are_absent() -> None:
    values = np.array([[1.0, 2], [np.nan, np.nan], [np.nan, 1], [np.inf, 1], [1e300, 1]])
    encoded = PrecomputedEncoder().encode(values)
    assert encoded.facts["reason"].tolist() == ["", "missing", "not_finite", "not_finite", "not_finite"]
    np.testing.assert_array_equal(encoded.values[0], np.float32([1, 2]))


@pytest.mark.parametrize("values", [np.ones(3), np.ones((3, 0)), np.array([["a"]]), np.ones((2, 2), complex)])
def test_what_is_not_a_table_of_numbers_is_refused(values: np.ndarray) -> None:
    with pytest.raises(ValueError, match="real numbers"):
        PrecomputedEncoder().encode(values)
