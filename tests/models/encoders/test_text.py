"""Texts: Japanese finds its English counterpart, equal texts are one, long ones are capped, blanks are absent."""

from __future__ import annotations

import numpy as np

from models.encoders.text import MAX_CHARACTERS, TextEncoder


def test_japanese_finds_english() -> None:
    english = ["red cotton dress", "men's leather boots", "silver necklace", "knitted wool scarf", "denim trousers"]
    japanese = ["赤いコットンワンピース", "メンズ レザーブーツ", "シルバーのネックレス", "ウールのニットマフラー", "デニムパンツ"]
    values = TextEncoder().encode(english + japanese).values
    assert (values[5:] @ values[:5].T).argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-4)


def test_blanks_are_absent() -> None:
    assert TextEncoder().encode(["", "  \n", None, "a"]).present.tolist() == [False, False, False, True]


def test_white_space_and_what_lies_beyond_the_cap_do_not_matter() -> None:
    long = "word " * 500
    values = (
        TextEncoder()
        .encode([" soft  cotton\ttop\n", "soft cotton top", long, long + "shoe", long[: MAX_CHARACTERS - 10] + " shoe"])
        .values
    )
    np.testing.assert_array_equal(values[0], values[1])
    np.testing.assert_array_equal(values[2], values[3])
    assert np.abs(values[2] - values[4]).max() > 1e-4


def test_a_text_gives_the_same_numbers_in_any_company() -> None:
    texts = [f"item {number} in {colour}" for number in range(150) for colour in ("red", "青")]
    together = TextEncoder(threads=2).encode(texts).values
    alone = TextEncoder(threads=1).encode(texts[17:20]).values
    np.testing.assert_allclose(together[17:20], alone, atol=1e-5)
