"""One integer seed becomes one independent seed per purpose, whatever the order of asking.

Source: numpy's ``SeedSequence`` spawn keys; the purpose is hashed so that adding a purpose never shifts the others.
"""

from __future__ import annotations

import hashlib

import numpy as np

__all__ = ["generator", "seed_for"]


def seed_for(seed: int, *purpose: object) -> int:
    """A 63-bit seed that depends on ``seed`` and on what it is for, such as ``("arm", "all", 3)``."""
    digest = hashlib.blake2b(repr((int(seed), *purpose)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """A random generator for one purpose."""
    return np.random.default_rng(seed_for(seed, *purpose))
