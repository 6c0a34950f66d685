"""Pictures as 1280 numbers: EfficientNet-Lite0 without its classifier, decoded and computed in batches, one per thread."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from models.encoders.efficientnet import DIMENSIONS, INPUT_SIZE, build_graph, pretrained_weights
from models.encoders.protocol import Encoded, Step

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["ImageEncoder", "look"]

MAX_PIXELS = 50_000_000
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_BATCH = 16
_WHITE = (255, 255, 255)


@dataclass(frozen=True)
class _Look:
    """One picture, decoded: ``pixels`` uint8 (224, 224, 3), or None with the ``reason``; and what a glance tells."""

    pixels: NDArray[np.uint8] | None = None
    reason: str = ""
    width: int = 0
    height: int = 0
    brightness: float = np.nan
    contrast: float = np.nan
    sharpness: float = np.nan
    fingerprint: int = 0
    digest: int = 0


class ImageEncoder:
    """Encodes pictures given as functions that read their bytes; an unreadable picture is an absent item.

    ``facts``, one entry per item: ``reason`` ("", ``missing``, ``unreadable``, ``too_large``), ``width`` and ``height`` in pixels
    as stored, ``brightness`` and ``contrast`` (mean and deviation of grey, 0 to 255), ``sharpness`` (variance of the Laplacian, at
    the size that is encoded), ``fingerprint`` (difference hash: near-equal pictures share it),
    ``digest`` (equal bytes share it).
    """

    name: ClassVar[str] = "efficientnet-lite0"
    version: ClassVar[str] = "1"

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads or os.cpu_count() or 1

    def encode(self, values: Sequence[Callable[[], bytes] | None], *, step: Step | None = None) -> Encoded:
        """1280 numbers per picture. Cost: about 13 ms a picture and core; memory: the result and 20 MB a thread."""
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # one batch per thread: numbers do not depend on how many there are
        graph = build_graph(pretrained_weights()).SerializeToString()
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

        def encode_batch(batch: Sequence[Callable[[], bytes] | None]) -> tuple[list[_Look], NDArray[np.float32]]:
            looks = [look(read) for read in batch]
            features = np.full((len(looks), DIMENSIONS), np.nan, dtype=np.float32)
            pixels = [one.pixels for one in looks if one.pixels is not None]
            if pixels:
                scaled = (np.stack(pixels).transpose(0, 3, 1, 2).astype(np.float32) - 127) / 128
                features[[one.pixels is not None for one in looks]] = session.run(None, {"pictures": scaled})[0]
            return [replace(one, pixels=None) for one in looks], features

        result = np.empty((len(values), DIMENSIONS), dtype=np.float32)
        looks: list[_Look] = []
        pool = ThreadPoolExecutor(self._threads)
        try:
            batches = [values[begin : begin + _BATCH] for begin in range(0, len(values), _BATCH)]
            for seen, features in pool.map(encode_batch, batches):
                result[len(looks) : len(looks) + len(seen)] = features
                looks += seen
                if step:
                    step(len(looks) / len(values))
        finally:
            pool.shutdown(cancel_futures=True)
        return Encoded(result, np.array([not one.reason for one in looks], dtype=bool), _facts(looks))


def look(read: Callable[[], bytes] | None) -> _Look:
    """Decode one picture and note its facts. Whatever is wrong with it becomes a reason, never an exception."""
    if read is None:
        return _Look(reason="missing")
    from PIL import Image

    try:
        raw = read()
        with Image.open(io.BytesIO(raw), formats=_FORMATS) as picture:
            width, height = picture.size
            if width * height > MAX_PIXELS:
                return _Look(reason="too_large", width=width, height=height)
            pixels = _upright_rgb(picture)
    except Image.DecompressionBombError:
        return _Look(reason="too_large")
    except Exception:  # a decoder fed with a stranger's bytes may raise anything
        return _Look(reason="unreadable")
    digest = int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")
    return _Look(pixels, "", width, height, *_glance(pixels), digest)


def _upright_rgb(picture: Image.Image) -> NDArray[np.uint8]:
    """uint8 (224, 224, 3): turned as the camera says, transparency onto white, white bars where it is not square."""
    from PIL import Image, ImageOps

    picture.draft("RGB", (INPUT_SIZE, INPUT_SIZE))
    upright: Image.Image = ImageOps.exif_transpose(picture)
    if upright.mode.startswith("I;16"):
        upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
    if upright.has_transparency_data:
        layer = upright.convert("RGBA")
        upright = Image.alpha_composite(Image.new("RGBA", layer.size, _WHITE), layer)
    padded = ImageOps.pad(upright.convert("RGB"), (INPUT_SIZE, INPUT_SIZE), Image.Resampling.BICUBIC, color=_WHITE)
    return np.asarray(padded, dtype=np.uint8)


def _glance(pixels: NDArray[np.uint8]) -> tuple[float, float, float, int]:
    """Brightness, contrast, sharpness and the 64-bit difference hash of a decoded picture."""
    from PIL import Image

    grey = Image.fromarray(pixels).convert("L")
    full = np.asarray(grey, dtype=np.float32)
    laplacian = full[1:-1, :-2] + full[1:-1, 2:] + full[:-2, 1:-1] + full[2:, 1:-1] - 4 * full[1:-1, 1:-1]
    nine = np.asarray(grey.resize((9, 8), Image.Resampling.BOX), dtype=np.int16)
    bits = np.packbits(nine[:, 1:] > nine[:, :-1])
    return float(full.mean()), float(full.std()), float(laplacian.var()), int.from_bytes(bits.tobytes(), "big")


def _facts(looks: list[_Look]) -> dict[str, NDArray]:
    """The looks as columns."""
    kinds = {"reason": "U16", "width": "i4", "height": "i4", "fingerprint": "u8", "digest": "u8"}
    names = [name for name in _Look.__dataclass_fields__ if name != "pixels"]
    return {name: np.array([getattr(one, name) for one in looks], dtype=kinds.get(name, "f4")) for name in names}
