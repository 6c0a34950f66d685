"""The long run trains what the verdict rests on, as it was trained, and nothing else."""

from __future__ import annotations

import diagnostics as tenbin
from diagnostics.probe import JobResult, ProbeRun
from diagnostics.validation.judging import LONG_SEEDS, _longer
from diagnostics.validation.worlds import World, dataset_of


def _rate_trial(rate: float, validation: float) -> JobResult:
    meta = {"stage": "rate", "backbone": "vbpr", "balancer": "none", "strength": 1.0, "epochs": 9}
    return JobResult(f"rate {rate}", {}, meta | {"learning_rate": rate, "validation": validation})


def test_the_long_run_trains_the_judged_model_as_it_was_trained_with_other_seeds():
    dataset = dataset_of(World(plant="none", size="tiny", seed=2))
    plan = tenbin.plan_probe(dataset, preset="standard")
    trials = (_rate_trial(plan.learning_rate, 0.2), _rate_trial(plan.learning_rate / 3, 0.25))
    longer = _longer(dataset, ProbeRun(plan, "finished", (), {trial.job_id: trial for trial in trials}, {}), "mmpareto")
    assert longer.learning_rate == plan.learning_rate / 3 and not longer.options["rates"]
    assert (longer.max_epochs, longer.patience, longer.l2) == (plan.max_epochs, plan.patience, plan.l2)
    assert len(longer.seeds) == LONG_SEEDS and not set(longer.seeds) & set(plan.all_seeds) and not longer.further_seeds
    assert {(arm.backbone, arm.variant) for arm in longer.arms} == {("vbpr", "")}
    assert {arm.balancer for arm in longer.arms} == {"none", "ensemble", "ckd", "mmpareto"}
    slow = _longer(dataset, ProbeRun(tenbin.plan_probe(dataset, slow_training=True), "finished", (), {}, {}), None)
    assert slow.slow_training and slow.learning_rate == plan.learning_rate / 10
