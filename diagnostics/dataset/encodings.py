"""Bytes become text, and not one byte is silently dropped.

The encoding is found by evidence: a byte order mark, the zero bytes of UTF-16, strict UTF-8, and otherwise the one of a few
candidates whose text looks least strange. Bytes that the chosen encoding cannot explain stay in the text as lone surrogates
(PEP 383), so that the reader can set the rows that hold them aside and name them.
"""

from __future__ import annotations

import codecs
import io
import re
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from diagnostics.errors import Cancelled, TenbinError

__all__ = ["UNDECODABLE", "as_utf8", "decode", "read_utf8", "refuse_binary", "show_bytes"]

_IN_A_WORD = re.compile("[A-Za-z][a-z]")  # what stands around a European letter, and hardly around one or two of Japanese
UNDECODABLE = re.compile("[\ud800-\udfff]")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CANDIDATES = ("utf-8", "cp932", "euc_jp", "euc_jis_2004", "cp1252")  # euc_jis_2004 knows the circled digits, euc_jp does not
_MAGIC = (
    (b"PK\x03\x04", "ZIP / Excel"),
    (b"PK\x05\x06", "ZIP"),
    (b"\xd0\xcf\x11\xe0", "Excel (xls)"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "WebP / RIFF"),
    (b"%PDF", "PDF"),
    (b"\x1f\x8b", "gzip"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"Rar!", "RAR"),
    (b"\x93NUMPY", "NumPy (npy)"),
    (b"SQLite format 3", "SQLite"),
)
_MARKUP = ((re.compile(rb"<(!doctype|html|head|body)\b", re.IGNORECASE), "HTML"), (re.compile(rb"<\?xml\b"), "XML"))
_JSON = re.compile(rb"(\[\s*)?\{\s*\"[^\"\n]*\"\s*:")
_PICKLE = re.compile(rb"\x80[\x02-\x05][\x00-\xff]")
_SAMPLE_CHARACTERS = 20_000
_MOST_STRANGE = 0.3
_MOST_BROKEN_ROWS = 0.5
_DOUBT = 0.15
_HEAD_BYTES = 1_000_000
_WINDOW_BYTES = 65_536
_WINDOWS = 16
_PIECE_BYTES = 4_000_000


def refuse_binary(head: bytes, name: str) -> None:
    """Refuse what cannot be a table of text, by its first bytes: archives, pictures, pickles, markup and other binary files.

    Raises
    ------
    TenbinError
        ``E_NOT_A_TABLE`` names what the file is instead; its content is never opened.
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            raise TenbinError("E_NOT_A_TABLE", file=name, found=kind)
    if _PICKLE.match(head):
        raise TenbinError("E_NOT_A_TABLE", file=name, found="pickle")
    head = head[:65536]
    start = head.removeprefix(codecs.BOM_UTF8).lstrip()
    for pattern, kind in (*_MARKUP, (_JSON, "JSON")):
        if pattern.match(start):
            raise TenbinError("E_NOT_A_TABLE", file=name, found=kind)
    control = sum(head.count(byte) for byte in (*range(2, 9), *range(14, 27), *range(28, 31)))  # 1 and 31 separate cells in Hive
    wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or _utf16_without_mark(head) is not None
    if not wide and control > 0.02 * len(head):
        raise TenbinError("E_NOT_A_TABLE", file=name, found="binary")


def decode(data: bytes, name: str) -> tuple[str, str]:
    """The text of a small file and the name of its encoding; ``read_utf8`` is for tables, which may be large.

    Returns
    -------
    text : str
        Bytes that could not be decoded are lone surrogates; ``UNDECODABLE`` finds them, ``show_bytes`` writes them as ``\\xNN``.
    encoding : str
        Python's name, ``utf-8-sig`` for UTF-8 with a byte order mark.

    Raises
    ------
    TenbinError
        ``E_UNDECODABLE`` when no known encoding explains most of the bytes.
    """
    encoding = _choose(data, name)
    return "".join(_pieces(io.BytesIO(data), encoding, name, codecs.getincrementaldecoder(encoding)(_errors(encoding)))), encoding


def read_utf8(
    file: BinaryIO, name: str, max_lines: int | None = None, step: Callable[[float], None] | None = None
) -> tuple[bytes, str, str | None]:
    """A file of text, read in pieces, as UTF-8 whose lines end in ``\\n``, the name of the encoding that it was written in, and
    that of another one that would be as plausible, if so.

    Bytes that could not be decoded become lone surrogates, written with ``surrogatepass``. With ``max_lines`` the reading stops
    soon after so many lines, and at the end of one. The encoding is found on a sample of at most 2 MB, so each byte is
    decoded once; what is held at a time is the result and a few megabytes. ``step`` is told the share that is read.

    Raises
    ------
    TenbinError
        ``E_UNDECODABLE`` when no known encoding explains most of the bytes.
    """
    sample = _sample(file)
    encoding = _choose(sample, name)
    decoder = io.IncrementalNewlineDecoder(codecs.getincrementaldecoder(encoding)(_errors(encoding)), translate=True)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    parts: list[bytes] = []
    lines = 0
    for text in _pieces(file, encoding, name, decoder):
        if step is not None:
            step(file.tell() / max(size, 1))
        parts.append(text.encode("utf-8", "surrogatepass"))
        lines += parts[-1].count(b"\n")
        if max_lines is not None and lines > max_lines:
            parts[-1] = parts[-1][: parts[-1].rindex(b"\n")] if b"\n" in parts[-1] else parts[-1]
            break
    return b"".join(parts), encoding, _rival(sample, encoding)


def as_utf8(path: Path, target: Path, cancelled: Callable[[], bool] | None = None) -> Path:
    """The file itself where it is written in UTF-8, else ``target``, a copy of it that is.

    Bytes that could not be decoded leave a copy that is no UTF-8 either: whoever reads it will say so.

    Raises
    ------
    TenbinError
        ``E_UNDECODABLE``.
    Cancelled
    """
    with path.open("rb") as file:
        encoding = _choose(_sample(file), path.name)
        if encoding in ("utf-8", "utf-8-sig"):
            return path
        file.seek(0)
        decoder = codecs.getincrementaldecoder(encoding)(_errors(encoding))
        with target.open("wb") as copy:
            for text in _pieces(file, encoding, path.name, decoder):
                if cancelled is not None and cancelled():
                    raise Cancelled
                copy.write(text.encode("utf-8", "surrogatepass"))
    return target


def show_bytes(text: str) -> str:
    """The text with each undecodable byte written as ``\\xNN``, fit for a file or a screen."""
    return UNDECODABLE.sub(lambda found: f"\\x{ord(found[0]) & 0xFF:02x}", text)


def _errors(encoding: str) -> str:
    return "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"


def _pieces(file: BinaryIO, encoding: str, name: str, decoder: Any) -> Iterator[str]:
    """The text of a file, a few million characters at a time."""
    rows = 1
    try:
        while raw := file.read(_PIECE_BYTES):
            text = decoder.decode(raw)
            rows += text.count("\n")
            yield text
    except UnicodeDecodeError as error:  # UTF-32 that is none
        raise TenbinError("E_UNDECODABLE", file=name, row=rows) from error
    try:
        yield decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        yield "\udcff"  # half a character at the end of UTF-16: keep it visible


def _sample(file: BinaryIO) -> bytes:
    """Whole lines that tell the encoding: the beginning, windows all over the file, and the first that are not plain ASCII."""
    head = file.read(_HEAD_BYTES)
    size = file.seek(0, io.SEEK_END)
    if len(head) == size or head.startswith(tuple(mark for mark, _ in _BOMS)) or _utf16_without_mark(head):
        return head
    parts = [head[: head.rfind(b"\n") + 1] or head]
    for window in range(1, _WINDOWS):
        parts.append(_lines_at(file, size * window // _WINDOWS))
    if not all(part.isascii() for part in parts):
        return b"".join(parts)
    file.seek(len(parts[0]))
    place = len(parts[0])
    while raw := file.read(_PIECE_BYTES):
        if not raw.isascii():
            first = next(at for at, byte in enumerate(raw) if byte > 127)
            parts.append(_lines_at(file, max(place + first - _WINDOW_BYTES // 2, 0)))
            break
        place += len(raw)
    return b"".join(parts)


def _lines_at(file: BinaryIO, place: int) -> bytes:
    file.seek(place)
    raw = file.read(_WINDOW_BYTES)
    return raw[raw.find(b"\n") + 1 : raw.rfind(b"\n") + 1]


def _choose(data: bytes, name: str) -> str:
    """The encoding that explains a sample of whole lines best."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return encoding
    wide = _utf16_without_mark(data)
    if wide is not None:
        return wide
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        first_row = data.count(b"\n", 0, error.start) + 1
    strangeness = {candidate: _strangeness(data.decode(candidate, "surrogateescape"), candidate) for candidate in _CANDIDATES}
    encoding = min(strangeness, key=lambda candidate: strangeness[candidate])
    if strangeness[encoding] <= _MOST_STRANGE:
        return encoding
    header = data.lstrip().split(b"\n", 1)[0]  # where garbage drowns the rest, the column names still tell
    encoding = min(_CANDIDATES, key=lambda candidate: _strangeness(header.decode(candidate, "surrogateescape"), candidate))
    text = data.decode(encoding, "surrogateescape")
    if sum(UNDECODABLE.search(line) is not None for line in text.split("\n")) > _MOST_BROKEN_ROWS * text.count("\n"):
        raise TenbinError("E_UNDECODABLE", file=name, row=first_row)
    return encoding  # garbage in some rows of a sound file


def _rival(sample: bytes, encoding: str) -> str | None:
    """Another encoding that gives other text, hardly stranger than that of the chosen one."""
    if encoding not in _CANDIDATES[1:]:
        return None  # a mark, the zero bytes of UTF-16 or strict UTF-8 are no accident
    text = sample.decode(encoding, "surrogateescape")
    telling = sum(map(len, re.findall("[^\x00-\x7f]+", text)))
    worst = _strangeness(text, encoding) + _DOUBT + 1 / max(telling, 1)  # one or two characters tell little
    for candidate in _CANDIDATES:
        other = sample.decode(candidate, "surrogateescape")
        if other != text and not UNDECODABLE.search(other) and _strangeness(other, candidate) <= worst:
            return candidate
    return None


def _utf16_without_mark(data: bytes) -> str | None:
    sample = data[:8192]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if even + odd < 0.02 * len(sample) or max(even, odd) < 0.95 * (even + odd):
        return None
    encoding = "utf-16-le" if odd > even else "utf-16-be"
    try:
        text = sample[: len(sample) // 2 * 2].decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return None
    return encoding if "\n" in text or "\r" in text else None


def _strangeness(text: str, encoding: str) -> float:
    """How unlike writing the non-ASCII part of a text is, from 0: rare signs, half-width kana and, worst, unexplained bytes."""
    runs, length, inside = [], 0, 0
    first = re.search("[^\x00-\x7f]", text)
    text = "" if first is None else text[max(first.start() - 1, 0) :][: 50 * _SAMPLE_CHARACTERS]
    for found in re.finditer("[^\x00-\x7f]+", text):
        runs.append(found[0])
        length += len(found[0])
        if len(found[0]) <= 2 and _IN_A_WORD.fullmatch(
            text[found.start() - 1 : found.start()] + text[found.end() : found.end() + 1]
        ):
            inside += len(found[0])
        if length > _SAMPLE_CHARACTERS:
            break
    if not length:
        return 0.0
    if encoding == "cp1252":  # European letters stand alone or in twos among ASCII ones; anything else is another encoding
        odd = sum(len(run) for run in runs if len(run) > 2 or any(_not_western(sign) for sign in run))
        return odd / length + 0.1
    if encoding == "utf-8":
        inside = 0
    return (inside + sum(_oddness(sign) for run in runs for sign in run)) / length


def _not_western(sign: str) -> bool:
    return not (sign.isalpha() or sign in "€£¥©®°·–—‘’“”…«»½¼™ ") or sign in "ƒ"


def _oddness(sign: str) -> float:
    code = ord(sign)
    if 0xD800 <= code <= 0xDFFF:
        return 3.0
    if 0xFF61 <= code <= 0xFF65:
        return 0.8  # half-width punctuation: what the first bytes of EUC-JP's kana look like when read as cp932
    if 0xFF66 <= code <= 0xFF9F:
        return 0.25  # half-width katakana: real in old systems, but suspicious
    if 0x3000 <= code <= 0x30FF or 0xFF00 <= code <= 0xFF60:
        return 0.0
    if 0x4E00 <= code <= 0x9FFF:
        try:
            return 0.0 if sign.encode("euc_jp")[0] < 0xD0 else 0.8  # JIS level 1 holds the common kanji
        except UnicodeEncodeError:
            return 0.8
    return 0.8 if unicodedata.category(sign) in ("Cn", "Co", "Cc") else 0.15
