"""What a person waits for with a real shop, H&M: the first screen, the profile, its texts and its photos."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

from tests.bench.harness import REAL_SHOP, Bar, Contestant, peer, race

__all__ = ["a_real_shop"]

_HERE = Path(__file__).parent
_TEXTS_PER_SECOND = 1000


def a_real_shop(*, rounds: int = 3) -> list[dict[str, object]]:
    """3,432 products, 78,509 purchases and 3,422 photos of 128 pixels a side; the photos' checks beside cleanvision's."""
    if not REAL_SHOP.is_dir():
        print("../shared/data/hm is absent: the real shop is left out.")
        return []
    with (REAL_SHOP / "articles.csv").open(encoding="utf-8", newline="") as file:
        products = sum(1 for _ in csv.DictReader(file))
    limits = {"first": 3.0, "profile": 15.0, "text": products / _TEXTS_PER_SECOND, "encode": 60.0, "again": 1.0}
    with tempfile.TemporaryDirectory(prefix="tenbin-bench-") as made:
        homes = {what: str(Path(made) / ("encode" if what == "again" else what)) for what in limits}
        waits = [Contestant(f"tenbin {what}", _HERE / "ours_hm.py", (str(REAL_SHOP), homes[what], what)) for what in limits]
        bars = [Bar(f"tenbin {what}", "seconds", at_most=limit) for what, limit in limits.items()]
        races = [race(f"A real shop of {products:,} products", waits, bars, rounds=rounds)]
    photos = str(REAL_SHOP / "images")
    checks = [Contestant("tenbin check", _HERE / "ours_pictures.py", (photos,))]
    python = peer("cleanvision", "cleanvision==0.3.7")
    if python is not None:
        checks.append(Contestant("cleanvision", _HERE / "peer_cleanvision.py", (photos,), python))
    bars = [Bar("tenbin check", "seconds", at_most=15)]
    return [*races, race("Its photos, 128 pixels a side", checks, bars, rounds=rounds)]
