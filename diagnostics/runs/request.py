"""What a person asks for: the options of ``diagnose``, in one record that can be stored, hashed and turned back into a command."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import Field

from diagnostics.runs.store import code_version
from diagnostics.schema import Record

__all__ = ["RunRequest"]


class RunRequest(Record):
    """The options of ``python -m diagnostics diagnose`` but for ``--out`` and how progress is shown.

    ``features`` maps a modality's name to a file of vectors; ``seeds`` is the number of seeds per arm, None for the preset's.
    """

    catalog: Path
    interactions: Path
    images: Path | None = None
    features: dict[str, Path] = Field(default_factory=dict)
    mapping: Path | None = None
    format: str = "auto"
    split: Literal["auto", "time", "user"] = "auto"
    preset: Literal["quick", "standard", "thorough"] = "quick"
    backbones: tuple[str, ...] = ("vbpr",)
    balancers: tuple[str, ...] = ("ckd",)
    seeds: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)
    lang: Literal["en", "ja"] = "en"
    report: tuple[str, ...] = ("html",)
    threads: int | None = Field(default=None, ge=1)

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file or folder that the request names."""
        named = (self.catalog, self.interactions, self.images, self.mapping, *self.features.values())
        return tuple(path for path in named if path is not None)

    def resolved(self) -> RunRequest:
        """The same request with absolute paths, so that it means the same from any folder."""
        single = {
            name: path.resolve() for name in ("catalog", "interactions", "images", "mapping") if (path := getattr(self, name))
        }
        return self.model_copy(update={**single, "features": {name: path.resolve() for name, path in self.features.items()}})

    @property
    def token(self) -> str:
        """Sixteen hex digits that name the run: what is asked, of which state of which files, by which version of our code.

        Language, report formats and threads change no number, so they do not count. A file's state is its size and time of
        change; a folder's is those of the folder itself.
        """
        asked = self.resolved().model_dump_json(exclude={"lang", "report", "threads"})
        states = []
        for path in self.resolved().files:
            state = path.stat() if path.exists() else None
            states.append((str(path), state and (state.st_size, state.st_mtime_ns)))
        return hashlib.blake2b(repr((asked, states, code_version())).encode(), digest_size=8).hexdigest()

    def arguments(self) -> list[str]:
        """The request as arguments of ``python -m diagnostics diagnose``."""
        named = {"--images": self.images, "--mapping": self.mapping, "--seeds": self.seeds, "--threads": self.threads}
        arguments = ["--catalog", self.catalog, "--interactions", self.interactions]
        for option, value in named.items():
            arguments += [option, value] if value is not None else []
        for name, path in self.features.items():
            arguments += ["--features", f"{name}={path}"]
        for name in self.backbones:
            arguments += ["--backbone", name]
        for name in self.balancers:
            arguments += ["--balancer", name]
        arguments += ["--format", self.format, "--split", self.split, "--preset", self.preset, "--seed", self.seed]
        arguments += ["--lang", self.lang, "--report", ",".join(self.report)]
        return [str(argument) for argument in arguments]
