"""How often intervals cover the truth, by simulation: results of a probe made from users, seeds and a rest that we choose.

``python -m tests.stats.coverage`` prints, over 2,000 simulations of each, the share covered for every estimator of a probe's
results; ``tests.stats.coverage_data`` does for what is measured before any training.
"""

from __future__ import annotations

import sys

import numpy as np

from diagnostics.stats import Contrast, estimate_mean, noise_of_levels, pool_seed_noise
from diagnostics.stats.games import all_sets, shapley_weights

WORLDS = {
    "users decide": {"users": 0.3, "seeds": 0.003, "rest": 0.1},
    "seeds decide": {"users": 0.1, "seeds": 0.02, "rest": 0.1},
    "both, arms differ": {"users": 0.1, "seeds": 0.01, "rest": 0.3, "uneven": 0.5},
    "seeds shared by arms": {"users": 0.1, "seeds": 0.01, "rest": 0.1, "shared": 0.02},
    "seeds shared, and little else": {"users": 0.1, "seeds": 0.005, "rest": 0.1, "shared": 0.05},
    "hits of few items": {"users": 0.1, "seeds": 0.005, "rest": 0.0, "hits": 1.0},
}
"""Standard deviations of each part of y; ``uneven``: of the log of an arm's seed part; ``shared``: of what a seed does to all arms;
``hits``: y is 0 or 1 with that chance."""


def arms(rng: np.random.Generator, n_seeds: int, n_users: int, n_arms: int, world: dict[str, float]) -> np.ndarray:
    """Results (n_arms, n_seeds, n_users) around a mean of 0.2 for the first arm, 0.01 more for each next one."""
    shared = rng.normal(0, 0.1, n_users)
    level = 0.2 + 0.01 * np.arange(n_arms)[:, None, None]
    own = rng.normal(0, world["users"], (n_arms, 1, n_users))
    spread = world["seeds"] * np.exp(rng.normal(0, world.get("uneven", 0.0), (n_arms, 1, 1)))
    y = (
        level
        + shared
        + own
        + spread * rng.normal(size=(n_arms, n_seeds, 1))
        + world.get("shared", 0.0) * rng.normal(size=(n_seeds, 1))
        + world["rest"] * rng.normal(size=(n_arms, n_seeds, n_users))
    )
    if "hits" in world:
        chance = level + 0.05 * np.sign(own) + spread * rng.normal(size=(n_arms, n_seeds, 1))
        y = (rng.random((n_arms, n_seeds, n_users)) < chance).astype(float)
    return y


def simulate(world: dict[str, float], n: int, *, n_seeds: int, n_users: int, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Estimator -> (share of ``n`` intervals that cover the truth, their mean width)."""
    rng = np.random.default_rng(seed)
    players = ("a", "b", "c")
    sets = all_sets(players)
    weights = shapley_weights(players, "a")
    found: dict[str, list[tuple[bool, float]]] = {}
    for _ in range(n):
        y = arms(rng, n_seeds, n_users, len(sets), world)
        noise = pool_seed_noise(list(y))
        value = dict(zip(sets, y, strict=True))
        truth = {members: 0.2 + 0.01 * place for place, members in enumerate(sets)}
        share = Contrast(
            np.sum([w * value[s] for s, w in weights.items()], axis=0), noise, float(sum(w**2 for w in weights.values()))
        )
        cases = {
            "mean, alone": (estimate_mean(y[0]), truth[sets[0]]),
            "mean, pooled": (estimate_mean(y[0], noise=noise_of_levels(list(y))), truth[sets[0]]),
            "difference, alone": (Contrast.between(y[1], y[0]).estimate(), 0.01),
            "difference, pooled": (Contrast.between(y[1], y[0], noise).estimate(), 0.01),
            "shapley, pooled": (share.estimate(), sum(w * truth[s] for s, w in weights.items())),
        }
        for name, (estimate, right) in cases.items():
            assert estimate.low is not None and estimate.high is not None
            found.setdefault(name, []).append((estimate.low <= right <= estimate.high, estimate.high - estimate.low))
    return {name: (float(np.mean([c for c, _ in rows])), float(np.mean([w for _, w in rows]))) for name, rows in found.items()}


if __name__ == "__main__":
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    for label, world in WORLDS.items():
        for n_seeds in (2, 5, 10):
            for name, (covered, width) in simulate(world, n, n_seeds=n_seeds, n_users=400).items():
                sys.stdout.write(f"{label:30} {n_seeds:3} seeds  {name:20} {covered:.3f}  width {width:.4f}\n")
