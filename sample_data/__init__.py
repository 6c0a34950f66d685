"""The shops that come with Tenbin: small, made by a seeded generator, with the truth about them written down.

``ensure("en")`` and ``ensure("ja")`` give a folder with catalog.csv, transactions.csv, images/ and truth.json, made on first use;
``write_shop`` writes any other shop, sound or with a planted defect.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from diagnostics.config import home
from diagnostics.errors import TenbinError
from sample_data.generator.plants import CAUSES
from sample_data.generator.shop import SHOPS, Truth, write_shop

__all__ = ["CAUSES", "SHOPS", "Truth", "ensure", "write_shop"]


def ensure(shop: str, folder: Path | None = None, *, progress: Callable[[str, float], None] | None = None) -> Path:
    """The folder of a sample shop, made on first use (a few seconds) and reused until its generator changes.

    Parameters
    ----------
    shop : ``en`` or ``ja``
    folder : where sample shops are kept; Tenbin's own folder unless given

    Notes
    -----
    The shop is written beside its place and moved there when whole, so that nobody ever sees half a shop and two processes at
    once do no harm.
    """
    if shop not in SHOPS:
        raise TenbinError("E_SHOP_UNKNOWN", found=shop, choices=SHOPS)
    parent = folder or home() / "sample"
    place = parent / f"{shop}-{_version()}"
    if place.is_dir():
        return place
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{shop}-", dir=parent) as making:
        made = Path(making) / "shop"
        write_shop(made, shop=shop, progress=progress)
        try:
            made.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was quicker, and its shop is the same
                raise
    return place


def _version() -> str:
    """Changes whenever the generator's code does."""
    digest = hashlib.blake2b(digest_size=4)
    for path in sorted((Path(__file__).parent / "generator").glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
