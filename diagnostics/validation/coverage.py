"""How often the verdict's intervals hold the truth, where the truth is known because we draw from it.

A long run's results are taken for the world as it is: its seeds and its customers are all there are, and a measure's mean over them
is the truth. A probe is then a draw of a few seeds and as many customers, both with replacement, and its intervals are made as for
any probe, by the very measures of the verdict. Results of real trainings keep whatever is odd about them, a formula would not.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from diagnostics.probe import JobResult, ProbeRun, jobs
from diagnostics.schema import Dataset
from diagnostics.seeds import generator
from diagnostics.stats import Contrast
from diagnostics.verdict.measures import Measures

__all__ = ["covered"]


def covered(dataset: Dataset, run: ProbeRun, *, n_seeds: int, n_draws: int, seed: int = 0) -> dict[str, tuple[int, int]]:
    """Estimator -> (draws whose 95 % interval held the truth, draws).

    Parameters
    ----------
    run : a long run of which every job finished
    n_seeds : of a probe

    Notes
    -----
    Cost: about ten intervals a draw, some milliseconds each.
    """
    backbone = run.plan.arms[0].backbone
    truth = {name: contrast.value for name, contrast in _contrasts(Measures(run, dataset, backbone)).items()}
    held = dict.fromkeys(truth, 0)
    for number in range(n_draws):
        drawn = _draw(run, n_seeds, generator(seed, "coverage", number))
        for name, contrast in _contrasts(Measures(drawn, dataset, backbone)).items():
            low, high = contrast.bounds()
            held[name] += low <= truth[name] <= high
    return {name: (count, n_draws) for name, count in held.items()}


def _contrasts(measures: Measures) -> dict[str, Contrast]:
    """Every kind of comparison that the rules look at, once."""
    name = measures.modalities[0]
    found = {
        "content_gain": measures.content_gain(),
        "gain_alone": measures.gain_alone(name),
        "knock_out": measures.knock_out(name),
        "contribution": measures.contribution(name)[1],
        "gap": measures.gap(name),
    }
    if measures.balancers():
        found |= {"lift": measures.lift(measures.balancers()[0]), "headroom": measures.headroom()}
    return found


def _draw(run: ProbeRun, n_seeds: int, rng: np.random.Generator) -> ProbeRun:
    """A probe of a few seeds and as many customers as the run has, drawn with replacement."""
    n_users = next(iter(run.results.values())).arrays["recall"].shape[-1]
    users = rng.integers(0, n_users, n_users)
    chosen = rng.choice(run.plan.seeds, n_seeds)
    plan = run.plan.model_copy(update={"seeds": tuple(range(n_seeds))})
    results = {}
    for job in jobs(plan):
        found = run.results[replace(job, seed=int(chosen[job.seed])).job_id]
        arrays = {name: found.arrays[name][..., users] for name in ("recall", "ndcg")}
        results[job.job_id] = JobResult(job.job_id, arrays, found.meta)
    return ProbeRun(plan, run.status, (), results)
