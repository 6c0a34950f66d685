"""What checkpoints cost, beside the training that they protect, and how much of it a kill would have taken away."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from diagnostics.probe.checkpoint import checkpoint
from diagnostics.runs.checkpoint import Checkpoints
from models.backbones import BACKBONES
from models.backbones.protocol import Features
from models.balancers import BALANCERS
from models.ranking import UserItems
from models.training import Course, Interactions, Settings, train

__all__ = ["overhead"]

SIZES = {"small": (1500, 600, 25_000), "baby": (19_445, 7_050, 118_551)}  # users, items, pairs: a sample shop, Amazon's Baby


def overhead(folder: Path, *, seconds: float = 60.0) -> dict[str, float]:
    """Trains for about ``seconds`` each: share of the time that checkpoints took, and the longest stretch between two (s)."""
    found: dict[str, float] = {}
    for size, (n_users, n_items, n_pairs) in SIZES.items():
        rng = np.random.default_rng(0)
        flat = rng.choice(n_users * n_items, n_pairs, replace=False)
        pairs = np.column_stack([flat // n_items, flat % n_items]).astype(np.int32)
        held_out = pairs[rng.choice(n_pairs, min(2000, n_users), replace=False)]
        features = {
            name: Features(rng.normal(size=(n_items, 128)).astype(np.float32), np.ones(n_items, dtype=bool)) for name in "ab"
        }
        validation = UserItems.from_pairs(held_out, n_users)
        data = Interactions(pairs, UserItems.from_pairs(pairs, n_users), validation, validation.users)
        for name in ("vbpr", "freedom", "mgcn"):
            kind = BACKBONES[name]
            model, none, course = kind(n_users, n_items, features, train=pairs), BALANCERS["none"]({}), Course()
            settings = Settings(10**6, 10**6, int(kind.defaults["batch_size"]))
            training = train(model, data, none, settings, seed=0, course=course)
            next(training)  # compiled
            keeper = Checkpoints(folder / size, "key", name)
            began = last = time.perf_counter()
            spent, epochs, kept, longest = 0.0, 0, 0, 0.0
            while time.perf_counter() - began < seconds:
                next(training)
                epochs += 1
                before = time.perf_counter()
                entries = list(keeper._kept)
                keeper.keep(lambda: checkpoint(course, model, none))  # noqa: B023  (called at once)
                spent += time.perf_counter() - before
                if keeper._kept != entries:
                    kept, longest, last = kept + 1, max(longest, before - last), before
            total = time.perf_counter() - began
            training.close()
            found |= {
                f"{size}.{name}.share": round(spent / (total - spent), 4),
                f"{size}.{name}.epoch_s": round((total - spent) / epochs, 3),
                f"{size}.{name}.kept": kept,
                f"{size}.{name}.longest_between_s": round(longest, 1),
            }
    return found
