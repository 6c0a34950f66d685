"""Probe results made by hand: arms whose recall we choose, so that the rule's answer is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from diagnostics.probe import JobResult, ProbeRun, jobs, plan
from diagnostics.probe.run import set_name
from diagnostics.schema import (
    Arm,
    Coverage,
    Dataset,
    Estimate,
    FeatureHealth,
    Homophily,
    ModalityProfile,
    Profile,
    Redundancy,
    Standalone,
)
from tests.probe.worlds import dataset_of

Values = Mapping[str, float]


def scene(
    recall: Values,
    *,
    lift: float = 0.0,
    headroom: float = 0.0,
    gap: float = 0.02,
    n_users: int = 2000,
    n_seeds: int = 5,
    n_further: int = 0,
    spread: float = 0.02,
    seed_spread: float = 0.0002,
    missing: Values | None = None,
    more: Mapping[Arm, float] | None = None,
    apart: bool = True,
) -> tuple[Dataset, ProbeRun]:
    """``recall`` maps sets of modalities ("id", "text", "text+image", ...) to v(S); "full" sets fill in the rest.

    ``apart``: whether the model's scores tell modalities apart. ``more``: arms beside those of the quick preset, and by how much
    their recall lies above v of their modalities.
    """
    rng = np.random.default_rng(0)
    names = sorted({name for key in recall for name in key.split("+")} - {"id"})
    vectors = {}
    n_items = 60
    for name in names:
        vectors[name] = rng.normal(size=(n_items, 3))
        vectors[name][: round(n_items * (missing or {}).get(name, 0.0))] = np.nan
    dataset, _ = dataset_of(vectors, rng.normal(size=(n_users, n_items)), per_user=4)
    made = plan(dataset, n_seeds=n_seeds)
    made = made.model_copy(update={"further_seeds": tuple(range(1, 1 + n_further)), "arms": (*made.arms, *(more or {}))})
    joint = recall[set_name(made.modalities, made.modalities)]
    taste = rng.normal(0, 0.2, n_users)
    results = {}
    for job in jobs(made):
        arm = job.arm
        meta = {
            "stage": job.stage,
            "backbone": arm.backbone,
            "balancer": arm.balancer,
            "strength": 1.0,
            "chosen": None,
            "plain": None,
            "learning_rate": made.learning_rate * job.option,
            "best_epoch": 5,
            "epochs": 9,
            "convergence": "converged",
            "validation": 0.1,
        }
        if job.stage:
            results[job.job_id] = JobResult(job.job_id, {}, meta)
            continue
        value = recall[set_name(arm.modalities, made.modalities)]
        value += (more or {}).get(arm, {"ensemble": headroom, "ckd": lift}.get(arm.balancer, 0.0))
        sets = [(), *((name,) for name in arm.modalities), arm.modalities]
        chosen = list(dict.fromkeys(sets)) if apart and arm.balancer != "ensemble" else [arm.modalities]
        rows = []
        for factual in chosen:
            mean = value
            if factual != arm.modalities:
                alone = recall[set_name(factual, made.modalities)]
                mean = alone - (gap if len(arm.modalities) > 1 else 0.0)
            noise = np.random.default_rng([job.seed, len(factual), len(arm.modalities), len(arm.balancer)])
            own = mean + noise.normal(0, seed_spread)
            rows.append(own + taste + noise.normal(0, spread, n_users))
        arrays = {"recall": np.array(rows), "ndcg": np.array(rows) / 2}
        meta["sets"] = [set_name(s, made.modalities) for s in chosen]
        results[job.job_id] = JobResult(job.job_id, arrays, meta)
    assert joint > 0
    return dataset, ProbeRun(made, "finished", (), results)


def profile_of(
    dataset: Dataset,
    *,
    own: Values | None = None,
    disguised: Values | None = None,
    length: Values | None = None,
    own_share: Values | None = None,
    kinship: Values | None = None,
    overlap: float | None = None,
    popularity: float = 0.0,
) -> Profile:
    """A profile in which every modality has a clear signal of its own unless ``own`` says otherwise.

    ``own_share``: modality -> what only it tells; ``kinship``: how much likelier alike products are bought together; ``overlap``:
    how much of each one's vectors the other foretells. All are left unmeasured where they are not given. ``popularity``: the recall
    of what sells.
    """
    modalities = []
    for modality in dataset.catalog.modalities:
        lift = (own or {}).get(modality.name, 0.05)
        alone = Estimate(value=0.02 + lift, low=0.01 + lift, high=0.03 + lift, n=1000)
        floor = Estimate(value=0.02, low=0.01, high=0.03, n=1000)
        difference = Estimate(value=lift, low=lift - 0.01, high=lift + 0.01, n=1000, unit="difference")
        norm = (length or {}).get(modality.name, 1.0)  # the others' is 1
        health = FeatureHealth(
            dimensions=3,
            encoder="precomputed",
            norm_mean=norm,
            norm_cv=0.1,
            norm_ratio=norm if len(dataset.catalog.modalities) > 1 else None,
            dead_dimensions=0.0,
            mean_cosine=0.0,
            effective_rank=3.0,
        )
        share = float(modality.present.mean())
        stand_ins = (disguised or {}).get(modality.name, 0.0)
        coverage = Coverage(items=share - stand_ins, interactions=share - stand_ins, disguised=stand_ins)
        modalities.append(
            ModalityProfile(
                name=modality.name,
                kind=modality.kind,
                coverage=coverage,
                health=health,
                standalone=Standalone(recall_at_20=alone, permuted_floor=floor, lift=difference),
                own_share=_around((own_share or {}).get(modality.name)),
                homophily=None if kinship is None else Homophily(overlap=floor, chance=floor, lift=_around(kinship[modality.name])),
            )
        )
    baselines = {"popularity": {"recall_at_20": Estimate(value=popularity)}}
    return Profile(modalities=tuple(modalities), baselines=baselines, redundancy=_pairs(modalities, overlap))


def _around(value: float | None, reach: float = 0.03) -> Estimate | None:
    return None if value is None else Estimate(value=value, low=value - reach, high=value + reach, n=60)


def _pairs(modalities: list[ModalityProfile], overlap: float | None) -> tuple[Redundancy, ...]:
    r2, other = _around(overlap), Estimate(value=0.1, low=0.05, high=0.15, n=60)
    if r2 is None:
        return ()
    return tuple(
        Redundancy(
            modalities=(one.name, two.name),
            cka=other,
            second_from_first=r2,
            first_from_second=r2,
            neighbour_overlap=other,
            neighbour_chance=other,
            n_items=60,
        )
        for one, two in combinations(modalities, 2)
    )
