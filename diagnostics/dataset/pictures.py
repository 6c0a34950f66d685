"""Each item's picture is found by the item's id or by a path column, strictly inside the folder or zip that the person chose.

A path from a column is only ever looked up in the list of files that were found inside; it is never opened as it stands. So
``../secret.jpg``, absolute paths, network shares and web addresses cannot lead anywhere. They are refused and counted.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from diagnostics.errors import TenbinError
from diagnostics.schema import ImageSource

__all__ = ["Pictures", "find_pictures"]

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
_HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"BM", b"II*\x00", b"MM\x00*")
_LARGEST_FILE_BYTES = 50_000_000
_LARGEST_TOTAL_BYTES = 50_000_000_000
_LARGEST_RATIO = 200  # pictures are already compressed; a member that shrinks 200-fold is a bomb
_MOST_FILES = 2_000_000
_STEP_ITEMS = 1000
_NUMBERED = re.compile(r"^(.+?)[ _-]\(?(?:\d{1,2}|main|front|top)\)?$", re.IGNORECASE)


@dataclass
class Pictures:
    """What was found.

    Attributes
    ----------
    sources : one ImageSource or None per item
    files : number of picture files inside the root
    unmatched : number of them that belong to no item
    refused : (place, what was written there, reason) for everything that was not used; the place is the index of an item, or
        -1 for a file of the root. Reasons: ``outside_root``, ``web_address``, ``not_an_image``, ``too_large``, ``encrypted``
    """

    sources: tuple[ImageSource | None, ...]
    files: int
    unmatched: int
    refused: list[tuple[int, str, str]] = field(default_factory=list)


def find_pictures(
    root: Path,
    item_ids: npt.NDArray[np.object_],
    paths: Sequence[str | None] | None = None,
    *,
    step: Callable[[float], None] | None = None,
) -> Pictures:
    """Match pictures to items: by the path column where it names a file, else by a file called like the item's id.

    Only the first bytes of a matched file are read, to see that it is a picture; a zip is never unpacked.

    Parameters
    ----------
    root : a folder or a zip file
    item_ids : object array of str, (n_items,)
    paths : path or file name per item, or None without such a column
    step : called with the share of items whose picture has been looked at

    Raises
    ------
    TenbinError
        ``E_FILE_MISSING``, ``E_NOT_IMAGES`` (neither a folder nor a zip), ``E_NO_IMAGES`` (no picture file inside),
        ``E_IMAGES_REFUSED`` (none that may be used).
    """
    if not os.path.exists(root):  # noqa: PTH110  (a name that the system cannot even look up is missing too)
        raise TenbinError("E_FILE_MISSING", file=str(root))
    refused: list[tuple[int, str, str]] = []
    if root.is_dir():
        found = dict(_folder(root, refused))
    elif root.is_file() and zipfile.is_zipfile(root):
        found = dict(_zip(root, refused))
    else:
        raise TenbinError("E_NOT_IMAGES", file=root.name)
    if not found:
        if refused:
            raise TenbinError("E_IMAGES_REFUSED", file=root.name, n=len(refused), found=refused[0][1])
        raise TenbinError("E_NO_IMAGES", file=root.name)
    matched = _match(root.name, found, [_normal(str(item)) for item in item_ids], paths, refused)
    sources = _checked(root, found, matched, refused, step or (lambda done: None))
    used = {inside for inside in matched if inside is not None}
    return Pictures(sources, len(found), len(found) - len(used), refused)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip()


def _folder(root: Path, refused: list[tuple[int, str, str]]) -> Iterator[tuple[str, ImageSource]]:
    """Picture files below a folder by their path inside it. Folders that are links are not entered."""
    real, count = root.resolve(), 0
    pending = [(root, "")]
    while pending:
        folder, inside = pending.pop()
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
        for entry in entries:
            relative = inside + entry.name
            if entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(real):
                refused.append((-1, relative, "outside_root"))
            elif entry.is_dir(follow_symlinks=False):
                pending.append((Path(entry.path), f"{relative}/"))
            elif PurePosixPath(entry.name).suffix.lower() in _SUFFIXES and entry.is_file():
                count += 1
                if count > _MOST_FILES:
                    raise TenbinError("E_TOO_MANY_FILES", file=root.name, n=_MOST_FILES)
                yield _normal(relative), ImageSource(Path(entry.path))


def _zip(root: Path, refused: list[tuple[int, str, str]]) -> Iterator[tuple[str, ImageSource]]:
    """Picture members of a zip by name; a member that could leave the folder, or is a bomb, is refused unopened."""
    total = 0
    try:
        with zipfile.ZipFile(root) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise TenbinError("E_NOT_IMAGES", file=root.name) from error
    if len(members) > _MOST_FILES:
        raise TenbinError("E_TOO_MANY_FILES", file=root.name, n=_MOST_FILES)
    for member in members:
        name = _member_name(member)
        if not name or member.is_dir() or PurePosixPath(name).suffix.lower() not in _SUFFIXES or name.startswith("__MACOSX/"):
            continue
        reason = _escapes(name)
        if reason is None and stat.S_ISLNK(member.external_attr >> 16):
            reason = "outside_root"
        total += member.file_size
        if reason is None and member.flag_bits & 1:
            reason = "encrypted"
        too_large = member.file_size > max(_LARGEST_RATIO * member.compress_size, 100_000) or total > _LARGEST_TOTAL_BYTES
        if reason is None and (too_large or member.file_size > _LARGEST_FILE_BYTES):
            reason = "too_large"
        if reason is None:
            yield _normal(name), ImageSource(root, member.filename)
        else:
            refused.append((-1, name, reason))


def _member_name(member: zipfile.ZipInfo) -> str:
    """The member's name; archives made in Japan carry cp932 names that the zip format reads as cp437."""
    if not member.flag_bits & 0x800:
        try:
            return member.filename.encode("cp437").decode("cp932").replace("\\", "/")
        except UnicodeError:
            return member.filename
    return member.filename.replace("\\", "/")


def _escapes(written: str) -> str | None:
    """Why a written path may not be followed, or None."""
    path = written.replace("\\", "/")
    if re.match(r"[a-z][a-z0-9+.-]+:", path, re.IGNORECASE):  # two letters or more: a drive has one
        return "web_address"
    if path.startswith(("/", "~")) or re.match(r"[a-z]:", path, re.IGNORECASE) or ".." in path.split("/") or "\0" in path:
        return "outside_root"
    return None


def _match(
    root: str,
    found: dict[str, ImageSource],
    ids: list[str],
    paths: Sequence[str | None] | None,
    refused: list[tuple[int, str, str]],
) -> list[str | None]:
    """The inside path of each item's picture."""
    by_stem: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for inside in sorted(found, key=lambda inside: (inside.count("/"), inside)):
        path = PurePosixPath(inside)
        by_stem.setdefault(path.stem, inside)
        by_name.setdefault(path.name, inside)
    known = set(ids)
    for stem in sorted(by_stem):
        if stem not in known and (numbered := _NUMBERED.match(stem)) and numbered[1] in known:
            by_stem.setdefault(numbered[1], by_stem[stem])
    answer: list[str | None] = [by_stem.get(item) for item in ids]
    if not any(answer):  # ids that a spreadsheet took for numbers have lost their zeros; the files have not
        bare = Counter(stem.lstrip("0") for stem in by_stem)
        loose = {stem.lstrip("0"): inside for stem, inside in by_stem.items() if bare[stem.lstrip("0")] == 1}
        answer = [loose.get(item.lstrip("0")) for item in ids]
    if paths is None:
        return answer
    for position, written in enumerate(paths):
        if written is None:
            continue
        reason = _escapes(written)
        if reason is not None:
            refused.append((position, written, reason))
            if reason == "outside_root":
                answer[position] = None  # not to be trusted: the row asked for a file outside
            continue
        inside = _normal(written.replace("\\", "/")).removeprefix("./")
        named = inside if inside in found else inside.removeprefix(f"{root}/")
        answer[position] = named if named in found else by_name.get(PurePosixPath(inside).name, answer[position])
    return answer


def _checked(
    root: Path,
    found: dict[str, ImageSource],
    matched: list[str | None],
    refused: list[tuple[int, str, str]],
    step: Callable[[float], None],
) -> tuple[ImageSource | None, ...]:
    """The sources whose first bytes are those of a picture."""
    archive = zipfile.ZipFile(root) if root.is_file() else None
    verdicts: dict[str, str | None] = {}
    answer: list[ImageSource | None] = []
    try:
        for position, inside in enumerate(matched):
            if position % _STEP_ITEMS == 0:
                step(position / len(matched))
            if inside is None:
                answer.append(None)
                continue
            if inside not in verdicts:
                verdicts[inside] = _fault(found[inside], archive)
            reason = verdicts[inside]
            if reason is not None:
                refused.append((position, inside, reason))
            answer.append(found[inside] if reason is None else None)
    finally:
        if archive is not None:
            archive.close()
    return tuple(answer)


def _fault(source: ImageSource, archive: zipfile.ZipFile | None) -> str | None:
    try:
        if archive is not None and source.member is not None:
            with archive.open(source.member) as file:
                head = file.read(16)
        else:
            with source.path.open("rb") as file:
                head = file.read(16)
                if os.fstat(file.fileno()).st_size > _LARGEST_FILE_BYTES:
                    return "too_large"
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError):
        return "not_an_image"
    webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    return None if webp or head.startswith(_HEADS) else "not_an_image"
