"""Which of many values are nearly the same, without comparing each with each.

Values that may be alike share a key: some bits of a picture's hash, some of the smallest hashed word groups of a text. Only values
that meet under a key are compared, and then exactly. A group is what lies close to its most frequent member, so that a chain of
small steps never leads from one thing to a quite different one.

Sources: banded look-up of small Hamming distances: Manku, Jain and Das Sarma, "Detecting near-duplicates for web crawling",
WWW 2007. Smallest hashes: Broder, "On the resemblance and containment of documents", 1997, with one hash function for all
places (Li, Owen and Zhang, NIPS 2012) and empty places filled from the next (Shrivastava and Li, ICML 2014).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from diagnostics.config import threshold

__all__ = ["gather", "near_pictures", "near_texts"]

Indices = NDArray[np.int64]
Alike = Callable[[Indices, Indices], NDArray[np.bool_]]
_NEIGHBOURS = 16  # under one key: enough to chain all copies of a value, few enough where thousands share a key
_SLICES = 8  # of a 64-bit hash, by pairs: two hashes that differ in up to 6 bits agree in at least two slices
_SHINGLE = 5  # characters, in any language
_BINS, _ROWS_PER_BAND = 64, 4  # 16 bands of 4: at a likeness of 0.8 fewer than one pair in a thousand is missed
_AGREE = 38  # bins: of a pair alike at 0.8, 51 agree, give or take 3
_BLOCK = 4_000_000  # characters hashed at a time
_COMPARED = 4_000  # pairs compared at a time: they stay in the processor's cache
_ODD = np.uint64(0x9E3779B97F4A7C15)
_HASH_BITS, _HASH = np.uint64(40), np.uint64(2**40 - 1)  # of a group of characters; 24 bits are left for 16 million texts
_BIN_BITS = np.uint64(34)  # below the six that choose one of 64 bins


def near_pictures(fingerprint: NDArray[np.uint64], thumb: NDArray[np.uint8]) -> tuple[Indices, Alike]:
    """(pairs (n_pairs, 2) of near-same pictures, the test that they passed).

    Near-same: their hashes differ in at most ``same_picture_bits`` and their 8 x 8 miniatures by at most ``same_picture_levels``
    on average: the hash sees the shapes, the miniature the colours. Cost: 28 sorts.
    """
    bits, levels = threshold("same_picture_bits"), threshold("same_picture_levels")

    def alike(left: Indices, right: Indices) -> NDArray[np.bool_]:
        close = np.bitwise_count(fingerprint[left] ^ fingerprint[right]) <= bits
        near = np.flatnonzero(close)
        for begin in range(0, len(near), _COMPARED):
            rows = near[begin : begin + _COMPARED]
            close[rows] = np.abs(thumb[left[rows]].astype(np.int16) - thumb[right[rows]]).mean(axis=1) <= levels
        return np.asarray(close)

    shade = thumb.mean(axis=1)
    slices = [(fingerprint >> np.uint64(8 * place)) & np.uint64(255) for place in range(_SLICES)]
    keys = ((slices[one] << np.uint64(8)) | slices[other] for one, other in combinations(range(_SLICES), 2))
    return _meeting(keys, shade, alike), alike


def near_texts(texts: list[str]) -> tuple[Indices, Alike]:
    """(pairs (n_pairs, 2) of near-same texts, the test that they passed): Jaccard of their groups of five characters is at least
    ``same_text_likeness``. Texts under five characters are near nothing. Cost: one sort of all characters, and 16 of the texts."""
    said = _shingles(texts)
    owner = (said >> _HASH_BITS).astype(np.int64)
    starts = np.searchsorted(owner, np.arange(len(texts) + 1))
    sizes, least = np.diff(starts), threshold("same_text_likeness")

    def alike(left: Indices, right: Indices) -> NDArray[np.bool_]:
        fewer, more = np.minimum(sizes[left], sizes[right]), np.maximum(sizes[left], sizes[right])
        close = (fewer > 0) & (fewer >= least * more)  # nothing else can reach that likeness
        for begin in range(0, len(left), _COMPARED):
            rows = begin + np.flatnonzero(close[begin : begin + _COMPARED])
            agree = (signature[left[rows]] == signature[right[rows]]).sum(axis=1)
            close[rows] = agree >= _AGREE
            rows = rows[close[rows]]
            shared = _in_common(said, starts, left[rows], right[rows])
            close[rows] = shared >= least * (fewer[rows] + more[rows] - shared)
        return np.asarray(close)

    signature = _signatures(owner, said, len(texts))
    bands = signature.reshape(len(texts), -1, _ROWS_PER_BAND)
    weights = _ODD ** np.arange(1, _ROWS_PER_BAND + 1, dtype=np.uint64)
    alone = np.arange(len(texts), dtype=np.uint64)
    keys = (np.where(sizes > 0, (bands[:, band] * weights).sum(axis=1), alone) for band in range(bands.shape[1]))
    return _meeting(keys, sizes.astype(np.float64), alike), alike


def gather(n: int, pairs: Indices, weight: NDArray, alike: Alike) -> list[Indices]:
    """Groups of two or more of ``n`` values, each within reach of its heaviest member; no value is in two groups."""
    links = sparse.coo_array((np.ones(len(pairs), dtype=bool), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    part = csgraph.connected_components(links, directed=False)[1]
    linked = np.unique(pairs)
    order = linked[np.argsort(part[linked], kind="stable")]
    groups = []
    for left in np.split(order, np.flatnonzero(np.diff(part[order])) + 1):
        while len(left) > 1:
            centre = left[np.argmax(weight[left])]
            close = alike(np.full(len(left), centre), left) | (left == centre)
            if close.sum() > 1:
                groups.append(left[close])
            left = left[~close]
    return groups


def _meeting(keys: Iterable[NDArray], order: NDArray[np.float64], alike: Alike) -> Indices:
    """Pairs that meet under any key and are alike; under a crowded key only neighbours by ``order`` are compared."""
    n = len(order)
    in_order = np.argsort(order, kind="stable")
    met = [np.empty(0, dtype=np.int64)]
    for key in keys:
        row = in_order[np.argsort(key[in_order], kind="stable")]
        same = key[row]
        for step in range(1, min(_NEIGHBOURS, n - 1) + 1):
            meet = np.flatnonzero(same[step:] == same[:-step])
            if len(meet) == 0:
                break
            left, right = row[meet], row[meet + step]
            met.append(np.minimum(left, right) * n + np.maximum(left, right))
    left, right = np.divmod(_distinct(np.concatenate(met)), max(n, 1))
    close = alike(left, right)
    return np.stack([left[close], right[close]], axis=1)


def _distinct(values: NDArray) -> NDArray:
    """The distinct values in ascending order, by one sort in place."""
    values.sort()
    return values[np.append(True, values[1:] != values[:-1])[: len(values)]]


def _in_common(said: NDArray[np.uint64], starts: Indices, left: Indices, right: Indices) -> Indices:
    """How many groups of characters the texts of each pair share: in one sorted list of both, those that stand there twice."""
    text = np.column_stack([left, right]).ravel()
    sizes = starts[text + 1] - starts[text]
    first = np.cumsum(sizes) - sizes
    pair = np.repeat(np.arange(len(text), dtype=np.uint64) // 2, sizes)
    place = np.arange(len(pair)) + np.repeat(starts[text] - first, sizes)
    both = (pair << _HASH_BITS) | (said[place] & _HASH)
    both.sort(kind="stable")  # of ascending runs
    twice = (both[:-1][both[1:] == both[:-1]] >> _HASH_BITS).astype(np.int64)
    return np.bincount(twice, minlength=len(left))


def _shingles(texts: list[str]) -> NDArray[np.uint64]:
    """Every group of five characters of each text once, ascending: the text's number and 40 bits of a hash of the group."""
    found: list[NDArray[np.uint64]] = [np.empty(0, dtype=np.uint64)]
    lengths = np.array([len(text) for text in texts], dtype=np.int64)
    block = np.cumsum(lengths) // _BLOCK
    for begin, end in zip(*_runs(block), strict=True):
        joined = "".join(texts[begin:end]).encode("utf-32-le", "surrogatepass")
        letters = np.frombuffer(joined, dtype="<u4").astype(np.uint64)
        windows = len(letters) - _SHINGLE + 1
        if windows < 1:
            continue
        text_of = np.repeat(np.arange(begin, end, dtype=np.uint64), lengths[begin:end])
        mixed = np.zeros(windows, dtype=np.uint64)
        for place in range(_SHINGLE):
            mixed ^= letters[place : place + windows]
            mixed *= _ODD
            mixed ^= mixed >> np.uint64(29)
        whole = text_of[:windows] == text_of[_SHINGLE - 1 :]
        found.append(_distinct((text_of[:windows][whole] << _HASH_BITS) | (mixed[whole] & _HASH)))
    return np.concatenate(found)


def _runs(values: Indices) -> tuple[list[int], list[int]]:
    """Begins and ends of the runs of equal values."""
    if len(values) == 0:
        return [], []
    cuts = (np.flatnonzero(np.diff(values)) + 1).tolist()
    return [0, *cuts], [*cuts, len(values)]


def _signatures(owner: Indices, said: NDArray[np.uint64], n: int) -> NDArray[np.uint64]:
    """(n, 64): the smallest hash in each of 64 bins; an empty bin takes that of the next, marked by how far away it is."""
    empty = np.uint64(2**64 - 1)
    place = owner * _BINS + ((said & _HASH) >> _BIN_BITS).astype(np.int64)
    first = np.flatnonzero(np.diff(place, prepend=-1))  # ascending within a text, and so within a bin
    table = np.full((n, _BINS), empty, dtype=np.uint64)
    table.ravel()[place[first]] = said[first] & _HASH
    filled = table != empty
    result = table.copy()
    for distance in range(1, _BINS):
        open_places = ~filled
        if not open_places.any():
            break
        moved = np.roll(table, -distance, axis=1)
        usable = open_places & (moved != empty)
        result[usable] = moved[usable] + np.uint64(distance)
        filled |= usable
    return result
