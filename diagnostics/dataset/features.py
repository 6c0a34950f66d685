"""From a catalog to numbers: one feature block per modality, encoded once and kept in the cache by what the values are.

A cache entry is an uncompressed ``.npz`` (never pickled): its zip checksums are verified on reading, and it is written beside its
place and renamed, so a torn or damaged file is noticed and computed again. Its name is a hash of the encoder's name and version and
of the values themselves; where pictures come from, or what their files are called, does not matter. To avoid reading every picture
again only to hash it, a small note remembers which content a list of (file, size, time of change) had.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diagnostics.config import cache_folder, cores
from diagnostics.errors import Cancelled
from diagnostics.schema import Dataset, FeatureBlock, ImageSource, Modality, Progress

if TYPE_CHECKING:
    from models.encoders import Encoded, Table

__all__ = ["encode"]

_LIMIT_BYTES = 50_000_000
_log = logging.getLogger(__name__)

Reader = Callable[[], bytes]


def encode(
    dataset: Dataset, *, progress: Progress | None = None, cancelled: Callable[[], bool] | None = None
) -> tuple[FeatureBlock, ...]:
    """Each modality of the catalog as numbers, in the order of ``dataset.catalog.modalities``.

    Rows of absent items are all NaN; a picture that cannot be read makes its item absent and its reason stands in ``facts``.

    Parameters
    ----------
    progress : called with ``encode_<modality kind>`` and the share done
    cancelled : asked after each batch

    Raises
    ------
    Cancelled
        ``cancelled`` said so; modalities finished before are in the cache.
    """
    blocks = []
    for modality in dataset.catalog.modalities:

        def step(done: float, code: str = f"encode_{modality.kind}") -> None:
            if cancelled and cancelled():
                raise Cancelled
            if progress:
                progress(code, done)

        step(0.0)
        blocks.append(_encode_one(dataset, modality, step))
        step(1.0)
    return tuple(blocks)


def _encode_one(dataset: Dataset, modality: Modality, step: Callable[[float], None]) -> FeatureBlock:
    from models.encoders import encoder

    catalog = dataset.catalog
    if modality.name in catalog.vectors:
        precomputed = encoder("precomputed")
        block = _block(modality, precomputed.name, precomputed.encode(catalog.vectors[modality.name], step=step))
        return replace(block, facts={**block.facts, **_glance(catalog.images, step)}) if modality.kind == "image" else block
    if modality.kind == "text" and catalog.texts is not None:
        texts = encoder("use-multilingual-3")
        content = _digest(texts.name, texts.version, *catalog.texts)
        return _block(modality, texts.name, _cached(content, lambda: texts.encode(catalog.texts, step=step)))
    if modality.kind == "image" and catalog.images is not None:
        pictures = encoder("efficientnet-lite0")
        with _readers(catalog.images) as readers:
            content = _digest(pictures.name, pictures.version, _picture_content(catalog.images, readers))
            return _block(modality, pictures.name, _cached(content, lambda: pictures.encode(readers, step=step)))
    attributes = encoder("one-hot-log")
    return _block(modality, attributes.name, attributes.encode(_table(dataset), step=step))


def _glance(images: Sequence[ImageSource | None] | None, step: Callable[[float], None]) -> dict[str, NDArray[Any]]:
    """What a look at each picture tells, where the vectors are the shop's own; ``picture`` says why a picture cannot be used."""
    from models.encoders.glance import FACTS_VERSION, glance_all

    if images is None:
        return {}
    with _readers(images) as readers:

        def compute() -> dict[str, NDArray[Any]]:
            return glance_all(readers, threads=cores(), step=lambda done: step(done / len(readers)))

        facts = _kept(_digest("glance", FACTS_VERSION, _picture_content(images, readers)), compute)
    facts["picture"] = facts.pop("reason")
    return facts


def _block(modality: Modality, encoder_name: str, encoded: Encoded) -> FeatureBlock:
    """The encoded modality, as the catalog sees it: an item with a price but no attribute has no attributes."""
    present = encoded.present & modality.present
    values = (
        np.where(present[:, None], encoded.values, np.float32(np.nan)) if (present != encoded.present).any() else encoded.values
    )
    reason = encoded.facts["reason"].astype("U16")
    facts = {**encoded.facts, "reason": np.where(encoded.present & ~present, "missing", reason)}
    return FeatureBlock(modality.name, modality.kind, encoder_name, values, present, facts)


def _table(dataset: Dataset) -> Table:
    """Attribute columns and the catalog's own price; scales are learnt on items of the training period where the split is by time.

    A price that only the log knows (``Catalog.paid``) is left out: whether there is one tells which items sold, also in the test.
    """
    from models.encoders import Table

    catalog = dataset.catalog
    fitted_on = None
    if dataset.split.kind == "time":
        fitted_on = np.zeros(catalog.n_items, dtype=bool)
        fitted_on[dataset.split.train[:, 1]] = True
    return Table(catalog.attributes, {} if catalog.price is None else {"price": catalog.price}, fitted_on)


# ---------------------------------------------------------------- the cache


def _digest(*parts: str | bytes | None) -> str:
    """A hash of the parts in which no two lists of parts run together."""
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        hashed.update(b"-" if raw is None else b"%d:" % len(raw))
        hashed.update(raw or b"")
    return hashed.hexdigest()


def _cached(content: str, compute: Callable[[], Encoded]) -> Encoded:
    """The kept encoding of this content, or a fresh one, which is then kept. A cache that cannot be written is done without."""
    from models.encoders import Encoded

    def columns() -> dict[str, NDArray[Any]]:
        encoded = compute()
        return {"values": encoded.values, "present": encoded.present, **encoded.facts}

    kept = _kept(content, columns)
    return Encoded(kept.pop("values"), kept.pop("present"), kept)


def _kept(content: str, compute: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Named arrays from the cache, or computed and then kept."""
    path = cache_folder() / "features" / f"{content}.npz"
    if path.exists():
        try:
            with np.load(path, allow_pickle=False) as kept:
                return {name: kept[name] for name in kept.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            _log.warning("a cached encoding is damaged and will be computed again")
    columns = compute()
    _write(path, lambda file: np.savez(file, allow_pickle=False, **columns))
    return columns


def _write(path: Path, write: Callable[[Any], Any]) -> None:
    """Write beside ``path``, then rename: a reader sees the whole file or none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        try:
            with os.fdopen(descriptor, "wb") as file:
                write(file)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        _log.warning("an encoding could not be kept: %s", error.strerror)


# ---------------------------------------------------------------- pictures


@contextlib.contextmanager
def _readers(sources: Sequence[ImageSource | None]) -> Iterator[list[Reader | None]]:
    """One function per picture that reads its bytes; each archive is opened once, not once per member."""
    with contextlib.ExitStack() as stack:
        archives = {
            path: stack.enter_context(zipfile.ZipFile(path))
            for path in sorted({source.path for source in sources if source is not None and source.member is not None})
        }
        yield [None if source is None else partial(_read, source, archives.get(source.path)) for source in sources]


def _read(source: ImageSource, archive: zipfile.ZipFile | None) -> bytes:
    if archive is None or source.member is None:
        return source.read(_LIMIT_BYTES)
    with archive.open(source.member) as file:
        return file.read(_LIMIT_BYTES)


def _picture_content(sources: Sequence[ImageSource | None], readers: Sequence[Reader | None]) -> str:
    """A hash of all pictures' bytes in item order; read only when a file's name, size or time of change is new."""
    facts = {path: path.stat() for path in {source.path for source in sources if source is not None} if path.exists()}
    seen = _digest(
        *(
            f"{source.path.absolute()}|{source.member}|{stat.st_size}|{stat.st_mtime_ns}"
            if source is not None and (stat := facts.get(source.path)) is not None
            else None
            for source in sources
        )
    )
    note = cache_folder() / "pictures" / f"{seen}.txt"
    if note.exists() and len(content := note.read_text(encoding="ascii", errors="replace")) == 32:
        return content
    content = _digest(*(None if reader is None else _bytes_or_nothing(reader) for reader in readers))
    _write(note, lambda file: file.write(content.encode("ascii")))
    return content


def _bytes_or_nothing(reader: Reader) -> bytes:
    """The picture's bytes; nothing where they cannot be read, which the encoder will find and count too."""
    try:
        return reader()
    except (OSError, zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError):
        return b""
