"""Published formats, each recognised by itself. One supplies tables, roles, vectors and its split; the rest is as for any shop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from diagnostics.dataset.formats.amazon2023 import AMAZON2023
from diagnostics.dataset.formats.hm import HM
from diagnostics.dataset.formats.mmrec import MMREC
from diagnostics.dataset.formats.movielens import MOVIELENS
from diagnostics.dataset.formats.recbole import RECBOLE
from diagnostics.dataset.formats.shop import Format, Reader, Shop
from diagnostics.dataset.vocabulary import nearest
from diagnostics.errors import TenbinError

__all__ = ["FORMATS", "Format", "Reader", "Shop", "choose_format"]

FORMATS: Mapping[str, Format] = {
    "mmrec": MMREC,
    "recbole": RECBOLE,
    "amazon2023": AMAZON2023,
    "movielens": MOVIELENS,
    "hm": HM,
}
"""Every published format, by the name that ``--format`` takes."""


def choose_format(catalog: Path | None, interactions: Path, name: str) -> Callable[[Reader], Shop] | None:
    """How to open these files if they are of a published format; None for a shop's own.

    Parameters
    ----------
    name : a format, or ``auto`` to recognise it

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_CHOICE`` (no such format), ``E_NOT_THIS_FORMAT`` (the files are not of the format that was chosen),
        ``E_MIXED_FORMATS`` (files of several formats in one folder), ``E_NO_FORMAT`` (a folder of no format),
        ``E_NO_CATALOG`` (a log alone).
    """
    if name != "auto" and name not in FORMATS:
        choices = ["auto", *FORMATS]
        raise TenbinError("E_UNKNOWN_CHOICE", what="format", found=name, choices=choices, nearest=nearest(name, choices))
    for path in (catalog, interactions):
        if path is not None and not path.exists():
            raise TenbinError("E_FILE_MISSING", file=str(path))
    if name != "auto":
        chosen = FORMATS[name].recognise(catalog, interactions)
        if chosen is None:
            raise TenbinError("E_NOT_THIS_FORMAT", file=interactions.name, format=name, expected=FORMATS[name].files)
        return partial(FORMATS[name].open, chosen)
    found = {name: files for name, format in FORMATS.items() if (files := format.recognise(catalog, interactions)) is not None}
    if len(found) > 1:
        raise TenbinError("E_MIXED_FORMATS", file=interactions.name, choices=list(found))
    for name, files in found.items():
        return partial(FORMATS[name].open, files)
    if interactions.is_dir():
        known = [f"{name} ({format.files})" for name, format in FORMATS.items()]
        raise TenbinError("E_NO_FORMAT", file=interactions.name, choices=known)
    if catalog is None:
        raise TenbinError("E_NO_CATALOG", file=interactions.name)
    return None
