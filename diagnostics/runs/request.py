"""What a person asks for: the options of ``diagnose``, in one record that can be stored, hashed and turned back into a command."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import AfterValidator, Field

from diagnostics.dataset.warehouse import is_url, parse_url, with_password, without_password
from diagnostics.runs.store import code_version
from diagnostics.schema import Record

__all__ = ["RunRequest"]


_PASSWORDS = {"catalog": "TENBIN_CATALOG_PASSWORD", "interactions": "TENBIN_INTERACTIONS_PASSWORD"}


def _source(value: Path | str) -> Path | str:
    """A file or folder as a path, but a database's URL as the text it is: a path would swallow one of its slashes."""
    return value if isinstance(value, Path) or is_url(value) else Path(value)


Source = Annotated[str | Path, AfterValidator(_source)]


def _absolute(source: Path | str) -> Path | str:
    """A path, or the path inside a database's URL, that means the same from any folder."""
    if isinstance(source, Path):
        return source.resolve()
    path = parse_url(source).path
    if path is None or path.is_absolute():
        return source
    scheme, _, rest = source.partition("://")
    return f"{scheme}:///{quote(path.resolve().as_posix().lstrip('/'))}{''.join(rest.partition('?')[1:])}"


class RunRequest(Record):
    """The options of ``python -m diagnostics diagnose`` but for ``--out`` and how progress is shown.

    ``catalog`` and ``interactions`` are a file, a folder or a database's URL; a published format may bring the catalog with the
    interactions. ``features`` maps a modality's name to a file of vectors; ``seeds`` is the number of seeds per arm. ``backbones``,
    ``balancers`` and ``seeds`` are the preset's where they are None.
    """

    catalog: Source | None = None
    interactions: Source
    images: Path | None = None
    features: dict[str, Path] = Field(default_factory=dict)
    mapping: Path | None = None
    format: str = "auto"
    split: Literal["auto", "time", "user"] = "auto"
    preset: Literal["quick", "standard", "thorough"] = "quick"
    backbones: tuple[str, ...] | None = None
    balancers: tuple[str, ...] | None = None
    seeds: int | None = Field(default=None, ge=1)
    slow_training: bool = False
    seed: int = Field(default=0, ge=0)
    lang: Literal["en", "ja"] = "en"
    report: tuple[str, ...] = ("html",)
    threads: int | None = Field(default=None, ge=1)
    cluster: str | None = None
    device: Literal["cuda"] | None = None

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file or folder that the request names."""
        named = (self.catalog, self.interactions, self.images, self.mapping, *self.features.values())
        return tuple(path for path in named if isinstance(path, Path))

    def resolved(self) -> RunRequest:
        """The same request with absolute paths, so that it means the same from any folder."""
        named = {name: getattr(self, name) for name in ("catalog", "interactions", "images", "mapping")}
        single = {name: _absolute(source) for name, source in named.items() if source is not None}
        return self.model_copy(update={**single, "features": {name: path.resolve() for name, path in self.features.items()}})

    def without_passwords(self) -> RunRequest:
        """The same request as it may be stored and shown: a database's password is left out of its URL."""
        named = {name: getattr(self, name) for name in ("catalog", "interactions")}
        return self.model_copy(update={name: without_password(url) for name, url in named.items() if isinstance(url, str)})

    @property
    def passwords(self) -> dict[str, str]:
        """The passwords in the databases' URLs, by the variables of the environment in which a run looks for them."""
        urls = {name: getattr(self, source) for source, name in _PASSWORDS.items()}
        found = {name: parse_url(url).server.get("password") for name, url in urls.items() if isinstance(url, str)}
        return {name: password for name, password in found.items() if password}

    def with_passwords(self, environment: Mapping[str, str]) -> RunRequest:
        """The same request with the passwords that the environment holds for its databases, for reading, never for showing."""
        urls = {source: getattr(self, source) for source, name in _PASSWORDS.items() if name in environment}
        known = {
            source: with_password(url, environment[_PASSWORDS[source]]) for source, url in urls.items() if isinstance(url, str)
        }
        return self.model_copy(update=known)

    @property
    def token(self) -> str:
        """Sixteen hex digits that name the run: what is asked, of which state of which files, by which version of our code.

        Language, report formats, threads and cluster change no number, so they do not count. A file's state is its size and time of
        change; a folder's is those of the folder itself.
        """
        asked = self.without_passwords().resolved().model_dump_json(exclude={"lang", "report", "threads", "cluster"})
        states = []
        for path in self.resolved().files:
            state = path.stat() if path.exists() else None
            states.append((str(path), state and (state.st_size, state.st_mtime_ns)))
        return hashlib.blake2b(repr((asked, states, code_version())).encode(), digest_size=8).hexdigest()

    def arguments(self) -> list[str]:
        """The request as arguments of ``python -m diagnostics diagnose``."""
        named = {
            "--catalog": self.catalog,
            "--images": self.images,
            "--mapping": self.mapping,
            "--seeds": self.seeds,
            "--threads": self.threads,
            "--cluster": self.cluster,
            "--device": self.device,
        }
        arguments: list[object] = ["--interactions", self.interactions]
        for option, value in named.items():
            arguments += [option, value] if value is not None else []
        arguments += ["--slow-training"] if self.slow_training else []
        for name, path in self.features.items():
            arguments += ["--features", f"{name}={path}"]
        for name in self.backbones or ():
            arguments += ["--backbone", name]
        for name in self.balancers or ():
            arguments += ["--balancer", name]
        arguments += ["--format", self.format, "--split", self.split, "--preset", self.preset, "--seed", self.seed]
        arguments += ["--lang", self.lang, "--report", ",".join(self.report)]
        return [str(argument) for argument in arguments]
