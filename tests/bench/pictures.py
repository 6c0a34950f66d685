"""Picture checks against cleanvision on pictures of realistic size."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from tests.bench.harness import Bar, Contestant, peer, race

__all__ = ["against_cleanvision"]

_HERE = Path(__file__).parent
_NUMBER = 1000


def against_cleanvision(*, rounds: int = 3) -> list[dict[str, object]]:
    """The same kinds of checks (size, shape, light, dark, blur, grey, low information, copies, near copies) on 1,000 JPEGs.

    Both use two cores.
    """
    python = peer("cleanvision", "cleanvision==0.3.7")
    with tempfile.TemporaryDirectory(prefix="tenbin-bench-") as made:
        _write_pictures(Path(made))
        contestants = [Contestant("tenbin check", _HERE / "ours_pictures.py", (made,))]
        bars = []
        if python is not None:
            contestants.append(Contestant("cleanvision", _HERE / "peer_cleanvision.py", (made,), python))
            bars = [Bar("tenbin check", measure, ("cleanvision",), at_least=8) for measure in ("seconds", "cpu_s")]
        return [race("1,000 JPEGs of 500 to 800 pixels a side", contestants, bars, rounds=rounds)]


def _write_pictures(folder: Path) -> None:
    """Drawn still lifes with the grain of a photo; some are blurred, dark, grey, or another saved anew."""
    rng = np.random.default_rng(0)
    scene = Image.new("RGB", (1, 1))
    for number in range(_NUMBER):
        width, height = (int(side) for side in rng.integers(500, 801, 2))
        if number % 25 or number == 0:
            scene = Image.linear_gradient("L").resize((width, height)).convert("RGB")
            draw = ImageDraw.Draw(scene)
            for _ in range(12):
                left, top = int(rng.integers(0, width - 60)), int(rng.integers(0, height - 60))
                box = (left, top, left + int(rng.integers(30, 300)), top + int(rng.integers(30, 300)))
                shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
                shape(box, fill=tuple(int(part) for part in rng.integers(0, 256, 3)))
            grain = np.asarray(scene, dtype=np.int16) + rng.integers(-9, 10, (height, width, 1), dtype=np.int16)
            scene = Image.fromarray(np.clip(grain, 0, 255).astype(np.uint8))
        kind = number % 24
        shown = scene.filter(ImageFilter.GaussianBlur(9)) if kind == 7 else scene
        shown = shown.point(lambda value: value // 10) if kind == 11 else shown.convert("L") if kind == 13 else shown
        shown.save(folder / f"{number:05d}.jpg", quality=80 + number % 15)
