"""Where a person's own files come in: uploads are kept by content in Tenbin's folder, paths are used where they are."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from diagnostics.config import home

__all__ = ["Chosen", "Upload", "from_paths", "from_uploads", "write_choices"]

Choices = Mapping[str, Mapping[str, tuple[str, ...]]]


class Upload(Protocol):
    """What a file uploader hands over."""

    name: str

    def getvalue(self) -> bytes: ...


@dataclass(frozen=True)
class Chosen:
    """The files of one shop."""

    catalog: Path
    interactions: Path
    images: Path | None = None


def from_paths(catalog: str, interactions: str, images: str) -> Chosen | None:
    """Files on this computer; None while one of the two needed ones is not named. Whether they can be read, reading tells."""
    named = [part.strip().strip("\"'") for part in (catalog, interactions, images)]
    if not named[0] or not named[1]:
        return None
    return Chosen(Path(named[0]).expanduser(), Path(named[1]).expanduser(), Path(named[2]).expanduser() if named[2] else None)


def from_uploads(catalog: Upload | None, interactions: Upload | None, images: Upload | None) -> Chosen | None:
    """Uploaded files, written once per content; None while one of the two needed ones is missing."""
    if catalog is None or interactions is None:
        return None
    kept = None if images is None else _keep(images)
    return Chosen(_keep(catalog), _keep(interactions), kept)


def _keep(upload: Upload) -> Path:
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
    """A person's corrections as a mapping file; None when there are none. ``choices``: table -> role -> columns."""
    lines = []
    for table, roles in choices.items():
        lines.append(f"[{table}]")
        for role, columns in roles.items():
            listed = json.dumps(list(columns), ensure_ascii=False).replace("\x7f", "\\u007f")  # then a JSON list is a TOML list
            lines.append(f"{role} = {listed}")
    if not any(choices.values()):
        return None
    text = "\n".join(lines) + "\n"
    path = home() / "uploads" / hashlib.blake2b(text.encode(), digest_size=8).hexdigest() / "mapping.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path
