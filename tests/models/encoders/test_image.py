"""The network agrees with the same one in torch; pictures are decoded rightly; a bad picture is a counted absence."""

from __future__ import annotations

import io
import tracemalloc
import zlib
from functools import partial

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from models.encoders.efficientnet import blocks, build_graph, pretrained_weights
from models.encoders.glance import look
from models.encoders.image import ImageEncoder


def _torch_features(weights: dict[str, np.ndarray], pictures: torch.Tensor) -> torch.Tensor:
    """The network again, unfolded: convolution, batch norm, ReLU6 as separate torch operations, padding by explicit zeros."""
    tensors = {name: torch.from_numpy(array.copy()) for name, array in weights.items()}
    functional = torch.nn.functional

    def layer(x: torch.Tensor, conv: str, norm: str, stride: int = 1, groups: int = 1, relu: bool = True) -> torch.Tensor:
        kernel = tensors[f"{conv}.weight"]
        total = max((-(-x.shape[-1] // stride) - 1) * stride + kernel.shape[-1] - x.shape[-1], 0)
        x = functional.pad(x, [total // 2, total - total // 2] * 2)
        x = functional.conv2d(x, kernel, stride=stride, groups=groups)
        statistics = (tensors[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        x = functional.batch_norm(x, *statistics, eps=1e-3)
        return functional.relu6(x) if relu else x

    x = layer(pictures, "_conv_stem", "_bn0", stride=2)
    for index, (_, stride, expansion, before, after) in enumerate(blocks()):
        entry, name = x, f"_blocks.{index}"
        if expansion > 1:
            x = layer(x, f"{name}._expand_conv", f"{name}._bn0")
        x = layer(x, f"{name}._depthwise_conv", f"{name}._bn1", stride, groups=x.shape[1])
        x = layer(x, f"{name}._project_conv", f"{name}._bn2", relu=False)
        if stride == 1 and before == after:
            x = x + entry
    return layer(x, "_conv_head", "_bn1").mean(dim=(2, 3))


def test_the_graph_is_the_network() -> None:
    weights = pretrained_weights()
    pictures = np.random.default_rng(0).normal(0, 0.5, (2, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(build_graph(weights).SerializeToString(), providers=["CPUExecutionProvider"])
    features = session.run(None, {"pictures": pictures})[0]
    with torch.inference_mode():
        reference = _torch_features(weights, torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(features, reference, atol=1e-4)
    assert reference.std() > 0.1


def _bytes(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    return stream.getvalue()


def _look(raw: bytes):
    return look(partial(bytes, raw))


def test_transparency_becomes_white() -> None:
    seen = _look(_bytes(Image.new("RGBA", (50, 50), (0, 0, 0, 0))))
    assert seen.pixels is not None and (seen.pixels == 255).all()


def test_a_palette_with_transparency_becomes_white_too() -> None:
    picture = Image.new("P", (50, 50), 0)
    picture.putpalette([0, 0, 0] * 256)
    seen = _look(_bytes(picture, transparency=0))
    assert seen.pixels is not None and (seen.pixels == 255).all()


def test_camera_rotation_is_undone() -> None:
    picture = Image.new("RGB", (100, 100), "white")
    picture.paste((255, 0, 0), (0, 0, 100, 50))  # red on top as stored
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    seen = _look(_bytes(picture, "JPEG", exif=exif, quality=95))
    assert seen.pixels is not None
    assert seen.pixels[10, 112, 1] > 200 and seen.pixels[-10, 112, 1] < 60


def test_shape_is_kept_with_white_bars() -> None:
    seen = _look(_bytes(Image.new("RGB", (50, 200), "black")))
    assert seen.pixels is not None
    assert (seen.pixels[:, :80] == 255).all() and (seen.pixels[:, 90:130] == 0).all()
    assert (seen.width, seen.height) == (50, 200)


@pytest.mark.parametrize("mode", ["L", "CMYK", "1", "LA", "I;16"])
def test_other_colour_modes(mode: str) -> None:
    picture = (
        Image.fromarray(np.full((40, 40), 65535, np.uint16)) if mode == "I;16" else Image.new("L", (40, 40), 255).convert(mode)
    )
    seen = _look(_bytes(picture, "TIFF"))
    assert seen.reason == "" and seen.pixels is not None and seen.pixels.min() > 250


def _bomb() -> bytes:
    """A PNG that announces 20,000 x 20,000 pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = (20_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")


def _raise() -> bytes:
    raise PermissionError("no")


def test_bad_pictures_are_absent_with_a_reason_and_good_ones_stay() -> None:
    good = _bytes(Image.effect_noise((80, 80), 60).convert("RGB"), "JPEG")
    values = [
        None,
        partial(bytes, b"this is a text file"),
        partial(bytes, b""),
        partial(bytes, good[: len(good) // 2]),
        partial(bytes, _bomb()),
        partial(bytes, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"),
        _raise,
        partial(bytes, good),
    ]
    tracemalloc.start()
    encoded = ImageEncoder(threads=1).encode(values)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert encoded.facts["reason"].tolist() == ["missing", *["unreadable"] * 3, "too_large", "unreadable", "unreadable", ""]
    assert encoded.present.tolist() == [False] * 7 + [True]
    assert peak < 300_000_000


def test_glance_tells_flat_dark_sharp_and_equal() -> None:
    noise = Image.effect_noise((224, 224), 60).convert("RGB")
    flat, dark, sharp = (
        _look(_bytes(picture)) for picture in (Image.new("RGB", (224, 224), "#808080"), Image.new("RGB", (9, 9)), noise)
    )
    blurred = _look(_bytes(noise.resize((20, 20)).resize((224, 224))))
    assert flat.contrast == 0 and flat.brightness == pytest.approx(128, abs=1)
    assert dark.brightness == 0
    assert blurred.sharpness < sharp.sharpness / 20
    assert _look(_bytes(noise)).digest == sharp.digest != blurred.digest
    assert _look(_bytes(noise, "JPEG", quality=95)).digest != sharp.digest


def test_numbers_do_not_depend_on_threads() -> None:
    values = [partial(bytes, _bytes(Image.effect_noise((60, 60), 10 * seed).convert("RGB"))) for seed in range(1, 20)]
    one, two = (ImageEncoder(threads=threads).encode(values).values for threads in (1, 2))
    np.testing.assert_array_equal(one, two)
