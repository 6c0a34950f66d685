"""The rule: each action from results made for it, innocent results left alone, and confidence that falls when it must."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from diagnostics import diagnose
from diagnostics.probe import JobResult, ProbeRun, jobs
from diagnostics.probe.run import set_name
from diagnostics.schema import Arm, Diagnosis
from diagnostics.verdict.measures import Measures
from tests.verdict.scenes import profile_of, scene

SOUND = {"id": 0.15, "text": 0.20, "image": 0.18, "image+text": 0.23}


def _judge(recall=SOUND, *, profile=None, **options) -> Diagnosis:
    dataset, run = scene(recall, **options)
    return diagnose(dataset, profile_of(dataset, **(profile or {})), run)


def _statuses(diagnosis: Diagnosis) -> dict[str, str]:
    return {modality.name: modality.status for modality in diagnosis.modalities}


def _causes(diagnosis: Diagnosis, name: str) -> list[str]:
    return [cause.code for modality in diagnosis.modalities if modality.name == name for cause in modality.causes]


def test_sound_shop_is_left_alone_and_nobody_is_accused():
    found = _judge()
    assert (found.verdict.action, found.balancing.recommended) == ("leave", False)
    assert found.verdict.confidence == "high"
    assert not any(modality.causes for modality in found.modalities)
    assert _statuses(found) == {"text": "dominant", "image": "healthy"}


def test_harmful_balancing_is_called_harmful():
    found = _judge(lift=-0.02)
    assert found.verdict.action == "leave"
    assert found.verdict.sentence_message.code == "verdict.leave.harms"


def test_rebalance_needs_all_four_conditions_and_is_never_surer_than_what_was_tested():
    found = _judge(lift=0.03, headroom=0.03, gap=0.05)
    assert (found.verdict.action, found.balancing.recommended) == ("rebalance", True)
    assert all(condition.holds for condition in found.verdict.conditions)
    assert found.verdict.confidence == "medium"  # learning rate and width were not tested
    assert "suppressed" in _causes(found, found.verdict.modality)


def test_a_gain_without_a_unique_part_is_never_said_to_free_what_was_held_back():
    nothing_new = {"id": 0.15, "text": 0.20, "image": 0.18, "image+text": 0.20}
    found = _judge(nothing_new, lift=0.03, headroom=0.03, gap=0.05)
    assert not next(c for c in found.verdict.conditions if c.code == "unique_part").holds
    assert found.verdict.sentence_message.code == "verdict.rebalance.unexplained" and found.verdict.confidence != "high"


def test_data_tell_that_a_modality_has_something_of_its_own_where_trained_models_leave_it_open():
    hardly_used = {"id": 0.15, "text": 0.20, "image": 0.18, "image+text": 0.202}
    balanced = {"lift": 0.03, "headroom": 0.03, "gap": 0.05, "spread": 0.1}
    silent = _judge(hardly_used, **balanced)
    assert silent.verdict.sentence_message.code == "verdict.rebalance.unexplained"
    (condition,) = (one for one in silent.verdict.conditions if one.code == "unique_part")
    assert condition.holds is None and condition.low < 0 < condition.high
    told = _judge(hardly_used, profile={"own_share": {"image": 0.3, "text": 0.6}}, **balanced)
    assert (told.verdict.action, told.verdict.modality) == ("rebalance", "image")
    assert told.verdict.sentence_message.code == "verdict.rebalance.confirmed" and _causes(told, "image") == ["suppressed"]
    (condition,) = (one for one in told.verdict.conditions if one.code.startswith("unique_part"))
    assert (condition.code, condition.value, condition.holds, condition.unit) == ("unique_part_told", 0.3, True, "share")
    assert all(one.holds for one in told.verdict.conditions)
    assert "own_share" in {entry.measure for one in told.modalities for cause in one.causes for entry in cause.evidence}


def test_data_do_not_outweigh_trained_models_that_lose_nothing_without_it():
    nothing_new = {"id": 0.15, "text": 0.20, "image": 0.18, "image+text": 0.20}
    found = _judge(nothing_new, lift=0.03, headroom=0.03, gap=0.05, profile={"own_share": {"image": 0.3, "text": 0.6}})
    assert found.verdict.sentence_message.code == "verdict.rebalance.unexplained" and not _causes(found, "image")


@pytest.mark.parametrize("few", [{"n_seeds": 1}, {"n_users": 100}])
def test_what_repeats_others_is_not_surely_so_by_one_seed_or_few_customers(few):
    recall = {"id": 0.15, "text": 0.20, "image": 0.17, "image+text": 0.19}
    repeats = {"own_share": {"image": 0.01, "text": 0.6}, "overlap": 0.3}
    sure, less = (_judge(recall, profile=repeats, spread=0.004, **options).verdict for options in ({}, few))
    assert (sure.action, sure.confidence) == ("leave", "high")
    assert less.action == "leave" and less.confidence != "high"


def test_a_method_that_is_shown_to_win_is_not_passed_over_for_one_that_may(monkeypatch):
    dataset, run = scene(SOUND, lift=0.01)
    measures = Measures(run, dataset, "vbpr")
    shown = measures.lift("ckd")
    wild = np.random.default_rng(0).normal(0, 2.0, shown.differences.shape)
    other = replace(shown, differences=wild - wild.mean() + shown.value + 0.002)
    monkeypatch.setattr(Measures, "lifts", lambda _: {"other": other, "ckd": shown})
    assert other.value > shown.value and other.position(measures.smallest_effect) == "open"
    assert measures.best_lift()[0] == "ckd"


def test_the_result_names_the_method_that_the_verdict_is_about(monkeypatch):
    dataset, run = scene(SOUND, lift=0.01)
    assert diagnose(dataset, profile_of(dataset), run).balancing.method == "ckd"
    monkeypatch.setattr(Measures, "lifts", lambda measures: {"other": measures.lift("ckd")})
    assert diagnose(dataset, profile_of(dataset), run).balancing.method == "other"


def test_a_gap_that_can_be_told_is_room_enough_beside_a_larger_headroom_that_cannot():
    options = {"lift": 0.03, "gap": 0.05, "headroom": 0.06}
    dataset, run = scene(SOUND, **options)
    wild, results = np.random.default_rng(0).normal(0, 9.0, 2000), dict(run.results)
    for job in jobs(run.plan):
        if job.arm.balancer == "ensemble":
            shaken = results[job.job_id].arrays["recall"] + wild - wild.mean()
            arrays = results[job.job_id].arrays | {"recall": shaken}
            results[job.job_id] = replace(results[job.job_id], arrays=arrays)
    found = diagnose(dataset, profile_of(dataset), replace(run, results=results))
    room = found.verdict.conditions[0]
    assert found.balancing.headroom.value > room.value > room.threshold
    assert (room.code, room.holds) == ("branch_lags", True)
    assert _judge(**options).verdict.conditions[0].code == "room_to_improve"


def test_missing_values_that_would_help_are_to_be_fixed():
    found = _judge(missing={"text": 0.5})
    assert (found.verdict.action, found.verdict.modality) == ("fix_data", "text")
    assert _causes(found, "text") == ["missing"]
    assert _statuses(found)["text"] == "incomplete"


def test_placeholders_count_as_missing():
    found = _judge(profile={"disguised": {"image": 0.4}})
    assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
    assert found.verdict.sentence_message.code.startswith("verdict.fix_data.disguised")


def test_missing_values_that_would_not_help_are_not():
    useless = {"id": 0.15, "text": 0.20, "image": 0.15, "image+text": 0.20}
    found = _judge(useless, missing={"image": 0.5}, profile={"own": {"image": 0.0}})
    assert found.verdict.modality != "image" or found.verdict.action != "fix_data" or "uninformative" in _causes(found, "image")


def test_an_uninformative_modality_is_named_when_another_one_speaks():
    useless = {"id": 0.15, "text": 0.20, "image": 0.15, "image+text": 0.20}
    found = _judge(useless, profile={"own": {"image": 0.0}})
    assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
    assert _causes(found, "image") == ["uninformative"]
    assert not _causes(found, "text")


def test_a_redundant_modality_is_left_alone():
    twin = {"id": 0.15, "text": 0.20, "image": 0.20, "image+text": 0.20}
    found = _judge(twin)
    assert found.verdict.action == "leave"
    assert _causes(found, "image") == ["redundant"] and _causes(found, "text") == ["redundant"]


def test_content_that_adds_nothing_is_skipped_and_its_two_reasons_are_told_apart():
    flat = dict.fromkeys(SOUND, 0.15)
    irrelevant = _judge(flat, profile={"own": {"image": 0.0, "text": 0.0}})
    assert irrelevant.verdict.action == "skip_content"
    assert irrelevant.verdict.sentence_message.code == "verdict.skip_content.irrelevant"
    unused = _judge(flat)
    assert unused.verdict.action == "skip_content"
    assert unused.verdict.sentence_message.code == "verdict.skip_content.unused"
    assert _statuses(unused) == {"text": "unused", "image": "unused"}
    assert unused.verdict.confidence == "medium"  # one backbone only


def test_another_order_of_magnitude_is_a_fault_of_the_data():
    for length in (900.0, 1 / 900):
        found = _judge(profile={"length": {"image": length}})
        assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
        assert _causes(found, "image") == ["scale_mismatch"] and _causes(found, "text") == []


def test_too_few_users_is_undetermined():
    found = _judge(n_users=30)
    assert (found.verdict.action, found.verdict.confidence) == ("undetermined", "low")
    assert found.balancing.recommended is None
    assert [reason.code for reason in found.verdict.reasons] == ["reason.too_little"]  # and no number that nobody can rely on


def test_an_open_interval_promises_nothing():
    found = _judge(lift=0.005, headroom=0.02, seed_spread=0.006)
    assert found.verdict.action == "undetermined"
    assert found.balancing.recommended is None


def test_no_room_is_enough_to_leave_but_not_to_be_sure():
    found = _judge(lift=0.0, headroom=-0.04, seed_spread=0.006)
    assert found.verdict.sentence_message.code == "verdict.leave.no_room"
    assert found.verdict.confidence == "medium"


def test_no_room_does_not_outweigh_a_gain_that_is_shown_if_only_a_small_one():
    """As in very sparse shops, where balanced models beat joint and separate ones alike."""
    found = _judge(lift=0.007, headroom=-0.04, seed_spread=0.0025)
    low, high = found.balancing.results[0].lift.low, found.balancing.results[0].lift.high
    smallest = next(one for one in found.verdict.conditions if one.code == "on_off_confirms").threshold
    assert 0 < low < smallest < high
    assert (found.verdict.action, found.verdict.sentence_message.code) == ("undetermined", "verdict.undetermined.open")


def test_what_is_advised_is_what_narrows_the_interval():
    noisy_trainings = _judge(lift=0.012, headroom=0.03, seed_spread=0.006, n_users=4000)
    noisy_customers = _judge(lift=0.006, headroom=0.03, spread=0.15, n_users=4000)
    for found, advised in ((noisy_trainings, "more_seeds"), (noisy_customers, "more_users")):
        assert (found.verdict.action, found.verdict.sentence_message.code) == ("undetermined", "verdict.undetermined.open")
        assert [step.code for step in found.verdict.next_steps] == [advised]


def test_noise_lowers_confidence():
    order = ("low", "medium", "high")
    quiet, noisy = _judge(), _judge(n_users=200, spread=0.2)
    assert order.index(noisy.verdict.confidence) < order.index(quiet.verdict.confidence)


def test_one_kind_of_information_has_nothing_to_balance():
    found = _judge({"id": 0.15, "text": 0.2})
    assert found.verdict.action == "leave"
    assert found.balancing.results == ()
    codes = {entry.code for entry in found.not_checked}
    assert "balancing" in codes and "slow_training" not in codes


def test_several_kinds_might_need_less_balancing_if_they_were_trained_slowly():
    dataset, run = scene(SOUND, lift=0.03, headroom=0.03)
    slow = ProbeRun(run.plan.model_copy(update={"slow_training": True}), run.status, run.events, run.results)
    for one in (run, slow):
        found, slowly = diagnose(dataset, profile_of(dataset), one), one is slow
        assert ("slow_training" in {entry.code for entry in found.not_checked}) is not slowly
        assert found.verdict.action == "rebalance" and found.protocol.slow_training is slowly
        assert found.protocol.max_epochs == 2 * one.plan.max_epochs  # what still gains goes on
        assert ("repeat_slowly" in {step.code for step in found.verdict.next_steps}) is not slowly


def test_what_wrong_values_cost_is_told_for_each_share_that_was_tried():
    dataset, run = scene(SOUND)
    bare = diagnose(dataset, profile_of(dataset), run)
    assert "dose_response" in {entry.code for entry in bare.not_checked}
    assert not any(one.dose_response for one in bare.modalities)

    lost = {"permuted:0.25": 0.004, "permuted:0.5": 0.01, "permuted:0.75": 0.017, "permuted": 0.03}
    joint = Arm(backbone="vbpr", modalities=run.plan.modalities)
    results = dict(run.results)
    for job in jobs(run.plan):
        if job.arm == joint and not job.stage:
            found = results[job.job_id]
            whole = found.arrays["recall"][found.meta["sets"].index(set_name(joint.modalities, joint.modalities))]
            rows = np.array([whole - value for value in lost.values()])
            told = {"replaced": [["text", kind] for kind in lost]}
            results[job.job_id] = JobResult(job.job_id, found.arrays | {"replaced": rows}, found.meta | told)
    asked = run.plan.model_copy(update={"options": run.plan.options | {"doses": [0.25, 0.5, 0.75]}})
    found = diagnose(dataset, profile_of(dataset), ProbeRun(asked, run.status, run.events, results))
    assert "dose_response" not in {entry.code for entry in found.not_checked}
    text, image = (next(one for one in found.modalities if one.name == name) for name in ("text", "image"))
    assert list(text.dose_response) == ["0.25", "0.5", "0.75", "1"] and image.dose_response == {}
    for one, value in zip(text.dose_response.values(), lost.values(), strict=True):
        assert one.value == pytest.approx(value, abs=1e-6) and one.low <= one.value <= one.high
    assert text.dose_response["1"] == text.replacement["permuted"]


def test_a_seed_that_lost_an_arm_is_left_out_of_every_comparison():
    dataset, run = scene(SOUND)
    lost = next(job.job_id for job in jobs(run.plan) if job.arm.modalities == ("text",) and job.seed == run.plan.seeds[2])
    results = {name: result for name, result in run.results.items() if name != lost}
    partial = ProbeRun(run.plan, "cancelled", (), results, {lost: "FloatingPointError"})
    assert Measures(partial, dataset, "vbpr").seeds == (*run.plan.seeds[:2], *run.plan.seeds[3:])
    found = diagnose(dataset, profile_of(dataset), partial)
    assert any(finding.code == "arms_failed" for finding in found.findings)
    assert any(entry.code == "cancelled_arms" for entry in found.not_checked)


def test_nothing_finished_is_undetermined_not_a_crash():
    dataset, run = scene(SOUND)
    found = diagnose(dataset, profile_of(dataset), ProbeRun(run.plan, "cancelled", (), {}))
    assert found.verdict.action == "undetermined"
    assert set(_statuses(found).values()) == {"undetermined"}


def test_shapley_equals_the_mean_over_all_orders_and_adds_up():
    values = {"id": 0.1, "a": 0.2, "b": 0.15, "c": 0.1, "a+b": 0.22, "a+c": 0.21, "b+c": 0.16, "a+b+c": 0.25}
    dataset, run = scene(values, n_users=200)
    measures = Measures(run, dataset, "vbpr")
    found = {name: measures.contribution(name) for name in measures.modalities}
    assert {method for method, _ in found.values()} == {"shapley"}
    for name, (_, contrast) in found.items():
        marginal = []
        for order in permutations(measures.modalities):
            before = order[: order.index(name)]
            marginal.append(measures.recall(*before, name) - measures.recall(*before))
        np.testing.assert_allclose(contrast.differences, np.mean(marginal, axis=0), atol=1e-12)
    total = sum(contrast.differences for _, contrast in found.values())
    np.testing.assert_allclose(total, measures.content_gain().differences, atol=1e-12)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_every_code_of_a_result_has_words(lang):
    from diagnostics.messages import has, text

    for options in ({}, {"lift": 0.03, "headroom": 0.03, "gap": 0.05}, {"missing": {"text": 0.5}}, {"n_users": 30}):
        found = _judge(**options)
        assert found.verdict.sentence[lang]
        for message in found.verdict.reasons:
            assert text(message.code, lang, **message.values)
        for step in found.verdict.next_steps:
            assert text(f"step_to_take.{step.code}.title", lang, **step.values)
            assert text(f"step_to_take.{step.code}.text", lang, **step.values)
        for finding in found.findings:
            for part in ("title", "text", "remedy"):
                assert text(f"finding.{finding.code}.{part}", lang, **finding.values)
        for entry in found.not_checked:
            assert has(f"not_checked.{entry.code}", lang) and has(f"not_checked_reason.{entry.reason}", lang)
        for condition in found.verdict.conditions:
            assert has(f"condition.{condition.code}", lang)
        for modality in found.modalities:
            for cause in modality.causes:
                assert has(f"cause.{cause.code}", lang)
                assert all(has(f"measure.{evidence.measure}", lang) for evidence in cause.evidence)
        assert has(f"confidence_reason.{found.verdict.confidence_reason}", lang)


def test_arm_ids_are_stable():
    assert Arm(backbone="vbpr", modalities=("text", "image"), balancer="ckd").arm_id == "vbpr:text+image:ckd"


def test_a_weak_signal_of_its_own_is_not_called_no_signal():
    weak = {"id": 0.15, "text": 0.20, "image": 0.1502, "image+text": 0.2003}
    found = _judge(weak, profile={"own": {"text": 0.13, "image": 0.02}})
    assert "uninformative" not in _causes(found, "image")
    assert found.verdict.action != "fix_data"


def test_content_that_harms_is_said_to_harm():
    worse = {"id": 0.20, "text": 0.14, "image": 0.14, "image+text": 0.13}
    found = _judge(worse)
    assert found.verdict.sentence_message.code == "verdict.skip_content.harms"


def test_balancing_is_never_sold_for_the_leading_modality():
    leading = {"id": 0.15, "text": 0.20, "image": 0.155, "image+text": 0.21}
    found = _judge(leading, lift=0.03, headroom=0.03, gap=0.05)
    assert found.verdict.modality != "text"


def test_a_gain_without_a_branch_that_lags_is_told_but_never_surely():
    found = _judge(lift=0.03, headroom=0.03, gap=-0.03)
    assert found.verdict.sentence_message.code == "verdict.rebalance.unexplained"
    assert (found.verdict.action, found.verdict.modality) == ("rebalance", None)
    assert (found.verdict.confidence, found.verdict.confidence_reason) == ("medium", "condition_open")
    assert [step.code for step in found.verdict.next_steps] == ["repeat_slowly", "switch_on", "pilot"]


def test_a_dead_tail_without_values_is_no_fault():
    dataset, run = scene(SOUND, missing={"image": 0.3})
    profile = profile_of(dataset)
    image = next(one for one in profile.modalities if one.name == "image")
    sold = image.model_copy(update={"coverage": image.coverage.model_copy(update={"interactions": 0.99})})
    profile = profile.model_copy(update={"modalities": tuple(sold if one.name == "image" else one for one in profile.modalities)})
    found = diagnose(dataset, profile, run)
    assert found.verdict.action == "leave"
    assert not _causes(found, "image")


def test_only_stand_ins_are_to_be_replaced():
    found = _judge(missing={"image": 0.4}, profile={"disguised": {"image": 0.12}})
    (step,) = [step for step in found.verdict.next_steps if step.code == "replace_placeholders"]
    assert step.values["count"] == round(60 * 0.12)


def test_a_run_without_a_complete_repetition_does_not_blame_the_customers():
    dataset, run = scene(SOUND)
    found = diagnose(dataset, profile_of(dataset), ProbeRun(run.plan, "cancelled", (), {}))
    assert found.verdict.sentence_message.code == "verdict.undetermined.nothing_complete"
    assert [step.code for step in found.verdict.next_steps] == ["finish"]
