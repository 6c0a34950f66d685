"""Settings that short trainings decide: worked by hand on records, and on a small world whose trainings are real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from diagnostics.probe import JobResult, jobs, plan, prepare, train_job
from diagnostics.probe.arms import choices, refusals
from diagnostics.probe.trials import AUTO, GRID, best_rate, chosen_balancer, ranked
from diagnostics.schema import Trial
from models.backbones import BACKBONES
from models.balancers import BALANCERS, UNGRADED
from tests.probe.worlds import dataset_of, run_here


def _world(n_users=60, n_items=30):
    rng = np.random.default_rng(0)
    text, image = rng.normal(size=(n_items, 4)), rng.normal(size=(n_items, 4))
    utility = rng.normal(size=(n_users, 4)) @ text.T + rng.normal(size=(n_users, 4)) @ image.T
    return dataset_of({"text": text, "image": image}, utility)


def _trial(validation, rate=1.0, balancer="none", strength=1.0):
    return Trial(learning_rate=rate, balancer=balancer, strength=strength, epochs=1, validation=validation)


def _short(made):
    return made.model_copy(update={"max_epochs": 2, "options": made.options | {"extension": 1.0}})


@pytest.mark.parametrize(
    ("validation", "rate"),
    [
        ((0.20, 0.20, 0.2199), 1.0),  # better, but by less than 10 %
        ((0.20, 0.20, 0.2201), 3.0),
        ((0.23, 0.20, 0.2201), 0.3),
        ((None, None, 0.01), 3.0),  # the usual rate diverges
        ((None, None, None), 1.0),
    ],
)
def test_the_usual_learning_rate_stays_unless_another_is_clearly_better(validation, rate):
    assert best_rate(1.0, [_trial(value, tried) for value, tried in zip(validation, (0.3, 1.0, 3.0), strict=True)]) == rate


def test_auto_takes_the_best_finalist_or_nothing():
    plain, one, other = _trial(0.2), _trial(0.21, balancer="agm"), _trial(0.22, balancer="pmr")
    assert chosen_balancer([one, other], plain) == other
    assert chosen_balancer([_trial(0.2, balancer="agm")], plain) == plain
    assert chosen_balancer([], plain) == plain
    assert ranked([one, _trial(None), other, _trial(0.22, balancer="mslr")])[0] == other  # of equals the first


def test_everything_that_auto_may_try_exists_and_is_as_strong_as_it_says():
    assert set(GRID) <= set(BALANCERS)
    assert all(strength == 1 for name in set(GRID) & UNGRADED for strength in GRID[name])
    assert choices() == (*BALANCERS, AUTO)
    made = {strength: BALANCERS["ckd"]({}, strength) for strength in (1.0, 3.0)}
    assert made[3.0]._alpha == pytest.approx(3 * made[1.0]._alpha)
    for name in BALANCERS:
        usual, strong = vars(BALANCERS[name]({})), vars(BALANCERS[name]({}, 3.0))
        changed = {key for key, value in usual.items() if isinstance(value, float) and value != strong[key]}
        assert bool(changed) != (name in UNGRADED), name


def test_what_means_nothing_is_left_out_and_named_and_the_rest_goes_on():
    dataset, _ = _world()
    made = plan(dataset, backbones=("lightgcn", "bm3", "vbpr"), balancers=("ckd", AUTO))
    assert {(one.backbone, one.balancer, one.code) for one in made.refused} == {
        (backbone, balancer, reason)
        for backbone, reason in (("lightgcn", "history_only"), ("bm3", "content_not_in_score"))
        for balancer in ("ckd", AUTO)
    }
    of = {name: [arm for arm in made.arms if arm.backbone == name] for name in ("lightgcn", "bm3", "vbpr")}
    assert [arm.modalities for arm in of["lightgcn"]] == [()]  # there is nothing to leave out
    assert [arm.balancer for arm in of["bm3"]] == ["none"] * 4 + ["ensemble"]
    assert [arm.balancer for arm in of["vbpr"]] == ["none"] * 4 + ["ensemble", "ckd", AUTO]
    assert made.arms[0].backbone != "lightgcn"  # the first is the one that is judged
    assert refusals("vbpr", ("text",), ("ckd",)) == {"ckd": "one_modality"}


def test_the_page_on_models_lists_every_combination_that_is_refused():
    page = (Path(__file__).parents[2] / "models" / "README.md").read_text(encoding="utf-8")
    for backbone in BACKBONES:
        reasons = refusals(backbone, ("text", "image"), [*BALANCERS, AUTO])
        allowed = [name for name in choices() if name not in reasons]
        methods = "all" if not reasons else ", ".join(f"`{name}`" for name in allowed)
        why = f"the others: {', '.join(f'`{code}`' for code in sorted(set(reasons.values())))} " if reasons else ""
        assert f"\n| `{backbone}` | {methods} | {why}|\n" in page


def test_presets_name_models_and_methods_that_exist():
    dataset, _ = _world()
    quick, standard, thorough = (plan(dataset, preset=name) for name in ("quick", "standard", "thorough"))

    def size(made):
        balancers = {arm.balancer for arm in made.arms} - {"none", "ensemble"}
        return len({arm.backbone for arm in made.arms}), len(balancers), len(made.seeds)

    assert size(quick) == (1, 1, 5)
    assert size(standard) == (3, 3, 5) and not standard.refused
    assert size(thorough) == (len(BACKBONES), len(choices()) - 1, 10)
    assert quick.eta_s < standard.eta_s < thorough.eta_s


def test_trials_never_see_the_test_part_and_a_run_that_goes_on_decides_the_same(tmp_path):
    dataset, blocks = _world()
    run = run_here(dataset, blocks, _short, preset="standard", backbones=("vbpr",), n_seeds=2, balancers=(AUTO,))
    trials = [job for job in jobs(run.plan) if job.stage]
    assert {job.seed for job in trials} == {run.plan.seeds[0]}
    assert run.asked() == jobs(run.plan)  # though most methods that are tried are no arms of the plan
    assert [sum(job.stage == stage for job in trials) for stage in ("rate", "heat", "final")] == [3, 11, 2]
    assert all(not run.results[job.job_id].arrays for job in trials)

    (rates,) = run.learning_rates()
    assert [trial.learning_rate / rates.default for trial in rates.tried] == pytest.approx([1 / 3, 1, 3])
    assert {summary.learning_rate for summary in run.summaries} == {rates.learning_rate}
    choice = run.chosen("vbpr")
    assert len(choice.tried) == 13
    assert choice.validation >= choice.plain
    finals = [trial for trial in choice.tried if trial.validation == choice.validation]
    assert choice.balancer == "none" or choice.balancer in {trial.balancer for trial in finals}

    # Other test pairs, the results of the trials read back: the same decision and the same model.
    job = [job for job in jobs(run.plan) if job.arm.balancer == AUTO and not job.stage][-1]
    inputs = prepare(dataset, blocks, run.plan)
    other = type(inputs)(**{**vars(inputs), "test": inputs.validation})
    *_, again = train_job(other, run.plan, job, {name: run.results[name] for name in job.needs})
    assert isinstance(again, JobResult)
    assert again.meta == run.results[job.job_id].meta


def test_methods_that_diverge_are_no_candidates(monkeypatch):
    dataset, blocks = _world(20, 10)
    made = _short(plan(dataset, preset="standard", backbones=("vbpr",), n_seeds=1, balancers=(AUTO,)))
    inputs = prepare(dataset, blocks, made)
    job = next(job for job in jobs(made) if job.stage == "rate")

    def diverge(*_, **__):
        raise FloatingPointError
        yield

    monkeypatch.setattr("diagnostics.probe.training.train", diverge)
    (result,) = train_job(inputs, made, job, {})
    assert result.meta["validation"] is None and not result.arrays
    plain = next(job for job in jobs(made) if not job.stage)
    with pytest.raises(FloatingPointError):
        list(train_job(inputs, made, plain, dict.fromkeys(plain.needs, result)))
