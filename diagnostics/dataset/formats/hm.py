"""H&M's published competition data: ``articles.csv``, ``transactions_train.csv`` (or ``transactions.csv``), ``images/0NN/``."""

from __future__ import annotations

from pathlib import Path

from diagnostics.dataset.formats.shop import Format, Found, Reader, Shop, first_bytes, known

__all__ = ["HM"]

_FILES = "articles.csv, transactions_train.csv, images/"
_LOGS = ("transactions_train.csv", "transactions.csv")
_CATALOG = {"item_id": "article_id", "product": "product_code", "title": "prod_name", "description": "detail_desc"}
_LOG = {"user_id": "customer_id", "item_id": "article_id", "timestamp": "t_dat", "price": "price"}


def _recognise(catalog: Path | None, interactions: Path) -> Found | None:
    folder = interactions if interactions.is_dir() else None
    log = interactions
    if folder is not None:
        catalog = catalog or folder / "articles.csv"
        log = next((folder / name for name in _LOGS if (folder / name).is_file()), folder / _LOGS[0])
    named = catalog is not None and {b"article_id", b"prod_name"} <= _header(catalog)
    return Found(catalog, log, folder) if named and {b"t_dat", b"customer_id", b"article_id"} <= _header(log) else None


def _header(path: Path) -> set[bytes]:
    return {cell.strip(b'\r" ') for cell in first_bytes(path).split(b"\n")[0].split(b",")}


def _open(found: Found, read: Reader) -> Shop:
    articles, log = read(found.catalog or found.interactions, "catalog"), read(found.interactions, "interactions")
    pictures = None if found.folder is None else found.folder / "images"
    roles = (*known(articles, "hm", _CATALOG), *known(log, "hm", _LOG))
    return Shop(articles, log, roles, pictures if pictures is not None and pictures.is_dir() else None, format="hm")


HM = Format(_FILES, _recognise, _open)
