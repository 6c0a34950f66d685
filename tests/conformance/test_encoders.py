"""Every encoder of the table passes the same checks: shape, missing values, determinism, item independence, stopping."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from PIL import Image

from models.encoders import ENCODERS, Table, encoder


def _picture(seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    stream = io.BytesIO()
    Image.fromarray(rng.integers(0, 255, (40, 30, 3), dtype=np.uint8)).resize((90, 120)).save(stream, "PNG")
    return stream.getvalue()


class Case(NamedTuple):
    """Five items of which the third is missing and the fifth repeats the first, and how to take some of them."""

    values: Any
    take: Callable[[Any, list[int]], Any]


def _take_list(values: list, rows: list[int]) -> list:
    return [values[row] for row in rows]


_RED, _BLUE = "red", "blue"
CASES: dict[str, Case] = {
    "use-multilingual-3": Case(["red dress", "青いシャツ", None, "a blue shirt", "red dress"], _take_list),
    "efficientnet-lite0": Case(
        [(lambda seed=seed: _picture(seed)) if seed is not None else None for seed in (1, 2, None, 3, 1)], _take_list
    ),
    "one-hot-log": Case(
        Table(
            {"colour": np.array([_RED, _BLUE, None, _BLUE, _RED], dtype=object)},
            {"price": np.array([10.0, np.nan, np.nan, 30.0, 10.0])},
        ),
        lambda table, rows: Table(
            {name: column[rows] for name, column in table.categories.items()},
            {name: column[rows] for name, column in table.amounts.items()},
        ),
    ),
    "precomputed": Case(np.array([[1.0, 2], [3, 4], [np.nan, np.nan], [5, 6], [1, 2]]), lambda values, rows: values[rows]),
}


def test_every_encoder_has_a_case() -> None:
    assert set(CASES) == set(ENCODERS)


@pytest.fixture(params=sorted(ENCODERS))
def name(request: pytest.FixtureRequest) -> str:
    return request.param


def test_rows_follow_items_and_missing_is_missing(name: str) -> None:
    encoded = encoder(name).encode(CASES[name].values)
    assert encoded.values.dtype == np.float32 and encoded.values.ndim == 2 and encoded.values.shape[1] > 0
    assert encoded.present.tolist() == [True, True, False, True, True]
    assert np.isnan(encoded.values[2]).all() and np.isfinite(encoded.values[encoded.present]).all()
    assert encoded.facts["reason"].tolist() == ["", "", "missing", "", ""]


def test_equal_values_get_equal_rows_and_others_do_not(name: str) -> None:
    values = encoder(name).encode(CASES[name].values).values
    np.testing.assert_allclose(values[4], values[0], atol=1e-5)
    assert np.abs(values[1] - values[0]).max() > 1e-3 and np.abs(values[3] - values[1]).max() > 1e-3


def test_same_input_same_numbers(name: str) -> None:
    first, second = (encoder(name).encode(CASES[name].values).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_order_of_items_does_not_matter(name: str) -> None:
    rows = [3, 0, 2, 4, 1]
    case = CASES[name]
    straight, turned = encoder(name).encode(case.values).values, encoder(name).encode(case.take(case.values, rows)).values
    np.testing.assert_allclose(turned, straight[rows], atol=1e-4)


def test_progress_ends_at_one_and_an_exception_from_it_stops(name: str) -> None:
    seen: list[float] = []
    encoder(name).encode(CASES[name].values, step=seen.append)
    assert seen[-1] == 1.0 and seen == sorted(seen)

    class Stop(Exception):
        pass

    def stop(done: float) -> None:
        raise Stop

    with pytest.raises(Stop):
        encoder(name).encode(CASES[name].values, step=stop)


def test_nothing_but_missing_items(name: str) -> None:
    case = CASES[name]
    encoded = encoder(name).encode(case.take(case.values, [2, 2]))
    assert not encoded.present.any() and len(encoded.values) == 2 and encoded.values.shape[1] > 0


def test_an_unknown_name_lists_the_choices() -> None:
    with pytest.raises(KeyError, match="nearest: one-hot-log"):
        encoder("one-hot")
