"""One look at one picture: decoded once, small, with the facts by which its quality is judged and its double recognised.

Decoding is by far the dearest part, so a JPEG is decoded at the smallest of its built-in scales that is still 224 pixels long, and
the same pixels serve the checks and the encoder. Facts are taken on the picture itself, never on the bars around it.

Sources: the 64-bit hash is the signs of the lowest cosine frequencies around their median, as in Zauner, "Implementation and
benchmarking of perceptual image hash functions", 2010; departure: the constant term is left out. Blur is the variance of the
Laplacian (Pech-Pacheco et al., ICPR 2000).
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["FACTS_VERSION", "INPUT_SIZE", "Look", "facts_of", "glance_all", "look"]

FACTS_VERSION = "3"
INPUT_SIZE = 224
MAX_PIXELS = 50_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_WHITE = (255, 255, 255)
_SIDE, _THUMB, _FREQUENCIES = 32, 8, 8
_COSINES = np.cos(np.pi / _SIDE * (np.arange(_SIDE) + 0.5) * np.arange(_FREQUENCIES)[:, None]).astype(np.float32)
_LEVELS = np.arange(256)
_MIDDLE = (_FREQUENCIES**2 - 1) // 2  # place of the median among the 63 frequencies beside the constant term
_GAP = 2.0  # a picture is first averaged down to twice the size wanted: nothing is lost for an average
_ORIENTATION = 0x0112
_BATCH = 32


@dataclass(frozen=True)
class Look:
    """One picture: ``pixels`` uint8 (224, 224, 3), or None where not wanted or where there is a ``reason``; and the facts.

    Attributes
    ----------
    reason : "" or ``missing``, ``unreadable``, ``too_large``
    width, height : pixels as stored; mode : colour channels as stored, in Pillow's words
    brightness, contrast : mean and deviation of grey, 0 to 255; darkest : grey that only 5 % of the picture falls below
    entropy : of the shades of grey, 0 to 8 bits
    sharpness : variance of the Laplacian of grey, at 224 pixels or less
    chroma : largest difference between two colour channels anywhere, 0 to 255; 0 is a picture without colour
    fingerprint : 64-bit perceptual hash: pictures that look the same differ in few bits
    thumb : uint8 (192,), the picture at 8 x 8 in three colours
    digest : equal bytes share it
    """

    pixels: NDArray[np.uint8] | None = None
    reason: str = ""
    width: int = 0
    height: int = 0
    mode: str = ""
    brightness: float = np.nan
    contrast: float = np.nan
    darkest: float = np.nan
    entropy: float = np.nan
    sharpness: float = np.nan
    chroma: float = np.nan
    fingerprint: int = 0
    thumb: NDArray[np.uint8] | tuple[int, ...] = (0,) * (_THUMB * _THUMB * 3)
    digest: int = 0


def look(read: Callable[[], bytes] | None, *, pixels: bool = True) -> Look:
    """Decode one picture and note its facts. Whatever is wrong with it becomes a reason, never an exception.

    Parameters
    ----------
    read : gives the file's bytes; None: there is no picture
    pixels : whether the encoder's input is wanted too
    """
    if read is None:
        return Look(reason="missing")
    from PIL import Image

    try:
        raw = read()
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as picture:
            seen = Look(width=picture.width, height=picture.height, mode=picture.mode)
            if picture.width * picture.height > MAX_PIXELS:
                return replace(seen, reason="too_large")
            colours = _upright_rgb(picture)
            facts = _facts(colours, raw)
            return replace(seen, **facts, pixels=_padded(colours) if pixels else None)
    except Image.DecompressionBombError:
        return Look(reason="too_large")
    except Exception:  # a decoder fed with a stranger's bytes may raise anything
        return Look(reason="unreadable")


def glance_all(
    values: Iterable[Callable[[], bytes] | None], *, threads: int, step: Callable[[int], None] | None = None
) -> dict[str, NDArray]:
    """The facts of all pictures, without encoding them. Cost: 1 to 5 ms a picture and core; ``step`` hears how many are done."""
    readers = list(values)
    looks: list[Look] = []

    def some(begin: int) -> list[Look]:
        return [look(read, pixels=False) for read in readers[begin : begin + _BATCH]]

    pool = ThreadPoolExecutor(threads)
    try:
        for seen in pool.map(some, range(0, len(readers), _BATCH)):
            looks += seen
            if step:
                step(len(looks))
    finally:
        pool.shutdown(cancel_futures=True)
    return facts_of(looks)


def facts_of(looks: list[Look]) -> dict[str, NDArray]:
    """The looks as columns, one entry per picture each; ``thumb`` is uint8 (n, 192)."""
    kinds = {"reason": "U16", "mode": "U8", "width": "i4", "height": "i4", "fingerprint": "u8", "thumb": "u1", "digest": "u8"}
    names = [field.name for field in fields(Look) if field.name != "pixels"]
    columns = {name: np.array([getattr(one, name) for one in looks], dtype=kinds.get(name, "f4")) for name in names}
    columns["thumb"] = columns["thumb"].reshape(len(looks), _THUMB * _THUMB * 3)
    return columns


def _upright_rgb(picture: Image.Image) -> Image.Image:
    """At the smallest scale that the format offers and that is 224 pixels long or more, turned as the camera says, on white."""
    from PIL import Image, ImageOps

    longest = max(picture.size)
    if longest > INPUT_SIZE:
        width, height = (max(side * INPUT_SIZE // longest, 1) for side in picture.size)
        picture.draft("RGB", (width, height))
    upright = ImageOps.exif_transpose(picture) if picture.getexif().get(_ORIENTATION, 1) != 1 else picture
    if upright.mode.startswith("I;16"):
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer)
    return upright if upright.mode == "RGB" else upright.convert("RGB")


def _small(picture: Image.Image) -> Image.Image:
    """At most 224 pixels a side."""
    from PIL import Image, ImageOps

    if max(picture.size) <= INPUT_SIZE:
        return picture
    return ImageOps.contain(picture, (INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC)


def _padded(colours: Image.Image) -> NDArray[np.uint8]:
    """uint8 (224, 224, 3): as large as fits, with white bars where the picture is not square."""
    from PIL import Image, ImageOps

    whole = ImageOps.pad(_small(colours), (INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC, color=_WHITE)
    return np.asarray(whole, dtype=np.uint8)


def _facts(colours: Image.Image, raw: bytes) -> dict[str, Any]:
    """What is judged in grey is looked at in grey alone, at 224 pixels; colours only at 32: scaling three channels costs most."""
    from PIL import Image

    grey = _small(colours.convert("L"))
    shares = np.array(grey.histogram(), dtype=np.float64) / (grey.width * grey.height)
    brightness = float(shares @ _LEVELS)
    some = shares[shares > 0]
    patch = colours.resize((_SIDE, _SIDE), Image.Resampling.BOX, reducing_gap=_GAP)
    tiny = np.asarray(patch)
    frequencies = (_COSINES @ np.asarray(patch.convert("L"), dtype=np.float32) @ _COSINES.T).ravel()
    bits = frequencies > np.sort(frequencies[1:])[_MIDDLE]
    bits[0] = False  # the constant term says how bright it is, not what it shows
    return {
        "brightness": brightness,
        "contrast": float(np.sqrt(shares @ (_LEVELS - brightness) ** 2)),
        "darkest": float(np.searchsorted(np.cumsum(shares), 0.05)),
        "entropy": float(-(some @ np.log2(some))),
        "sharpness": _sharpness(np.asarray(grey)),
        "chroma": float(_largest_difference(tiny)),
        "fingerprint": int.from_bytes(np.packbits(bits).tobytes(), "big"),
        "thumb": np.asarray(patch.reduce(_SIDE // _THUMB)).ravel(),
        "digest": int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little"),
    }


def _largest_difference(tiny: NDArray[np.uint8]) -> int:
    """Between two colour channels anywhere."""
    red, green, blue = (tiny[:, :, channel].astype(np.int16) for channel in range(3))
    return int(max(np.abs(red - green).max(), np.abs(green - blue).max(), np.abs(blue - red).max()))


def _sharpness(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian; NaN for pictures under three pixels a side."""
    if min(grey.shape) < 3:
        return float("nan")
    full = grey.astype(np.int16)
    laplacian = full[1:-1, :-2] + full[1:-1, 2:]
    laplacian += full[:-2, 1:-1]
    laplacian += full[2:, 1:-1]
    full <<= 2
    laplacian -= full[1:-1, 1:-1]
    flat = laplacian.astype(np.float32).ravel()
    return float(flat @ flat / len(flat) - (laplacian.sum(dtype=np.int64) / len(flat)) ** 2)
