"""The learning engine on a log of Amazon Baby's shape, against textbook loops and ``implicit``; every contestant on one thread."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.harness import REAL_SHOP, ROOT, Bar, Contestant, peer, race

__all__ = ["PARTS", "everything", "part", "quality_of_a_real_shop"]

_HERE = Path(__file__).parent
_MOST_MEMORY = 1500  # MB, of any backbone


def _vbpr(folder: Path, rounds: int) -> list[dict[str, object]]:
    """An epoch of VBPR in batches of 2,048: against the raw-feature loop, ``implicit`` and its roofline, plain and with ``ckd``."""
    ours = "tenbin vbpr"
    contestants = [
        _ours(ours, folder, "epoch", "vbpr", "2048"),
        _ours("tenbin vbpr + ckd", folder, "ckd", "vbpr", "2048"),
        _ours("roofline", folder, "roofline", "vbpr", "2048"),
        _textbook("vbpr", folder),
    ]
    bars = [
        Bar(ours, "seconds", ("textbook vbpr",), at_least=30),
        Bar(ours, "seconds", ("roofline",), at_least=0.6),
        Bar(ours, "seconds", ("tenbin vbpr + ckd",), at_most=1.5),
        Bar(ours, "peak_mb", at_most=_MOST_MEMORY),
    ]
    python = peer("implicit", "implicit==0.7.2", "numpy", "scipy")
    if python is not None:
        contestants.append(Contestant("implicit bpr", _HERE / "peer_implicit.py", (str(folder),), python))
        bars.append(Bar("implicit bpr", "seconds", (ours,), at_most=8))
    return [race("VBPR, an epoch", contestants, bars, rounds=rounds)]


def _graphs(folder: Path, rounds: int) -> list[dict[str, object]]:
    """An epoch of LightGCN and of FREEDOM in the batches that they suggest, against their textbook loops."""
    return _epochs(folder, "LightGCN and FREEDOM, an epoch", {"lightgcn": (16384, 20), "freedom": (8192, 12)}, rounds)


def _others(folder: Path, rounds: int) -> list[dict[str, object]]:
    """An epoch of the five other multimodal models, each in its suggested batch or 8,192, against their textbook loops."""
    return _epochs(
        folder, "Other models, an epoch", dict.fromkeys(("mmgcn", "grcn", "lattice", "bm3", "mgcn"), (8192, 8.0)), rounds
    )


def _ranking(folder: Path, rounds: int) -> list[dict[str, object]]:
    """Exact Recall@20 and NDCG@20 of 19,445 users: against scores, top-k and vectorised metrics, and all branches against one."""
    script = _HERE / "textbook_ranking.py"
    contestants = [
        _ours("tenbin", folder, "rank", "1"),
        _ours("tenbin, 3 branches", folder, "rank", "3"),
        Contestant("torch", script, (str(folder), "full")),
        Contestant("scores alone", script, (str(folder), "gemm")),
    ]
    bars = [
        Bar("tenbin", "seconds", ("torch",), at_least=5),
        Bar("tenbin", "seconds", ("scores alone",), at_least=1),
        Bar("tenbin", "seconds", ("tenbin, 3 branches",), at_most=1.3),
    ]
    return [race("Full ranking", contestants, bars, rounds=rounds)]


def _arms(folder: Path, rounds: int) -> list[dict[str, object]]:
    """Four arms of VBPR with five seeds each, trained until validation stops improving, on two cores; on a GPU if it is there."""
    import torch

    contestants, bars = [_ours("tenbin 4 x 5", folder, "arms", "vbpr")], [Bar("tenbin 4 x 5", "seconds", at_most=60)]
    if torch.cuda.is_available():
        contestants.append(_ours("tenbin 4 x 5, stacked", folder, "stack", "cuda"))
        bars.append(Bar("tenbin 4 x 5, stacked", "seconds", at_most=15))
    return [race("VBPR, 4 arms x 5 seeds", contestants, bars, rounds=rounds)]


def _quality(folder: Path, rounds: int, batches: dict[str, int] | None = None) -> list[dict[str, object]]:
    """Best validation Recall@20 of whole trainings, ours and the raw-feature loops', a seed for each round. Takes hours.

    ``batches``: model -> our batch size, 0 for the suggested one; as in the races where not given.
    """
    races = []
    raced = {"vbpr": 2048, "lightgcn": 16384, "lightgcn_content": 8192, "freedom": 8192}
    for name, batch in (batches or raced).items():
        for seed in range(rounds):
            contestants = [
                _ours(f"tenbin {name}", folder, "quality", name, str(batch), str(seed)),
                _textbook(name, folder, "quality", seed),
            ]
            races.append(race(f"{name}, best validation recall, seed {seed}", contestants, rounds=1))
    return races


def quality_of_a_real_shop(*, rounds: int = 3) -> list[dict[str, object]]:
    """The same on H&M, in suggested batches."""
    if not REAL_SHOP.is_dir():
        print("../shared/data/hm is absent: the real shop is left out.")
        return []
    with _log(REAL_SHOP) as folder:
        return _quality(folder, rounds, dict.fromkeys(("vbpr", "lightgcn", "lightgcn_content", "freedom"), 0))


@contextmanager
def _log(shop: Path | None = None) -> Iterator[Path]:
    """The generated log, or a real shop's, with projected features and a trained VBPR."""
    with tempfile.TemporaryDirectory(prefix="tenbin-bench-") as made:
        folder = Path(made)  # made by another process: a child's peak of memory would begin at ours
        print("  making the log, projecting features and training the model whose rankings are raced", file=sys.stderr, flush=True)
        subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                str(_HERE / "ours_learning.py"),
                str(folder),
                "prepare",
                *([str(shop)] if shop else []),
            ],
            check=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.DEVNULL,
        )
        yield folder


def _epochs(folder: Path, title: str, models: dict[str, tuple[int, float]], rounds: int) -> list[dict[str, object]]:
    """``models``: name -> our batch size and the ratio to reach."""
    contestants, bars = [], []
    for name, (batch, faster) in models.items():
        ours = f"tenbin {name}"
        contestants += [_ours(ours, folder, "epoch", name, str(batch)), _textbook(name, folder)]
        bars += [
            Bar(ours, "seconds", (f"textbook {name}",), at_least=faster),
            Bar(ours, "peak_mb", at_most=_MOST_MEMORY),
        ]
    return [race(title, contestants, bars, rounds=rounds)]


def _ours(name: str, folder: Path, *arguments: str) -> Contestant:
    return Contestant(name, _HERE / "ours_learning.py", (str(folder), *arguments))


def _textbook(name: str, folder: Path, what: str = "epoch", seed: int = 0) -> Contestant:
    return Contestant(f"textbook {name}", _HERE / "textbook_run.py", (str(folder), name, what, str(seed)))


PARTS: dict[str, Callable[[Path, int], list[dict[str, object]]]] = {
    "vbpr": _vbpr,
    "graphs": _graphs,
    "others": _others,
    "ranking": _ranking,
    "arms": _arms,
    "quality": _quality,
}
"""Name -> a function that takes the folder of the log and the number of rounds, and returns what its races measured."""


def part(name: str) -> Callable[..., list[dict[str, object]]]:
    """One of ``PARTS`` by itself, on a log of its own."""

    def alone(*, rounds: int = 3) -> list[dict[str, object]]:
        with _log() as folder:
            return PARTS[name](folder, rounds)

    return alone


def everything(*, rounds: int = 3) -> list[dict[str, object]]:
    """All parts but ``quality``, which takes hours, on one log."""
    with _log() as folder:
        return [found for name, run in PARTS.items() if name != "quality" for found in run(folder, rounds)]
