"""Hand-worked rows of the attribute encoder."""

from __future__ import annotations

import numpy as np

from models.encoders.tabular import MAX_DIMENSIONS, Table, TabularEncoder


def _column(*values: str | None) -> np.ndarray:
    return np.array(values, dtype=object)


def test_hand_worked() -> None:
    # Four red, four blue: variance .25 + .25, so each 1 becomes 1 / sqrt(.5) = sqrt 2.
    colour = _column(*["red"] * 4, *["blue"] * 4)
    # ln of (1, e^2) has mean 1 and deviation 1.
    price = np.array([1.0] * 4 + [np.e**2] * 4)
    values = TabularEncoder().encode(Table({"colour": colour}, {"price": price})).values
    np.testing.assert_allclose(values[0], [0, np.sqrt(2), -1], atol=1e-6)  # equal counts: columns in alphabetic order
    np.testing.assert_allclose(values[7], [np.sqrt(2), 0, 1], atol=1e-6)


def test_columns_weigh_the_same_however_many_values() -> None:
    rng = np.random.default_rng(0)
    many = np.array([f"value {number}" for number in rng.integers(0, 40, 2000)], dtype=object)
    few = np.array(["a", "b"], dtype=object)[rng.integers(0, 2, 2000)]
    values = TabularEncoder().encode(Table({"many": many, "few": few})).values
    np.testing.assert_allclose([values[:, :40].var(axis=0).sum(), values[:, 40:].var(axis=0).sum()], [1, 1], atol=1e-5)


def test_rare_values_share_a_column() -> None:
    encoded = TabularEncoder().encode(Table({"brand": _column("a", "a", "a", "b", "c", None)}))
    assert encoded.values.shape == (6, 2)
    np.testing.assert_array_equal(encoded.values[3], encoded.values[4])
    assert not encoded.present[5]


def test_missing_price_is_average_with_an_indicator_and_zero_is_unknown() -> None:
    table = Table({"kind": _column("x", "y", "x", "y")}, {"price": np.array([1.0, np.e, np.nan, 0.0])})
    values = TabularEncoder().encode(table).values
    np.testing.assert_allclose(values[:, -2:], [[-1, 0], [1, 0], [0, 1], [0, 1]], atol=1e-6)


def test_missing_category_is_zeros_that_no_value_has() -> None:
    encoded = TabularEncoder().encode(Table({"kind": _column("x", "y", None, "x")}, {"price": np.array([1.0, 2, 3, 4])}))
    assert encoded.present.all() and (encoded.values[2, :-1] == 0).all() and (encoded.values[[0, 1, 3], :-1].sum(axis=1) > 0).all()


def test_a_constant_column_tells_nothing() -> None:
    assert TabularEncoder().encode(Table({"shop": _column("s", "s", "s"), "kind": _column("x", "y", "x")})).values.shape[1] < 3
    alone = TabularEncoder().encode(Table({"shop": _column("s", "s", "s")}))
    assert alone.present.all() and (alone.values == 0).all()


def test_dimensions_are_bounded() -> None:
    values = np.array([f"v{row % 100}" for row in range(1000)], dtype=object)
    assert TabularEncoder().encode(Table({f"c{number}": values for number in range(200)})).values.shape[1] <= MAX_DIMENSIONS


def test_scales_come_from_the_fitted_items_only() -> None:
    fitted = np.array([True, True, False])
    values = TabularEncoder().encode(Table({}, {"price": np.array([1.0, np.e**2, np.e**101])}, fitted)).values
    np.testing.assert_allclose(values[:, 0], [-1, 1, 100], atol=1e-4)
