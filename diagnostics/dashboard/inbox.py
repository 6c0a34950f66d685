"""Where a person's own data come in: uploads are kept by content in Tenbin's folder, all else is read where it is."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diagnostics.config import home
from diagnostics.dataset.mapping import Setting, mapping_text
from diagnostics.dataset.warehouse import is_url

__all__ = ["Choices", "Chosen", "Upload", "from_paths", "from_uploads", "keep", "write_choices"]

Choices = Mapping[str, Mapping[str, Setting]]
"""A person's corrections, as a mapping file has them: table -> role, sheet, event type or threshold -> what was chosen."""


class Upload(Protocol):
    """What a file uploader hands over."""

    name: str

    def getvalue(self) -> bytes: ...


@dataclass(frozen=True)
class Chosen:
    """The data of one shop: files, folders or databases' URLs. ``catalog`` is None where the interactions bring it."""

    catalog: Path | str | None
    interactions: Path | str
    images: Path | None = None
    format: str = "auto"

    @property
    def tables(self) -> dict[str, Path | str]:
        """The two tables by name, as far as they are given on their own; a folder in a published format is none."""
        named = {"catalog": self.catalog, "interactions": self.interactions}
        return {name: source for name, source in named.items() if source and not (isinstance(source, Path) and source.is_dir())}

    @property
    def state(self) -> tuple[object, ...]:
        """What changes when a file does: its time of change, that of a folder, nothing for a database."""
        paths = (path for path in (self.catalog, self.interactions, self.images) if isinstance(path, Path))
        return (self, *(path.stat().st_mtime_ns if path.exists() else None for path in paths))


def from_paths(catalog: str, interactions: str, images: str, layout: str = "auto") -> Chosen | None:
    """Data on this computer or in a database; None while it is not clear what to read. Whether it can be read, reading tells.

    The log is always needed; without a product table it must be a folder, or a file of a layout that brings its products.
    """
    left, right, pictures = (_source(part) for part in (catalog, interactions, images))
    if right is None or (left is None and layout == "auto" and not (isinstance(right, Path) and right.is_dir())):
        return None
    return Chosen(left, right, pictures if isinstance(pictures, Path) else None, layout)


def _source(written: str) -> Path | str | None:
    """A path as a file manager copies it, in quotes or not; a URL as it stands."""
    bare = written.strip().strip("\"'")
    return (bare if is_url(bare) else Path(bare).expanduser()) if bare else None


def from_uploads(catalog: Upload | None, interactions: Upload | None, images: Upload | None) -> Chosen | None:
    """Uploaded files, written once per content; None while one of the two needed ones is missing."""
    if catalog is None or interactions is None:
        return None
    return Chosen(keep(catalog), keep(interactions), None if images is None else keep(images))


def keep(upload: Upload) -> Path:
    """Write an upload under its own name, stripped of everything that could lead out of the folder."""
    data = upload.getvalue()
    name = re.sub(r"[^\w.\-]", "_", Path(upload.name.replace("\\", "/")).name).lstrip(".")[-80:] or "file"
    path = home() / "uploads" / hashlib.blake2b(data, digest_size=8).hexdigest() / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{name}.tmp")
        beside.write_bytes(data)
        beside.replace(path)
    return path


def write_choices(choices: Choices) -> Path | None:
    """A person's corrections as a mapping file; None when there are none."""
    text = mapping_text(choices)
    if not text:
        return None
    path = home() / "uploads" / hashlib.blake2b(text.encode(), digest_size=8).hexdigest() / "mapping.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
