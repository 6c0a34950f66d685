"""MovieLens in its three layouts: 100K (``u.data``, ``u.item``), 1M and 10M (``*.dat`` with ``::``), and CSV (latest, 20M, 25M)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from diagnostics.dataset.formats.shop import Format, Found, Reader, Shop, first_bytes, known
from diagnostics.dataset.guard import read_lines
from diagnostics.dataset.tables import Table
from diagnostics.errors import TenbinError

__all__ = ["MOVIELENS"]

_FILES = "u.data + u.item / ratings.dat + movies.dat / ratings.csv + movies.csv"
_LAYOUTS = (("u.data", "u.item"), ("ratings.dat", "movies.dat"), ("ratings.csv", "movies.csv"))
_LOG_COLUMNS = ("userId", "movieId", "rating", "timestamp")
_GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy"),
    *("Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_ITEM_100K = ("movieId", "title", "release_date", "video_release_date", "url", *_GENRES_100K)
_GENRES_KEPT = 3  # attributes; few films have more


def _recognise(catalog: Path | None, interactions: Path) -> Found | None:
    folder = interactions if interactions.is_dir() else interactions.parent
    for log, films in _LAYOUTS:
        ratings, movies = folder / log, folder / films
        meant = interactions in (folder, ratings) and catalog in (None, movies)
        if meant and ratings.is_file() and movies.is_file():
            plain_csv = ratings.suffix == ".csv" and b"movieId" not in first_bytes(ratings).split(b"\n")[0]
            return None if plain_csv else Found(movies, ratings, folder)
    return None


def _open(found: Found, read: Reader) -> Shop:
    ratings, movies = found.interactions, found.catalog or found.interactions
    if ratings.suffix == ".csv":
        log, films = read(ratings, "interactions"), read(movies, "catalog")
        genres = films.frame["genres"] if "genres" in films.frame.columns else pd.Series([None] * len(films.frame), dtype="str")
    else:
        separator = {"u.data": ("\t", "|"), "ratings.dat": ("::", "::")}[ratings.name]
        log = read_lines(ratings, "interactions", separator=separator[0], columns=_LOG_COLUMNS, kind="movielens")
        columns = _ITEM_100K if ratings.name == "u.data" else ("movieId", "title", "genres")
        films = read_lines(movies, "catalog", separator=separator[1], columns=columns, kind="movielens")
        genres = _flagged(films.frame) if ratings.name == "u.data" else films.frame["genres"]
    for table, column in ((log, "userId"), (log, "movieId"), (films, "movieId")):
        if column not in table.frame.columns:
            raise TenbinError("E_NOT_THIS_FORMAT", file=table.name, format="movielens", expected=column)
    parts = genres.where(genres != "(no genres listed)").str.split("|", expand=True).reindex(columns=range(_GENRES_KEPT))
    named = {f"genre_{place + 1}": parts[place] for place in range(_GENRES_KEPT)}
    kept = {column: films.frame[column] for column in ("movieId", "title") if column in films.frame.columns}
    frame = pd.DataFrame({**kept, **{name: cells.astype("str") for name, cells in named.items() if cells.notna().any()}})
    films = Table(films.name, frame, films.rows, films.note, films.rejected)
    roles = known(films, "movielens", {"item_id": "movieId", "title": "title", "category": [*named]})
    said = {"user_id": "userId", "item_id": "movieId", "rating": "rating", "timestamp": "timestamp"}
    return Shop(films, log, (*roles, *known(log, "movielens", said)), format="movielens")


def _flagged(frame: pd.DataFrame) -> pd.Series:
    """Nineteen columns of 0 and 1 as the names of the genres that are set."""
    flags = (frame[list(_GENRES_100K[1:])] == "1").to_numpy()
    return pd.Series(["|".join(np.array(_GENRES_100K[1:])[row]) or None for row in flags], dtype="str")


MOVIELENS = Format(_FILES, _recognise, _open)
