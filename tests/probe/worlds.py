"""A dataset whose tastes we decide, and its probe run in this very process."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from diagnostics.probe import JobResult, ProbeRun, jobs, plan, prepare, train_job
from diagnostics.schema import Catalog, Dataset, FeatureBlock, InteractionLog, ProbePlan, ReadingNotes, Split
from tests.models.worlds import choices, split


def dataset_of(
    vectors: Mapping[str, np.ndarray], utility: np.ndarray, *, per_user: int = 10, seed: int = 0
) -> tuple[Dataset, list[FeatureBlock]]:
    """Users (n_users, n_items) choose by ``utility``; every modality is given as ready-made vectors, NaN rows missing."""
    rng = np.random.default_rng(seed)
    n_users, n_items = utility.shape
    pairs = choices(utility, per_user, rng)
    train, validation, test = split(pairs, rng)
    given = {name: values.astype(np.float32) for name, values in vectors.items()}
    catalog = Catalog(np.array([f"i{i}" for i in range(n_items)], dtype=object), vectors=given)
    log = InteractionLog(np.array([f"u{u}" for u in range(n_users)], dtype=object), pairs[:, 0], pairs[:, 1])
    parts = Split("user", "days_too_few", n_users, n_items, train, validation, test)
    dataset = Dataset(catalog, log, f"world{seed}", ReadingNotes(), parts)
    blocks = [FeatureBlock(m.name, m.kind, "precomputed", given[m.name], m.present) for m in catalog.modalities]
    return dataset, blocks


def run_here(
    dataset: Dataset, blocks: list[FeatureBlock], change: Callable[[ProbePlan], ProbePlan] = lambda plan: plan, **options
) -> ProbeRun:
    """Trains every job one after the other."""
    chosen = change(plan(dataset, **options))
    inputs = prepare(dataset, blocks, chosen)
    results: dict[str, JobResult] = {}
    events = []
    for job in jobs(chosen):
        for step in train_job(inputs, chosen, job, results):
            if isinstance(step, JobResult):
                results[job.job_id] = step
            else:
                events.append(step)
    return ProbeRun(chosen, "finished", tuple(events), results)
