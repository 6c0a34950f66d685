"""What a reader found, laid into files of one private folder and taken up again by another process without copying it.

Tables travel as Arrow files and numbers as npy files, both memory-mapped by the receiver, so that handing over a gigabyte costs
no gigabyte. Nothing is pickled. Names of files are carried as bytes: the system's names need not be text.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from diagnostics.dataset.pictures import Pictures
from diagnostics.dataset.tables import Table
from diagnostics.dataset.vectors import Vectors
from diagnostics.schema import FileNote, ImageSource

__all__ = [
    "load_count",
    "load_names",
    "load_pictures",
    "load_table",
    "load_vectors",
    "save_count",
    "save_names",
    "save_pictures",
    "save_table",
    "save_vectors",
]


def save_table(folder: Path, table: Table) -> None:
    """Lay a table into a folder."""
    _save_frame(folder / "frame.arrow", table.frame)
    _save_frame(folder / "rejected.arrow", table.rejected)
    np.save(folder / "rows.npy", table.rows, allow_pickle=False)
    _save_words(folder, name=table.name, note=table.note.model_dump(mode="json"))


def load_table(folder: Path) -> Table:
    """The table that ``save_table`` laid into a folder."""
    words = _load_words(folder)
    return Table(
        name=words["name"],
        frame=_load_frame(folder / "frame.arrow"),
        rows=_load_numbers(folder / "rows.npy"),
        note=FileNote.model_validate(words["note"]),
        rejected=_load_frame(folder / "rejected.arrow"),
    )


def save_vectors(folder: Path, vectors: Vectors) -> None:
    """Lay vectors into a folder."""
    np.save(folder / "values.npy", vectors.values, allow_pickle=False)
    if vectors.ids is not None:
        save_names(folder / "ids.arrow", vectors.ids.tolist())
    _save_words(folder, name=vectors.name, note=vectors.note.model_dump(mode="json"))


def load_vectors(folder: Path) -> Vectors:
    """The vectors that ``save_vectors`` laid into a folder."""
    words, ids = _load_words(folder), folder / "ids.arrow"
    named = np.array(load_names(ids), dtype=object) if ids.exists() else None
    return Vectors(words["name"], _load_numbers(folder / "values.npy"), named, FileNote.model_validate(words["note"]))


def save_pictures(folder: Path, pictures: Pictures) -> None:
    """Lay what was found in a folder or zip of pictures into a folder."""
    sources = pictures.sources
    save_names(folder / "paths.arrow", [None if source is None else str(source.path) for source in sources])
    save_names(folder / "members.arrow", [None if source is None else source.member for source in sources])
    save_names(folder / "refused.arrow", [written for _, written, _ in pictures.refused])
    places, reasons = [place for place, _, _ in pictures.refused], [reason for _, _, reason in pictures.refused]
    _save_words(folder, files=pictures.files, unmatched=pictures.unmatched, places=places, reasons=reasons)


def load_pictures(folder: Path) -> Pictures:
    """The pictures that ``save_pictures`` laid into a folder."""
    words = _load_words(folder)
    found = zip(load_names(folder / "paths.arrow"), load_names(folder / "members.arrow"), strict=True)
    sources = tuple(None if path is None else ImageSource(Path(path), member) for path, member in found)
    written = [name or "" for name in load_names(folder / "refused.arrow")]
    refused = list(zip(words["places"], written, words["reasons"], strict=True))
    return Pictures(sources, words["files"], words["unmatched"], refused)


def save_count(folder: Path, count: int) -> None:
    """Lay a number of rows into a folder."""
    _save_words(folder, count=count)


def load_count(folder: Path) -> int:
    """The number that ``save_count`` laid into a folder."""
    return int(_load_words(folder)["count"])


def save_names(path: Path, names: Sequence[str | None]) -> None:
    """Texts that may hold what no encoding allows, such as names of files, as one column of bytes."""
    raw = [None if name is None else os.fsencode(name) for name in names]
    _save_arrow(path, pa.table({"names": pa.array(raw, pa.large_binary())}))


def load_names(path: Path) -> list[str | None]:
    """The texts that ``save_names`` wrote."""
    return [None if raw is None else os.fsdecode(raw) for raw in _load_arrow(path)["names"].to_pylist()]


def _save_words(folder: Path, **words: Any) -> None:
    (folder / "words.json").write_text(json.dumps(words), encoding="utf-8")


def _load_words(folder: Path) -> dict[str, Any]:
    words: dict[str, Any] = json.loads((folder / "words.json").read_text(encoding="utf-8"))
    return words


def _save_frame(path: Path, frame: pd.DataFrame) -> None:
    _save_arrow(path, pa.Table.from_pandas(frame))


def _load_frame(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = _load_arrow(path).to_pandas()
    return frame


def _save_arrow(path: Path, table: pa.Table) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _load_arrow(path: Path) -> pa.Table:
    return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _load_numbers(path: Path) -> npt.NDArray[Any]:
    numbers = np.load(path, allow_pickle=False)
    return numbers if not numbers.size else np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
