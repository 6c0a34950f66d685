"""Text as 512 numbers: the multilingual Universal Sentence Encoder, which places Japanese and English in one space.

The network and its source stand in ``sentence.py``.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np

from models.encoders.protocol import Encoded, Step
from models.encoders.sentence import DIMENSIONS, SentenceNetwork

__all__ = ["TextEncoder"]

MAX_CHARACTERS = 1000
_CHUNK = 256


class TextEncoder:
    """Encodes titles and descriptions; equal texts are encoded once.

    Only the first ``MAX_CHARACTERS`` count. The network averages over words, so a longer text changes little (the vector of a
    description stays the nearest of its own from 100 to 5,000 characters) but costs time in proportion to its length.
    """

    name: ClassVar[str] = "use-multilingual-3"
    version: ClassVar[str] = "2"

    def __init__(self, threads: int = 2) -> None:
        self._threads = threads

    def encode(self, values: Sequence[str | None], *, step: Step | None = None) -> Encoded:
        """512 numbers of length 1 per text; None or only white space is absent. Cost: linear in characters."""
        texts = [" ".join(value[: 2 * MAX_CHARACTERS].split())[:MAX_CHARACTERS] if value else "" for value in values]
        present = np.array([bool(text) for text in texts], dtype=bool)
        distinct = {text: row for row, text in enumerate(sorted(set(texts) - {""}))}
        vectors = self._encode_distinct(list(distinct), step)
        result = np.full((len(texts), DIMENSIONS), np.nan, dtype=np.float32)
        result[present] = vectors[[distinct[text] for text in texts if text]]
        return Encoded(result, present, {"reason": np.where(present, "", "missing")})

    def _encode_distinct(self, texts: list[str], step: Step | None) -> np.ndarray:
        if not texts:
            return np.empty((0, DIMENSIONS), dtype=np.float32)
        from threadpoolctl import threadpool_limits

        network = SentenceNetwork()
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        chunks = [slice(begin, begin + _CHUNK) for begin in range(0, len(texts), _CHUNK)]  # sorted: neighbours share phrases
        pool = ThreadPoolExecutor(self._threads)
        try:
            with threadpool_limits(1):
                parts = pool.map(lambda rows: network.encode(texts[rows]), chunks)
                for done, (rows, part) in enumerate(zip(chunks, parts, strict=True), 1):
                    vectors[rows] = part
                    if step:
                        step(done / len(chunks))
        finally:
            pool.shutdown(cancel_futures=True)
        return vectors
