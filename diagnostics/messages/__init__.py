"""Every word that a user can see, in English and in Japanese.

Words live in ``en/*.toml`` and ``ja/*.toml``; a key is ``<file>.<table>.<name>`` with dots, so ``error.E_NO_ITEM_COLUMN`` is
the entry ``E_NO_ITEM_COLUMN`` of ``error.toml``. A placeholder names its value and how to write it:
``{share:percent}``, ``{n:count}``, ``{gain:points}``; the ways of writing are in ``numbers.py``, the only formatter there is, and
``NAMED``.
"""

from __future__ import annotations

import functools
import json
import string
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnostics.messages.numbers import FORMATS, write

__all__ = ["FORMATS", "LANGUAGES", "NAMED", "catalog", "has", "text", "toml", "write"]

LANGUAGES = ("en", "ja")
NAMED = (
    "modality",
    "backbone",
    "balancer",
    "layout",
    "reading.role",
    "reading.event",
    "reading.counted",
    "set_aside",
    "toml",
    "sentences",
    "failure",
)
"""Ways of writing that look a code up: ``{name:modality}`` writes the words of ``modality.<name>``, or an unknown name as it is;
a list of codes, which a person may type, is written as words, each with its code. ``{column:toml}`` is what a mapping file holds;
``{drivers:sentences}`` writes a list of ``{"code": ..., "values": {...}}`` as sentences, one after another."""


@functools.cache
def catalog(lang: str) -> Mapping[str, str]:
    """All words of one language, flat: key -> template."""
    if lang not in LANGUAGES:
        raise KeyError(f"unknown language {lang!r}; known: {', '.join(LANGUAGES)}")
    flat: dict[str, str] = {}

    def walk(prefix: str, table: Mapping[str, Any]) -> None:
        for name, value in table.items():
            key = f"{prefix}.{name}"
            if isinstance(value, str):
                flat[key] = value.strip()
            else:
                walk(key, value)

    for path in sorted((Path(__file__).parent / lang).glob("*.toml")):
        walk(path.stem, tomllib.loads(path.read_text(encoding="utf-8")))
    return flat


class _Formatter(string.Formatter):
    """Formats ``{name:how}`` with ``numbers.write`` and never looks inside a value (no attributes, no indexing)."""

    def __init__(self, lang: str) -> None:
        self._lang = lang

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> Any:
        return kwargs[field_name], field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec == "sentences":
            between = "" if self._lang == "ja" else " "
            return between.join(text(part["code"], self._lang, **part["values"]) for part in value)
        if format_spec == "toml":
            return toml(value)
        if format_spec in NAMED:
            words = {code: catalog(self._lang).get(f"{format_spec}.{code}") for code in map(str, _several(value))}
            if not isinstance(value, list | tuple):
                return words[str(value)] or str(value)
            bracketed = "{}（{}）" if self._lang == "ja" else "{} ({})"
            return write([bracketed.format(said, code) if said else code for code, said in words.items()], "list", self._lang)
        return write(value, format_spec or "plain", self._lang)


def _several(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def toml(value: str | float | Sequence[str]) -> str:
    """A text, a number, or several texts, as a mapping file holds them."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # a JSON string is a TOML string but for DEL


def text(key: str, lang: str, **values: Any) -> str:
    """The words for ``key`` in ``lang`` with the values written in. An unknown key or a missing value is our fault: KeyError."""
    return _Formatter(lang).vformat(catalog(lang)[key], (), values)


def has(key: str, lang: str = "en") -> bool:
    """Whether there are words for ``key``."""
    return key in catalog(lang)
