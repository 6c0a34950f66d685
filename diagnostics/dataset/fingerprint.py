"""A short name of everything that decides the later numbers: two readings with one fingerprint give the same results."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from diagnostics.schema import Catalog, ImageSource, InteractionLog, Split

__all__ = ["fingerprint"]


def fingerprint(catalog: Catalog, log: InteractionLog, split: Split, images: Path | None) -> str:
    """A blake2b hash (32 hex digits) of the content that decides every later number.

    A picture enters by its place inside the folder and its size: hashing every picture here would cost more than all of reading,
    and the encoders' cache goes by the pictures' bytes anyway.
    """
    hashed = hashlib.blake2b(digest_size=16)

    def add(name: str, raw: bytes) -> None:
        hashed.update(f"{name}:{len(raw)}:".encode())
        hashed.update(raw)

    def add_texts(name: str, values: Any) -> None:
        if values is not None:
            add(name, "\0".join("\x01" if value is None else str(value) for value in values).encode("utf-8", "surrogatepass"))

    for name in ("item_ids", "titles", "texts", "descriptions", "category", "product"):
        add_texts(name, getattr(catalog, name))
    for name, column in catalog.attributes.items():
        add_texts(f"attribute {name}", column)
    if catalog.images is not None and images is not None:
        add_texts("images", [_picture_name(source, images) for source in catalog.images])
    add_texts("users", log.user_ids)
    add_texts("events", log.event_type)
    arrays: dict[str, Any] = {"price": catalog.price, "user": log.user_index, "item": log.item_index, "value": log.value}
    arrays["paid"] = catalog.paid
    arrays |= {f"vector {name}": values for name, values in sorted(catalog.vectors.items())}
    arrays |= {"train": split.train, "validation": split.validation, "test": split.test, "weight": log.weight}
    for name, times in (("time", log.timestamp), ("added", catalog.added)):
        arrays[name] = None if times is None else times.astype(np.int64)
    for name, values in arrays.items():
        if values is not None:
            add(f"{name} {values.shape}", np.ascontiguousarray(values).tobytes())
    return hashed.hexdigest()


def _picture_name(source: ImageSource | None, root: Path) -> str | None:
    if source is None:
        return None
    if source.member is not None:
        return source.member
    return f"{source.path.relative_to(root).as_posix()} {source.path.stat().st_size}"
