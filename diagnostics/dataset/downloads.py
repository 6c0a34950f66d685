"""Tables out, as CSV that a spreadsheet opens without harm: with a byte order mark, or in cp932 for older Japanese programs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from pathlib import Path
from typing import Literal

import pandas as pd

__all__ = ["in_cp932", "remove_earlier", "to_csv_bytes"]

_FORMULA = re.compile(r"^\s*[=+\-@\t\r|%＝＋－＠](?![\d.,]*$)")
_GETA = "〓"  # what Japanese printers put where they lack a character
_ALIKE = str.maketrans(
    {"〜": "～", "−": "－", "—": "―", "‖": "∥", "¢": "￠", "£": "￡", "¬": "￢", "¥": "￥", "•": "・", "\xa0": " "}
)


def to_csv_bytes(frame: pd.DataFrame, encoding: Literal["utf-8-sig", "cp932"] = "utf-8-sig") -> tuple[bytes, dict[str, str]]:
    """A table as a CSV file for a spreadsheet, and the characters that the encoding lacks with what stands in their place.

    Lines end in CR LF. A cell that a spreadsheet would run as a formula gets an apostrophe in front; numbers do not. cp932 lacks
    emoji, many accents and rare characters: a form of the same meaning is used where there is one, and 〓 elsewhere.

    Returns
    -------
    data : bytes
    replaced : character -> replacement, in order of appearance; empty for UTF-8 unless half a character had to go
    """
    text = pd.DataFrame({at: _harmless(frame.iloc[:, at]) for at in range(frame.shape[1])})
    text.columns = pd.Index([f"'{name}" if _FORMULA.match(str(name)) else str(name) for name in frame.columns])
    written = text.to_csv(index=False, lineterminator="\r\n")
    if encoding == "cp932":
        written = unicodedata.normalize("NFC", written)  # か and its mark apart, as in names of files on a Mac
    replaced = {sign: _stand_in(sign, encoding) for sign in dict.fromkeys(written) if not _fits(sign, encoding)}
    return written.translate({ord(sign): form for sign, form in replaced.items()}).encode(encoding), replaced


def in_cp932(file: Path) -> tuple[bytes, dict[str, str]]:
    """A file of ``to_csv_bytes`` again, in cp932; returned as there."""
    return to_csv_bytes(pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig"), "cp932")


def remove_earlier(folder: Path, written: Collection[Path], columns: str) -> None:
    """Remove the CSV files of ours that an earlier run left in a folder, told by their ``columns``; a person's own files stay.

    ``columns`` is what our header consists of, or ends with.
    """
    for path in set(folder.glob("*.csv")) - set(written):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            if file.readline().rstrip("\r\n").endswith(columns):
                path.unlink()


def _stand_in(sign: str, encoding: str) -> str:
    letter = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    return next((form for form in (sign.translate(_ALIKE), letter) if form and _fits(form, encoding)), _GETA)


def _harmless(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column):
        return column
    text = column.astype("str")
    return text.mask(text.str.contains(_FORMULA, regex=True, na=False), "'" + text)


def _fits(text: str, encoding: str) -> bool:
    try:
        return text.encode(encoding).decode(encoding) == text  # 〜 goes into cp932, but comes back as ～
    except UnicodeEncodeError:
        return False
