"""The weight reader agrees with torch on the real file and refuses what it should not interpret."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from models.encoders.efficientnet import pretrained_weights
from models.encoders.legacy_weights import WeightFileError, read_legacy_weights


def _read(path: Path, raw: bytes) -> dict[str, np.ndarray]:
    path.write_bytes(raw)
    return read_legacy_weights(path, hashlib.sha256(raw).hexdigest())


def _saved(state: dict) -> bytes:
    stream = io.BytesIO()
    torch.save(state, stream, _use_new_zipfile_serialization=False)
    return stream.getvalue()


def test_reads_what_torch_wrote_also_transposed_and_shared(tmp_path: Path) -> None:
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    state = {"plain": base, "turned": base.T, "part": base[1:3, 2:4], "count": torch.tensor(7), "other": torch.randn(2, 3, 1, 1)}
    read = _read(tmp_path / "weights.pth", _saved(state))
    assert read.keys() == state.keys()
    for name, tensor in state.items():
        np.testing.assert_array_equal(read[name], tensor.numpy())


def test_the_real_file_has_the_published_shapes() -> None:
    weights = pretrained_weights()
    assert weights["_conv_stem.weight"].shape == (32, 3, 3, 3) and weights["_fc.weight"].shape == (1000, 1280)
    assert all(np.isfinite(array).all() for array in weights.values())
    assert sum(array.size for name, array in weights.items() if "running" not in name and "num_batches" not in name) == 4_652_008


def test_another_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    path.write_bytes(_saved({"a": torch.ones(2)}))
    with pytest.raises(WeightFileError, match="checksum"):
        read_legacy_weights(path, "0" * 64)


def test_a_short_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightFileError, match="ends too early"):
        _read(tmp_path / "weights.pth", _saved({"a": torch.ones(9), "b": torch.ones(9)})[:-3])


def test_a_pickle_that_would_run_code_is_refused_and_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (marker,)

    raw = b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {}, {"a": Evil()}, []))
    with pytest.raises(WeightFileError, match="not allowed"):
        _read(tmp_path / "weights.pth", raw)
    assert not marker.exists()


def test_a_tensor_that_reaches_outside_its_numbers_is_refused(tmp_path: Path) -> None:
    raw = _saved({"a": torch.arange(6, dtype=torch.float32).reshape(2, 3)})
    old, new = b"K\x02K\x03\x86", b"K\x09K\x03\x86"  # the shape (2, 3) becomes (9, 3)
    assert raw.count(old) == 1
    with pytest.raises(WeightFileError, match="outside"):
        _read(tmp_path / "weights.pth", raw.replace(old, new))
