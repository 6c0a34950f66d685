"""When a probe may end: the answer that no further seed would change, and single comparisons that are clear before."""

from __future__ import annotations

from dataclasses import replace

from diagnostics import diagnose
from diagnostics.probe import jobs
from diagnostics.schema import Arm
from diagnostics.stats import Contrast
from diagnostics.verdict import settled_arms
from diagnostics.verdict.measures import Measures
from tests.verdict.scenes import profile_of, scene

SOUND = {"id": 0.15, "text": 0.20, "image": 0.18, "image+text": 0.23}


def _action(recall=SOUND, **options) -> str:
    dataset, run = scene(recall, **options)
    return diagnose(dataset, profile_of(dataset), run).verdict.action


def _settled(recall=SOUND, **options) -> bool:
    dataset, run = scene(recall, **options)
    return settled_arms(dataset, profile_of(dataset), run) == set(run.plan.arms)


def test_what_no_further_seed_would_change_is_settled():
    assert _settled()
    assert _settled(lift=0.03, headroom=0.03, gap=0.05)  # what was not tried stays untried
    assert _settled(n_users=40)  # too few customers, however often it is repeated


def test_what_holds_at_95_percent_alone_is_not_settled():
    assert _action(spread=0.05, seed_spread=0.0024) == "leave"
    assert not _settled(spread=0.05, seed_spread=0.0024)
    assert not _settled(lift=0.004, spread=0.1)  # an open interval


def test_further_seeds_narrow_every_comparison_of_the_judged_model():
    few, many = (
        Measures(run, dataset, "vbpr") for dataset, run in (scene(SOUND, spread=0.1), scene(SOUND, spread=0.1, n_further=5))
    )
    assert many.seeds == few.run.plan.seeds + many.run.plan.further_seeds

    def asked(one: Measures) -> list[Contrast]:
        return [one.lift("ckd"), one.headroom(), one.gap("text"), one.knock_out("text"), one.gain_alone("image")]

    for narrow, wide in zip(asked(many), asked(few), strict=True):
        assert (len(narrow.differences), len(wide.differences)) == (10, 5) and narrow.reach() < 0.8 * wide.reach()
    left_out = replace(many, left_out=many.run.plan.further_seeds[0])
    assert len(left_out.seeds) == len(left_out.lift("ckd").differences) == 9


def test_further_seeds_are_left_out_where_the_answer_does_not_rest_on_balancing():
    nothing = {"id": 0.1, "text": 0.1, "image": 0.1, "image+text": 0.1}
    assert _action(nothing, seed_spread=0.0006) == "skip_content"
    assert not _settled(nothing, seed_spread=0.0006)  # at 95 %, not at 99.9 %: the five would be followed by more of their kind
    dataset, run = scene(nothing, seed_spread=0.0006, n_further=5)
    kept = {job.job_id: run.results[job.job_id] for job in jobs(run.plan) if job.seed in run.plan.seeds}
    stopped = replace(run, results=kept, stopped_after=5)
    assert settled_arms(dataset, profile_of(dataset), stopped) == set(run.plan.arms)
    found = diagnose(dataset, profile_of(dataset), stopped)
    (finding,) = (one for one in found.findings if one.code == "balancing_not_asked")
    assert finding.values["count"] == 5 and not found.protocol.further_seeds
    dataset, run = scene(SOUND, lift=0.004, spread=0.1, n_further=5)  # whether balancing pays is open: they are what is asked for
    kept = {job.job_id: run.results[job.job_id] for job in jobs(run.plan) if job.seed in run.plan.seeds}
    assert not settled_arms(dataset, profile_of(dataset), replace(run, results=kept, stopped_after=5))


def test_a_probe_that_ended_early_says_what_the_rest_would_have_bought():
    dataset, run = scene(SOUND, n_seeds=5)
    kept = set(run.plan.seeds[:3])
    results = {job.job_id: run.results[job.job_id] for job in jobs(run.plan) if job.seed in kept}
    found = diagnose(dataset, profile_of(dataset), replace(run, results=results, stopped_after=3))
    (finding,) = (one for one in found.findings if one.code == "settled_early_balancing")
    assert (finding.values["count"], finding.values["total"]) == (3, 5)
    assert 0 < finding.values["reach_then"] < finding.values["reach"]
    assert found.protocol.seeds == run.plan.seeds[:3]
    assert not any(one.code == "cancelled_arms" for one in found.not_checked)


def _arm(*modalities: str, backbone: str = "vbpr", balancer: str = "none", variant: str = "") -> Arm:
    return Arm(backbone=backbone, modalities=modalities, balancer=balancer, variant=variant)


BOTH = ("image", "text")
OTHERS = {
    _arm(*BOTH, balancer="modality_dropout"): 0.0046,  # as much as matters: no number of seeds settles it soon
    _arm(*BOTH, balancer="pmr"): -0.05,
    _arm(*BOTH, balancer="agm"): 0.05,
    _arm(*BOTH, variant="wide"): 0.05,
    _arm(*BOTH, variant="firm"): -0.05,
    _arm(*BOTH, variant="raw"): -0.05,  # it is asked whether it loses
    _arm(*BOTH, variant="fast-text"): 0.0046,
}


def test_a_comparison_that_is_clear_is_settled_while_the_answer_is_open():
    """A test and a method that does not pay; not a method that does, for it decides, nor what is open, nor any plain model."""
    dataset, run = scene(SOUND, gap=0.0, spread=0.1, more=OTHERS)  # a gain that nothing explains is never sure
    assert settled_arms(dataset, profile_of(dataset), run) == {
        _arm(*BOTH, balancer="pmr"),
        _arm(*BOTH, variant="wide"),
        _arm(*BOTH, variant="firm"),
    }


def test_the_best_method_is_asked_to_the_end_though_it_does_not_pay():
    """The answer rests on it: without more seeds of it, what is left of doubt would stay."""
    lifts = {_arm(*BOTH, balancer="pmr"): -0.004, _arm(*BOTH, balancer="agm"): -0.024}
    dataset, run = scene(SOUND, lift=-0.034, spread=0.1, more=lifts)
    strict = Measures(run, dataset, "vbpr", level=0.999)
    assert strict.best_lift()[0] == "pmr" and strict.lift("pmr").position(strict.smallest_effect) == "below"
    found = settled_arms(dataset, profile_of(dataset), run)
    assert found == {_arm(*BOTH, balancer="agm"), _arm(*BOTH, balancer="ckd")}


def test_nothing_is_settled_against_a_plain_model_that_was_never_finished():
    plain = {_arm(*names, backbone="freedom"): 0.0 for names in ((), ("image",), ("text",), BOTH)}
    other = {_arm(*BOTH, backbone="freedom", balancer="pmr"): -0.05}
    dataset, run = scene(SOUND, gap=0.0, spread=0.1, more=OTHERS | plain | other)
    for backbone in ("vbpr", "freedom"):
        failed = {job.job_id for job in jobs(run.plan) if job.arm == _arm("image", backbone=backbone)}
        kept = {job_id: result for job_id, result in run.results.items() if job_id not in failed}
        found = settled_arms(dataset, profile_of(dataset), replace(run, results=kept))
        assert found and not any(arm.backbone == backbone for arm in found)


def test_of_other_models_every_method_whose_effect_is_clear_is_settled_and_no_plain_model():
    plain = {_arm(*names, backbone="freedom"): 0.0 for names in ((), ("image",), ("text",), BOTH)}
    lifts = {"ckd": 0.0046, "pmr": -0.05, "agm": 0.05, "ensemble": -0.05}
    other = {_arm(*BOTH, backbone="freedom", balancer=name): lift for name, lift in lifts.items()}
    dataset, run = scene(SOUND, lift=0.004, spread=0.1, more=plain | other)
    settled = {_arm(*BOTH, backbone="freedom", balancer=name) for name in ("pmr", "agm")}
    assert settled_arms(dataset, profile_of(dataset), run) == settled


def test_what_was_settled_by_itself_is_told_and_is_not_what_was_cancelled():
    dataset, run = scene(SOUND, more=OTHERS)
    assert not any(one.code == "comparisons_settled" for one in diagnose(dataset, profile_of(dataset), run).findings)
    pmr = _arm(*BOTH, balancer="pmr")
    asked = replace(run, settled_after={pmr: 3, _arm(*BOTH, variant="wide"): 5})  # of the second all five were trained
    kept = {job.job_id: run.results[job.job_id] for job in asked.asked()}
    assert len(kept) == len(run.results) - 2
    cut = diagnose(dataset, profile_of(dataset), replace(asked, status="cancelled", results=kept))
    assert not any(one.code == "comparisons_settled" for one in cut.findings)
    (cancelled,) = (one for one in cut.not_checked if one.code == "cancelled_arms")
    assert cancelled.values["count"] == 0
    found = diagnose(dataset, profile_of(dataset), replace(asked, results=kept))
    (finding,) = (one for one in found.findings if one.code == "comparisons_settled")
    assert finding.values == {"count": 1, "left_out": 2, "arms": [pmr.arm_id]}
    seeds = {arm.balancer: len(arm.seeds) for arm in found.arms if arm.modalities == BOTH and not arm.variant}
    assert (seeds["pmr"], seeds["agm"]) == (3, 5)
    (lift,) = (one for one in found.balancing.results if one.balancer == "pmr")
    assert lift.lift.high < 0
