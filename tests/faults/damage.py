"""Checkpoints that were damaged in every way we could think of: none is taken for whole."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from diagnostics.probe import Checkpoint
from diagnostics.runs.checkpoint import Checkpoints

__all__ = ["WAYS", "damage"]


def _checkpoint(job: str, epoch: int) -> Checkpoint:
    rng = np.random.default_rng([len(job), epoch])
    arrays = {"table": rng.normal(size=(20, 8)).astype(np.float32), "step": np.array(epoch), "state": rng.bytes(8).hex()}
    arrays["state"] = np.frombuffer(str(arrays["state"]).encode(), dtype=np.uint8)
    return Checkpoint([{"epoch": number, "loss": float(rng.random())} for number in range(epoch)], arrays)


def _truncated(path: Path, draw: random.Random) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: draw.randrange(len(data))])


def _lengthened(path: Path, draw: random.Random) -> None:
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.randint(1, 100)))


def _flipped(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)
    path.write_bytes(data)


def _zeroed(path: Path, draw: random.Random) -> None:
    data = bytearray(path.read_bytes())
    begin = draw.randrange(len(data) - 1)
    data[begin:] = bytes(len(data) - begin)
    path.write_bytes(data)


def _emptied(path: Path, draw: random.Random) -> None:
    path.write_bytes(b"")


def _removed(path: Path, draw: random.Random) -> None:
    path.unlink()


def _swapped(path: Path, draw: random.Random) -> None:
    """With the same file of another job."""
    other = path.with_name(path.name.replace("job", "other"))
    mine, theirs = path.read_bytes(), other.read_bytes()
    path.write_bytes(theirs)
    other.write_bytes(mine)


def _from_the_future(path: Path, draw: random.Random) -> None:
    """A manifest of a format that is not known yet, or tensors of a kind that is not, each with a checksum of its own kind."""
    if path.suffix == ".json":
        sealed = json.loads(path.read_text(encoding="utf-8"))
        sealed["manifest"]["format"] += draw.randint(1, 9)
        path.write_text(json.dumps(sealed), encoding="utf-8")
    else:
        path.write_bytes(path.read_bytes().replace(b'"F32"', b'"F99"'))


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (
    _truncated,
    _lengthened,
    _flipped,
    _zeroed,
    _emptied,
    _removed,
    _swapped,
    _from_the_future,
)


def damage(folder: Path, count: int, seed: int = 0) -> dict[str, int]:
    """Damages ``count`` checkpoints, the newest file or the manifest; the counts, or an AssertionError.

    A damaged newest file must give way to the one before; without a sound manifest nothing may be believed.
    """
    draw = random.Random(seed)
    counts: Counter[str] = Counter()
    for number in range(count):
        place = folder / f"damaged{number}"
        epochs = draw.randint(2, 5)
        for job in ("job", "other"):
            keeper = Checkpoints(place, "key", job)
            for epoch in range(1, epochs + 1):
                keeper.keep(lambda job=job, epoch=epoch: _checkpoint(job, epoch), now=True)
        way = WAYS[number % len(WAYS)]
        manifest = (number // len(WAYS)) % 2 == 1
        target = place / "job.json" if manifest else place / f"job.{(epochs - 1) % 2}.safetensors"
        before = target.read_bytes()
        way(target, draw)
        counts["damaged"] += 1
        assert not target.exists() or target.read_bytes() != before
        found = Checkpoints(place, "key", "job").last()
        if manifest:
            assert found is None, f"{way.__name__} of the manifest was not seen"
        else:
            expected = _checkpoint("job", epochs - 1)
            assert found is not None and found.records == expected.records, f"{way.__name__} of a checkpoint was not seen"
            assert all(np.array_equal(found.arrays[name], array) for name, array in expected.arrays.items())
        counts["detected"] += 1
        shutil.rmtree(place)
    return dict(counts)
