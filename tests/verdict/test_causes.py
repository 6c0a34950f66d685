"""Planted evidence -> the cause that is named for it: what the data alone tell, and when retrained models may contradict."""

from __future__ import annotations

from dataclasses import replace

import pytest

from diagnostics import diagnose
from diagnostics.probe import ProbeRun, jobs
from diagnostics.schema import Diagnosis, Estimate, Standalone
from diagnostics.verdict.causes import judge
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.standing import Standing, standings
from tests.verdict.scenes import profile_of, scene

OPEN = {"id": 0.15, "text": 0.20, "image": 0.17, "image+text": 0.2}
"""Without images nothing is lost: with the noise below, no one can tell that from as much as matters."""
SOUND = {"id": 0.15, "text": 0.20, "image": 0.18, "image+text": 0.23}


def _judge(recall=OPEN, *, profile=None, seed_spread=0.003, **options) -> Diagnosis:
    dataset, run = scene(recall, seed_spread=seed_spread, **options)
    return diagnose(dataset, profile_of(dataset, **(profile or {})), run)


def _causes(diagnosis: Diagnosis) -> dict[str, list[str]]:
    return {modality.name: [cause.code for cause in modality.causes] for modality in diagnosis.modalities}


def _of(diagnosis: Diagnosis, name: str):
    return next(modality for modality in diagnosis.modalities if modality.name == name)


REPEATS = {"own_share": {"image": 0.01, "text": 0.6}, "overlap": 0.3}


def test_what_repeats_another_is_named_from_the_data_where_trainings_cannot_tell():
    found = _judge(profile=REPEATS)
    assert _causes(found) == {"image": ["redundant"], "text": []}
    assert _of(found, "image").status == "redundant"
    assert (found.verdict.action, found.verdict.modality) == ("leave", "image")
    assert found.verdict.sentence_message.code == "verdict.leave.redundant"
    assert (found.verdict.confidence, found.verdict.confidence_reason) == ("medium", "interval_open")
    measures = {entry.measure: entry.supports for entry in _of(found, "image").causes[0].evidence}
    assert measures["own_share"] and measures["foretold"]


def test_a_copy_is_one_even_where_a_model_gains_from_seeing_the_same_twice():
    gains = OPEN | {"image+text": 0.204}
    for own in ({"image": 0.01, "text": 0.6}, {}):  # also where all together foretell too little to be shared out
        found = _judge(gains, profile={"own_share": own, "overlap": 0.98}, seed_spread=0.0008)
        assert _causes(found)["image"] == ["redundant"]
        assert _of(found, "image").knock_out.low > 0


def test_where_trainings_agree_it_is_sure():
    found = _judge(OPEN | {"image+text": 0.2005}, profile=REPEATS, seed_spread=0.0001)
    assert found.verdict.sentence_message.code == "verdict.leave.redundant"
    assert found.verdict.confidence == "high"


def test_a_loss_without_it_contradicts():
    found = _judge(SOUND, profile=REPEATS, seed_spread=0.0002)
    assert _causes(found) == {"image": [], "text": []}
    (heard,) = [cause for cause in _of(found, "image").considered if cause.code == "redundant"]
    assert {entry.measure: entry.supports for entry in heard.evidence}["knock_out"] is False


def test_a_loss_that_is_shown_contradicts_even_where_it_may_be_small():
    found = _judge(OPEN | {"image+text": 0.204}, profile=REPEATS, seed_spread=0.0008)
    low, high = _of(found, "image").knock_out.low, _of(found, "image").knock_out.high
    assert 0 < low < 0.02 * 0.204 < high
    assert _causes(found) == {"image": [], "text": []}


@pytest.mark.parametrize(
    "profile",
    [
        {"own_share": {"image": 0.2, "text": 0.6}, "overlap": 0.3},  # tells something of its own
        {"own_share": {"image": 0.01, "text": 0.6}, "overlap": 0.02},  # tells nothing, but nobody says the same
        {"own_share": {"image": 0.01, "text": 0.6}},  # nobody knows whether anybody does
        {"own_share": {"image": 0.11, "text": 0.6}, "overlap": 0.3},  # the interval reaches too far
    ],
)
def test_half_of_the_signature_names_nothing(profile):
    assert _causes(_judge(profile=profile)) == {"image": [], "text": []}


def test_a_copy_without_a_signal_of_its_own_is_a_copy_and_no_noise():
    silent = {"own": {"image": 0.0, "text": 0.2}}
    recall = OPEN | {"image": 0.15}
    assert _causes(_judge(recall, profile=REPEATS | silent))["image"] == ["redundant"]
    assert _causes(_judge(recall, profile=silent))["image"] == ["uninformative"]


@pytest.mark.parametrize(("kinship", "causes"), [({"image": 0.0}, ["uninformative"]), ({"image": 0.04}, []), ({"image": 0.02}, [])])
def test_likeness_of_joint_purchases_tells_where_recall_is_known_too_loosely(kinship, causes):
    loose = {"own": {"image": 0.005, "text": 0.05}}  # the interval reaches a quarter of what text finds
    recall = OPEN | {"image": 0.15}
    assert _causes(_judge(recall, profile=loose))["image"] == []
    assert _causes(_judge(recall, profile=loose | {"kinship": {"text": 0.15} | kinship}))["image"] == causes


def test_what_tells_neither_the_others_nor_anything_else_of_purchases_says_nothing():
    """Some of its values stand where they belong: alone it is a little above its floor, and more customers would only show it."""
    apart = {"own_share": {"image": 0.01, "text": 0.9}, "overlap": 0.01, "own": {"image": 0.02, "text": 0.2}}
    missed_by_nobody = {"id": 0.1, "text": 0.2, "image": 0.1, "image+text": 0.2}
    judged = _of(_judge(missed_by_nobody, profile=apart), "image")
    assert [cause.code for cause in judged.causes] == ["uninformative"]
    supports = {entry.measure: entry.supports for entry in judged.causes[0].evidence}
    assert supports["own_share"] and supports["foretold"] and not supports["standalone_lift"]


@pytest.mark.parametrize(
    "change",
    [
        {"own_share": {"image": 0.11, "text": 0.9}},  # the interval reaches too far
        {"overlap": 0.03},  # perhaps it tells what the text does
        {"own": {"image": 0.2, "text": 0.2}},  # alone it says much
    ],
)
def test_what_may_stand_with_others_or_speaks_up_is_not_called_silent(change):
    apart = {"own_share": {"image": 0.01, "text": 0.9}, "overlap": 0.01, "own": {"image": 0.02, "text": 0.2}}
    found = _judge({"id": 0.1, "text": 0.2, "image": 0.1, "image+text": 0.2}, profile=apart | change)
    assert "uninformative" not in _causes(found)["image"]


@pytest.mark.parametrize(("signal", "code"), [(0.015, "uninformative"), (0.08, "unused")])
def test_what_adds_nothing_is_known_already_only_if_it_says_enough_to_count(signal, code):
    """A seventh of what popularity finds, in a shop where no information says more, is next to nothing."""
    nobody = dict.fromkeys(OPEN, 0.15) | {"text": 0.1495, "image": 0.149, "image+text": 0.1485}
    found = _judge(nobody, profile={"own": {"image": signal, "text": signal}, "popularity": 0.1}, seed_spread=0.0001, spread=0.005)
    assert _causes(found) == {"image": [code], "text": [code]}
    assert found.verdict.action == "skip_content"


def test_a_shuffled_image_that_half_the_products_lack_is_to_be_put_right_not_completed():
    gone = {"id": 0.15, "text": 0.20, "image": 0.148, "image+text": 0.199}
    found = _judge(gone, missing={"image": 0.5}, profile={"own": {"image": -0.01, "text": 0.2}}, seed_spread=0.0002)
    assert _causes(found)["image"] == ["missing", "uninformative"]
    assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
    assert found.verdict.sentence_message.code == "verdict.fix_data.uninformative"


def test_both_silent_is_nobodys_copy():
    """Tastes ignore content: all together foretell nothing, so no share of it was measured."""
    silent = {"own": {"image": 0.0, "text": 0.0}, "overlap": 0.3, "popularity": 0.1}
    assert _causes(_judge(dict.fromkeys(OPEN, 0.15), profile=silent)) == {"image": ["uninformative"], "text": ["uninformative"]}


@pytest.mark.parametrize("overlap", [0.3, 0.98])
def test_where_nothing_says_anything_there_is_nothing_to_repeat(overlap):
    """What little is foretold of purchases only the text tells; but it is too little to count, and nobody finds more by it."""
    trifle = {"own": {"image": 0.0, "text": 0.015}, "own_share": {"image": 0.0, "text": 0.98}, "popularity": 0.1}
    found = _judge(dict.fromkeys(OPEN, 0.15), profile=trifle | {"overlap": overlap})
    assert _causes(found) == {"image": ["uninformative"], "text": ["uninformative"]}


def test_gaps_are_to_be_filled_even_where_training_loses_by_them():
    """A model that learnt from a gappy modality may lose by it; the data say that it speaks where it is there."""
    loses = {"id": 0.15, "text": 0.20, "image": 0.14, "image+text": 0.19}
    found = _judge(loses, missing={"image": 0.65}, profile={"own": {"image": 0.05}}, seed_spread=0.0002)
    assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
    assert _causes(found)["image"][0] == "missing"
    assert (found.verdict.confidence, found.verdict.confidence_reason) == ("medium", "gain_not_seen")


def test_the_fewer_products_have_it_the_less_its_signal_must_reach():
    """A lift below .02 is no signal of a complete modality, and tells nothing of one that four products in five lack."""
    weak = {"own": {"image": 0.008, "text": 0.08}}
    recall = OPEN | {"image": 0.15}
    assert _causes(_judge(recall, profile=weak))["image"] == ["uninformative"]
    gappy = _judge(recall, profile=weak, missing={"image": 0.8})
    assert _causes(gappy)["image"][0] == "missing" and "uninformative" not in _causes(gappy)["image"]


def test_another_scale_is_counted_and_no_training_makes_it_less_sure():
    for noise in (0.0002, 0.03):
        found = _judge(SOUND, profile={"length": {"image": 900.0}}, seed_spread=noise)
        assert (found.verdict.action, found.verdict.modality) == ("fix_data", "image")
        assert (found.verdict.confidence, found.verdict.confidence_reason) == ("medium", "not_measured")


@pytest.mark.parametrize(("lost", "variant"), [(0.001, "unused"), (0.01, "harms")])
def test_a_trifle_lost_by_what_history_knows_anyway_is_no_harm(lost, variant):
    worse = {"id": 0.15, "text": 0.1495, "image": 0.1495, "image+text": 0.15 - lost}
    found = _judge(worse, seed_spread=0.0001, spread=0.005)
    assert found.verdict.sentence_message.code == f"verdict.skip_content.{variant}"


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_what_is_said_has_words(lang):
    from diagnostics.messages import has, text

    found = _judge(profile=REPEATS)
    assert text(found.verdict.sentence_message.code, lang, **found.verdict.sentence_message.values)
    assert all(has(f"measure.{name}", lang) for name in ("own_share", "foretold"))
    assert all(has(f"confidence_reason.{name}", lang) for name in ("gain_not_seen", found.verdict.confidence_reason))


def test_of_what_is_sound_nothing_refuted_is_still_considered():
    """It helps where it is there, which tells of a gap only if there is one; it speaks, and the model uses it."""
    found = _judge(SOUND, profile={"own": {"image": 0.05, "text": 0.08}}, seed_spread=0.0002)
    for modality in found.modalities:
        assert not {"missing", "unused"} & {cause.code for cause in (*modality.causes, *modality.considered)}, modality.name


def test_what_the_others_miss_is_not_called_empty():
    """At its floor before training, and without a gain beside history alone; but the joint model loses without it."""
    silent = {"own": {"image": 0.0, "text": 0.2}, "popularity": 0.1}
    recall = {"id": 0.15, "text": 0.20, "image": 0.15, "image+text": 0.23}
    assert _causes(_judge(recall, profile=silent, seed_spread=0.0002))["image"] == []
    missed_by_nobody = recall | {"image+text": 0.2}
    assert _causes(_judge(missed_by_nobody, profile=silent, seed_spread=0.0002))["image"] == ["uninformative"]


@pytest.mark.parametrize(("lift", "supports"), [(0.02, True), (-0.02, False)])
def test_what_balancing_does_speaks_for_or_against_suppression(lift, supports):
    found = _judge(SOUND, lift=lift, seed_spread=0.0002)
    image = _of(found, "image")
    (heard,) = [cause for cause in (*image.causes, *image.considered) if cause.code == "suppressed"]
    assert {entry.measure: entry.supports for entry in heard.evidence}["lift"] is supports


def _image() -> Standing:
    """Of a sound shop, where the image is not ahead."""
    dataset, run = scene(SOUND, seed_spread=0.0002)
    return next(one for one in standings(Measures(run, dataset, "vbpr"), profile_of(dataset)) if one.name == "image")


def _named(one: Standing) -> list[str]:
    return [cause.code for cause in judge(one).causes]


def _sure(value: float) -> Estimate:
    return Estimate(value=value, low=0.9 * value, high=1.1 * value, n=5)


def test_slow_is_what_gains_when_its_branch_is_hurried():
    one = _image()
    gain, none = one.gain_alone, replace(one.gain_alone, differences=0 * one.gain_alone.differences)
    hurried = replace(one, settled={"fast": gain}, hurried="above", dynamics={"speed_ratio": _sure(2.0)})
    (cause,) = judge(hurried).causes
    assert {entry.measure: entry.supports for entry in cause.evidence}.items() >= {
        "settled_fast": True,
        "speed_ratio": True,
    }.items()
    assert cause.code == "slow"
    assert _named(replace(hurried, settled={"fast": none}, hurried="below")) == []  # it was tried, and nothing came of it
    assert _named(replace(hurried, settled={}, hurried="open")) == []  # a long half-life alone names nothing
    assert _named(replace(hurried, leads=True)) == []


def test_what_balancing_mends_is_named_before_what_another_rate_would_though_more_speaks_for_the_rate():
    dataset, run = scene(SOUND, lift=0.03, gap=0.05, headroom=0.03, seed_spread=0.0002)
    found = standings(Measures(run, dataset, "vbpr"), profile_of(dataset))
    one = next(one for one in found if one.name == "image")
    both = judge(replace(one, settled={"fast": one.gain_alone}, hurried="above", dynamics={"speed_ratio": _sure(2.0)}))
    suppressed, slow = both.causes
    assert (suppressed.code, slow.code, both.status) == ("suppressed", "slow", "suppressed")
    assert slow.likelihood > suppressed.likelihood


def test_overfitting_is_what_gains_when_learning_by_heart_is_held_back():
    one = _image()
    firm = replace(one, settled={"firm": one.gain_alone}, dynamics={"overfitting_ratio": _sure(6.0)})
    assert _named(firm) == ["overfitting"]
    assert _named(replace(firm, settled={})) == []
    assert _named(replace(firm, dynamics={"overfitting_ratio": _sure(2.0)})) == []  # as any sound branch


def test_the_course_of_several_seeds_is_evidence(monkeypatch):
    course = {"overfitting_ratio": [6.0, 6.2, 5.9, 6.1, 6.0], "gradient_share": [0.2, 0.21, 0.19, 0.2, 0.2]}
    monkeypatch.setattr("diagnostics.verdict.standing.branch_dynamics", lambda *_: course)
    one = _image()
    assert {name: found.n for name, found in one.dynamics.items()} == {"overfitting_ratio": 5, "gradient_share": 5}
    heard = {cause.code: cause for cause in judge(one).considered}
    assert {entry.measure: entry.supports for entry in heard["overfitting"].evidence} == {"overfitting_ratio": True}
    monkeypatch.setattr("diagnostics.verdict.standing.branch_dynamics", lambda *_: {name: [6.0] for name in course})
    assert "overfitting" not in [cause.code for cause in judge(_image()).considered]


def test_the_course_of_one_seed_is_no_evidence():
    one = replace(_image(), dynamics={"overfitting_ratio": Estimate(value=6.0, low=6.0, high=6.0, n=1)})
    assert not [cause for cause in judge(one).considered if cause.code == "overfitting"]


def test_a_wider_or_firmer_model_that_gains_speaks_against_suppression():
    one = _image()
    for variant in ("wide", "firm", "fast"):
        heard = judge(replace(one, settled={variant: one.gain_alone}, hurried="above" if variant == "fast" else "open"))
        (cause,) = [cause for cause in (*heard.causes, *heard.considered) if cause.code == "suppressed"]
        assert {entry.measure: entry.supports for entry in cause.evidence}[f"settled_{variant}"] is False


def test_only_gaps_are_settled_by_filling_them():
    one = replace(_image(), settled={"filled": _image().gain_alone})
    assert "missing" not in [cause.code for cause in judge(one).considered]


def test_of_a_model_that_ranks_without_content_nothing_is_said_of_its_parts():
    """BM3 knows content while it learns only: each part of it would be the whole, and its loss without a modality nothing."""
    found = _judge(SOUND, apart=False)
    assert [one.reason for one in found.not_checked if one.code == "branches"] == ["content_not_in_score"]
    assert not any(one.code == "branches" for one in _judge(SOUND).not_checked)
    for modality in found.modalities:
        assert modality.unimodal.value and modality.knock_out.value
        assert modality.branch.value is None and modality.gap.value is None and modality.utilisation is None
        told = {entry.measure for cause in (*modality.causes, *modality.considered) for entry in cause.evidence}
        assert not told & {"gap", "replaced"}


def test_what_is_undecided_speaks_neither_for_nor_against():
    """Trainings and data that leave open whether an image says anything are no evidence that it says nothing."""
    unsure = Estimate(value=0.02, low=-0.04, high=0.08, n=1000, unit="difference")
    dataset, run = scene(OPEN | {"image": 0.152}, seed_spread=0.006)
    profile = profile_of(dataset)
    known = [one.standalone.model_copy(update={"lift": unsure}) for one in profile.modalities]
    changed = [one.model_copy(update={"standalone": alone}) for one, alone in zip(profile.modalities, known, strict=True)]
    image = next(
        one
        for one in standings(Measures(run, dataset, "vbpr"), profile.model_copy(update={"modalities": tuple(changed)}))
        if one.name == "image"
    )
    assert image.silent is None and image.adds == "open"
    heard = judge(image)
    told = [
        entry
        for cause in (*heard.causes, *heard.considered)
        if cause.code in ("uninformative", "unused")
        for entry in cause.evidence
    ]
    assert not {"gain_alone", "standalone_lift"} & {entry.measure for entry in told}


def test_what_is_undecided_of_a_modality_held_back_speaks_neither_for_nor_against():
    dataset, run = scene(OPEN, seed_spread=0.006)
    image = next(one for one in standings(Measures(run, dataset, "vbpr"), profile_of(dataset)) if one.name == "image")
    unsure = Estimate(value=0.13, low=0.05, high=0.2, n=1000)
    heard = judge(replace(image, adds="open", own="open", own_any="open", behind="open", foretold=unsure))
    told = {(cause.code, entry.measure) for cause in (*heard.causes, *heard.considered) for entry in cause.evidence}
    assert not told & {("suppressed", "knock_out"), ("suppressed", "gap"), ("slow", "gain_alone"), ("redundant", "foretold")}


def test_what_was_not_measured_before_training_is_not_called_uninformative():
    """Of twenty products or fewer nothing is known before training: that no model needs it does not say that it says nothing."""
    dataset, run = scene(dict.fromkeys(SOUND, 0.15), seed_spread=0.0001, spread=0.005)
    profile = profile_of(dataset, popularity=0.1)
    none = Estimate(value=None, n=0)
    unknown = Standalone(recall_at_20=none, permuted_floor=none)
    changed = profile.model_copy(
        update={"modalities": tuple(one.model_copy(update={"standalone": unknown}) for one in profile.modalities)}
    )
    found = diagnose(dataset, changed, run)
    assert _causes(found) == {"image": [], "text": []}
    assert found.verdict.sentence_message.code == "verdict.skip_content.irrelevant"


def test_methods_on_another_model_alone_are_no_answer_for_the_one_that_is_judged():
    dataset, run = scene(SOUND)
    arms = tuple(arm.model_copy(update={"backbone": "mgcn"}) if arm.balancer == "ckd" else arm for arm in run.plan.arms)
    found = diagnose(
        dataset, profile_of(dataset), ProbeRun(run.plan.model_copy(update={"arms": arms}), "finished", (), run.results)
    )
    assert found.verdict.sentence_message.code == "verdict.undetermined.not_asked"
    assert {entry.code: entry.reason for entry in found.not_checked}["balancing"] == "not_in_plan"


@pytest.mark.parametrize(("status", "step"), [("cancelled", "finish"), ("finished", "see_failures")])
def test_a_run_that_is_over_is_not_to_be_finished(status, step):
    dataset, run = scene(SOUND)
    ckd = {job.job_id for job in jobs(run.plan) if job.arm.balancer == "ckd"}
    results = {name: result for name, result in run.results.items() if name not in ckd}
    found = diagnose(
        dataset, profile_of(dataset), ProbeRun(run.plan, status, (), results, dict.fromkeys(ckd, "FloatingPointError"))
    )
    assert found.verdict.sentence_message.code == "verdict.undetermined.no_comparison"
    assert [one.code for one in found.verdict.next_steps] == [step]


def test_where_no_balancing_was_asked_for_the_answer_says_so_and_what_to_do():
    dataset, run = scene(SOUND)
    plain = tuple(arm for arm in run.plan.arms if arm.balancer != "ckd")
    asked = ProbeRun(run.plan.model_copy(update={"arms": plain}), run.status, run.events, run.results)
    found = diagnose(dataset, profile_of(dataset), asked)
    assert found.verdict.sentence_message.code == "verdict.undetermined.not_asked"
    assert [step.code for step in found.verdict.next_steps] == ["try_balancing"]
    told = {entry.code: entry.reason for entry in found.not_checked}
    assert told["balancing"] == "not_in_plan" and "other_balancers" not in told


def test_the_seeds_told_of_are_those_that_something_was_trained_with():
    dataset, run = scene(SOUND)
    first = run.plan.seeds[0]
    kept = {job.job_id: run.results[job.job_id] for job in jobs(run.plan) if job.seed == first}
    found = diagnose(dataset, profile_of(dataset), ProbeRun(run.plan, "cancelled", (), kept))
    assert found.protocol.seeds == (first,) and found.protocol.further_seeds == ()
