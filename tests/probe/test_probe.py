"""Plans, jobs, inputs and results of a probe on a small world."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from diagnostics.config import cores
from diagnostics.errors import Cancelled, TenbinError
from diagnostics.probe import Job, ProbeInputs, ProbeRun, effort, jobs, longest_ways, plan, prepare, train_job
from diagnostics.probe.arms import modality_sets, plan_for
from diagnostics.probe.pace import guess_seconds, still_open
from diagnostics.schema import Arm
from models.backbones import BACKBONES, suggested
from tests.probe.worlds import dataset_of, run_here


def _world(n_users=80, n_items=40):
    rng = np.random.default_rng(0)
    text, image = rng.normal(size=(n_items, 4)), rng.normal(size=(n_items, 4))
    utility = rng.normal(size=(n_users, 4)) @ text.T + rng.normal(size=(n_users, 4)) @ image.T
    return dataset_of({"text": text, "image": image}, utility)


@pytest.fixture(scope="module")
def run() -> ProbeRun:
    dataset, blocks = _world()
    return run_here(dataset, blocks, lambda p: p.model_copy(update={"max_epochs": 4}), n_seeds=2)


def test_only_the_judged_model_is_trained_with_every_set():
    rng = np.random.default_rng(0)
    dataset, _ = dataset_of({name: rng.normal(size=(40, 3)) for name in "abc"}, rng.normal(size=(60, 40)))
    arms = plan(dataset, backbones=("vbpr", "freedom")).arms
    plain = [arm for arm in arms if arm.balancer == "none"]
    sizes = {name: [len(arm.modalities) for arm in plain if arm.backbone == name] for name in ("vbpr", "freedom")}
    assert sizes == {"vbpr": [0, 1, 1, 1, 2, 2, 2, 3], "freedom": [0, 1, 1, 1, 3]}


def test_modality_sets_are_the_lattice_or_its_rims():
    assert modality_sets(("a", "b"), 3) == ((), ("a",), ("b",), ("a", "b"))
    assert [len(chosen) for chosen in modality_sets(tuple("abcd"), 3)] == [0, 1, 1, 1, 1, 3, 3, 3, 3, 4]
    assert modality_sets(("a",), 0) == ((), ("a",))


def test_same_plan_same_run_id_and_other_plan_other():
    dataset, _ = _world()
    assert plan(dataset).run_id == plan(dataset).run_id
    assert plan(dataset).run_id != plan(dataset, seed=1).run_id
    assert plan(dataset, n_seeds=7).seeds[:5] == plan(dataset).seeds


@pytest.mark.parametrize(
    ("backbone", "pairs", "batch"),
    [
        *(("vbpr", 100, 32), ("vbpr", 5120, 256), ("vbpr", 12_000, 512), ("vbpr", 20_000, 1024), ("vbpr", 40_000, 2048)),
        *(("freedom", 5120, 512), ("freedom", 30_000, 2048), ("freedom", 10**6, 8192), ("mgcn", 5120, 4096)),
        *(("lightgcn", 10**6, 16384), ("lightgcn_content", 10**6, 8192)),
    ],
)
def test_a_pass_through_a_small_log_has_some_steps(backbone, pairs, batch):
    assert suggested(backbone, pairs)["batch_size"] == batch


def test_patience_is_longer_where_few_customers_validate():
    def patience(n_users: int, preset: str = "quick") -> int:
        users = np.repeat(np.arange(n_users), 2)
        pairs = np.column_stack([users, np.tile([0, 1], n_users)])
        dataset, _ = _world()
        return plan(replace(dataset, split=replace(dataset.split, n_users=n_users, validation=pairs)), preset=preset).patience

    assert [patience(n) for n in (9000, 2000, 1600, 500, 50)] == [8, 8, 9, 10, 10]
    assert patience(500, "standard") == 2 * patience(2000, "standard")


@pytest.mark.parametrize("wrong", [{"preset": "quik"}, {"backbones": ("vpbr",)}, {"balancers": ("cdk",)}])
def test_an_unknown_name_lists_the_choices_and_the_nearest(wrong):
    dataset, _ = _world()
    with pytest.raises(TenbinError) as caught:
        plan(dataset, **wrong)
    assert caught.value.code == "E_UNKNOWN_CHOICE"
    assert caught.value.values["nearest"] in ("quick", "vbpr", "ckd")


def test_a_backbone_is_trained_alike_alone_and_beside_another():
    dataset, blocks = _world()
    short = {"max_epochs": 2}
    alone = plan(dataset, backbones=("lightgcn_content",)).model_copy(update=short)
    beside = plan(dataset, backbones=("vbpr", "lightgcn_content")).model_copy(update=short)
    assert (alone.learning_rate, alone.batch_size) != (beside.learning_rate, beside.batch_size)
    inputs = prepare(dataset, blocks, alone)
    job = Job(Arm(backbone="lightgcn_content", modalities=("text",)), alone.seeds[0])
    *_, one = train_job(inputs, alone, job, {})
    *_, other = train_job(inputs, beside, job, {})
    assert all(np.array_equal(one.arrays[key], other.arrays[key]) for key in one.arrays)


def test_slow_training_goes_the_same_way_in_smaller_steps():
    dataset, blocks = _world()
    asked = {"preset": "thorough", "backbones": ("vbpr", "freedom"), "balancers": ("auto", "ckd")}
    usual, slow = (plan(dataset, slow_training=slowly, **asked) for slowly in (False, True))
    assert slow.slow_training and not usual.slow_training
    assert (slow.max_epochs, slow.validate_every, slow.patience) == (10 * usual.max_epochs, 10, usual.patience)
    for name in asked["backbones"]:
        assert plan_for(slow, name).learning_rate == pytest.approx(plan_for(usual, name).learning_rate / 10)
    assert not any(job.stage == "rate" for job in jobs(slow)) and any(job.stage == "rate" for job in jobs(usual))
    assert slow.options["auto"]["heat_epochs"] == 10 * usual.options["auto"]["heat_epochs"]
    one, other = (next(effort(made, job, 10**5) for job in jobs(made) if not job.stage) for made in (slow, usual))
    assert one.epochs > other.epochs and 5 * other.cost < one.cost < 10 * other.cost  # of ten epochs one is validated

    short = slow.model_copy(update={"max_epochs": 30})
    job = Job(Arm(backbone="vbpr", modalities=("text",)), short.seeds[0])
    *events, result = train_job(prepare(dataset, blocks, short), short, job, {})
    assert [event.epoch for event in events][:3] == [10, 20, 30]
    assert result.meta["epochs"] == events[-1].epoch and result.meta["best_epoch"] % 10 == 0


def test_every_job_comes_after_those_it_needs_and_has_a_safe_name():
    dataset, _ = _world()
    assert len(jobs(plan(dataset))) == 5 * 6  # id, two alone, both, ensemble, ckd; the quick preset tries no learning rates
    listed = jobs(plan(dataset, preset="standard", backbones=("vbpr",), balancers=("ckd",)))
    seen = set()
    for job in listed:
        assert set(job.needs) <= seen
        seen.add(job.job_id)
        assert not set(job.job_id) & set('/\\:*?"<>| ')
    # learning rates; id, two alone, both, ensemble, ckd; and the joint model wide, firm, with either branch fast, and unscaled;
    # with five further seeds id, two alone, both, ensemble, ckd
    assert len(seen) == len(listed) == 3 + 5 * (6 + 5) + 5 * 6


def test_further_seeds_train_the_judged_model_alone_and_none_of_its_settling_tests():
    dataset, _ = _world()
    made = plan(dataset, preset="standard", balancers=("ckd", "ogm_ge"))
    assert (len(made.seeds), len(made.further_seeds), len(set(made.all_seeds))) == (5, 5, 10)
    both = ("image", "text")
    of_one = [job for job in jobs(made) if job.seed == made.further_seeds[0]]
    assert {job.arm.backbone for job in of_one} == {"vbpr"} and not any(job.arm.variant or job.stage for job in of_one)
    arms = [(job.arm.modalities, job.arm.balancer) for job in of_one]
    alone = [(chosen, "none") for chosen in ((), both[:1], both[1:])]
    assert arms == [*alone, *((both, name) for name in ("none", "ensemble", "ckd", "ogm_ge"))]
    assert not plan(dataset, preset="standard", n_seeds=5).further_seeds  # who says how many gets so many
    assert not plan(dataset, preset="standard", balancers=(), backbones=("lightgcn",)).further_seeds  # nothing to balance


def test_inputs_survive_their_folder(tmp_path):
    dataset, blocks = _world()
    inputs = prepare(dataset, blocks, plan(dataset))
    inputs.save(tmp_path)
    back = ProbeInputs.load(tmp_path)
    assert (back.n_users, back.n_items) == (inputs.n_users, inputs.n_items)
    assert np.array_equal(back.train, inputs.train) and np.array_equal(back.test, inputs.test)
    for name, features in inputs.features.items():
        assert np.array_equal(back.features[name].values, features.values)
        assert np.array_equal(back.features[name].present, features.present)


def test_features_are_centred_one_scale_and_zero_where_absent():
    rng = np.random.default_rng(0)
    vectors = rng.normal(3, 500, (40, 6))
    vectors[:5] = np.nan
    dataset, blocks = dataset_of({"text": vectors}, rng.normal(size=(60, 40)))
    features = prepare(dataset, blocks, plan(dataset)).features["text"]
    assert features.present.sum() == 35 and not features.values[:5].any()
    assert np.sqrt((features.values[5:] ** 2).mean()) == pytest.approx(1, rel=1e-4)
    assert np.abs(features.values[5:].mean(axis=0)).max() < 1e-3


def test_results_keep_every_user_seed_and_set(run):
    joint = Arm(backbone="vbpr", modalities=("image", "text"))
    n_test = 80
    assert run.per_user(joint).shape == (2, n_test)
    assert not np.array_equal(run.per_user(joint), run.per_user(joint, factual=()))
    assert run.per_user(joint, factual=("text",), metric="ndcg").shape == (2, n_test)
    assert run.per_user(joint, seeds=run.plan.seeds[:1]).shape == (1, n_test)
    assert {summary.arm_id for summary in run.summaries} == {arm.arm_id for arm in run.plan.arms}
    for event in run.events:
        assert set(event.branches) >= {"id"}
        assert event.validation is not None and 0 <= event.validation <= 1


def test_the_same_job_gives_the_same_numbers(run):
    dataset, blocks = _world()
    again = run_here(dataset, blocks, lambda p: p.model_copy(update={"max_epochs": 4}), n_seeds=2)
    for job_id, result in run.results.items():
        for name, array in result.arrays.items():
            assert np.array_equal(array, again.results[job_id].arrays[name]), (job_id, name)


def test_a_shop_that_says_nothing_of_its_products_is_refused():
    dataset, _ = dataset_of({}, np.random.default_rng(0).normal(size=(20, 10)), per_user=5)
    with pytest.raises(TenbinError) as caught:
        plan(dataset)
    assert caught.value.code == "E_NO_MODALITY"


def test_long_and_foreign_names_make_short_distinct_file_names():
    names = ["説明文のベクトルその一", "説明文のベクトルその二", "Text", "text"]
    made = {Job(Arm(backbone="vbpr", modalities=(name,) * 4), 1).job_id.lower() for name in names}
    assert len(made) == 4
    assert all(len(name.encode()) < 120 and name.isascii() for name in made)


@pytest.mark.parametrize("size", [1e-24, 1e20])
def test_extreme_vectors_are_projected_like_any_others(size):
    rng = np.random.default_rng(0)
    vectors = rng.normal(0, 1, (40, 6))
    utility = rng.normal(size=(60, 40))
    features = []
    for factor in (1.0, size):
        dataset, blocks = dataset_of({"text": vectors * factor}, utility)
        features.append(prepare(dataset, blocks, plan(dataset)).features["text"].values)
    np.testing.assert_allclose(np.abs(features[0]), np.abs(features[1]), rtol=1e-3, atol=1e-4)


class _Memory:
    """Keeps every checkpoint in this process."""

    def __init__(self, kept=None):
        self.kept = kept

    def last(self):
        return self.kept

    def keep(self, make, *, now=False):
        self.kept = make()


@pytest.mark.parametrize("balancer", ["none", "ckd"])
def test_a_training_that_was_stopped_goes_on_to_the_same_bytes(run, balancer):
    dataset, blocks = _world()
    inputs = prepare(dataset, blocks, run.plan)
    job = next(job for job in jobs(run.plan) if job.arm.modalities == run.plan.modalities and job.arm.balancer == balancer)
    given = {name: run.results[name] for name in job.needs}
    expected = run.results[job.job_id]
    events = [event for event in run.events if (event.arm, event.seed) == (job.arm.arm_id, job.seed)]
    for after in range(1, len(events) + 1):
        keeper = _Memory()
        asked = iter([False] * (after - 1) + [True])
        with pytest.raises(Cancelled):
            list(train_job(inputs, run.plan, job, given, lambda asked=asked: next(asked), keeper))
        assert len(keeper.kept.records) == after
        *again, result = train_job(inputs, run.plan, job, given, keeper=_Memory(keeper.kept))
        assert [event.model_copy(update={"seconds": 0.0}) for event in again] == [
            event.model_copy(update={"seconds": 0.0}) for event in events
        ]
        assert result.meta == expected.meta
        assert all(np.array_equal(result.arrays[name], array) for name, array in expected.arrays.items())


def test_the_time_that_a_plan_takes_follows_its_work_and_this_computer(monkeypatch):
    dataset, _ = _world()
    monkeypatch.setattr("diagnostics.probe.pace._seconds_of_a_part", lambda at_work: 1.0)
    pairs = len(dataset.split.train)
    one, two, other = (
        plan(dataset, backbones=(name,), balancers=(), n_seeds=n).eta_s for name, n in (("vbpr", 1), ("vbpr", 2), ("mmgcn", 1))
    )
    per_seed = two - one
    waiting, parts = 1.9 * plan(dataset).patience, 1 + 2 + 2 + 3
    epochs = 16 + waiting
    ensemble = 3  # an epoch of each part
    fixed = epochs * 3  # of three trainings with content, in what an epoch takes however few the pairs
    assert per_seed == pytest.approx((epochs * parts + ensemble) * pairs / cores() + fixed * 4_000 / cores(), rel=0.01)
    alone = plan(dataset, backbones=("vbpr",), balancers=(), n_seeds=1, threads=1).eta_s
    assert alone == pytest.approx(one * cores(), rel=0.01)
    longer = min(16 * BACKBONES["mmgcn"].epochs + waiting, plan(dataset).max_epochs) / epochs
    few_steps = 0.15 + 0.85 * math.ceil(pairs / suggested("mmgcn", pairs)["batch_size"]) / 12
    walked = BACKBONES["mmgcn"].cost * few_steps * longer * (one - fixed * 4_000 / cores())
    assert other == pytest.approx(walked + longer * fixed * 10_000 / cores(), rel=0.01)


def test_what_may_be_clear_early_is_expected_less_often_from_the_first_look_on():
    dataset, _ = _world()
    made = plan(dataset, preset="standard")
    chances = {job: effort(made, job, 10**6).chance for job in jobs(made)}
    seldom = {job for job, chance in chances.items() if chance == still_open(len(np.unique(dataset.split.test[:, 0])))}
    assert seldom == {
        job
        for job in chances
        if job.seed in made.all_seeds[3:] and (job.arm.variant or job.arm.balancer in ("ckd", "ogm_ge", "mmpareto"))
    }
    assert all(chances[job] == 1.0 for job in chances if job not in seldom)
    every = plan(dataset, preset="standard", n_seeds=5)  # asked for, so that all are trained
    assert all(effort(every, job, 10**6).chance == 1.0 for job in jobs(every))
    sooner, later = (guess_seconds(one, jobs(made), 10**6) for one in (made, made.model_copy(update={"options": every.options})))
    assert sooner < later
    assert 1 >= still_open(50) > still_open(1500) > still_open(9321) > still_open(10**6) > 0
    assert still_open(9321) == pytest.approx(0.5, abs=0.01)


def test_a_way_is_a_job_and_the_longest_that_waits_for_it():
    chosen = plan(_world()[0], preset="standard", backbones=("vbpr",), balancers=("ckd",), n_seeds=1)
    listed = jobs(chosen)
    efforts = {job: effort(chosen, job, 10**4) for job in listed[::-1]}
    ways = longest_ways(efforts)
    for job in listed:
        waiting = [ways[other.job_id] for other in listed if job.job_id in other.needs]
        assert ways[job.job_id] >= max(waiting, default=0.0)
        assert waiting or ways[job.job_id] == longest_ways({job: efforts[job]})[job.job_id]
    (ckd,) = (job for job in listed if job.arm.balancer == "ckd")
    trials, teachers = ({ways[name] for name in group} for group in (ckd.trials, ckd.teachers))
    others = {ways[job.job_id] for job in listed if job.job_id not in (*ckd.needs, ckd.job_id)}
    assert min(trials) > max(teachers) and min(teachers) > ways[ckd.job_id] >= max(others)


def test_what_walks_a_graph_whole_costs_by_its_steps_and_vbpr_does_not():
    made = plan(_world()[0], preset="standard", balancers=())
    names = dict.fromkeys(arm.backbone for arm in made.arms)
    first = {name: Job(Arm(backbone=name, modalities=made.modalities), made.seeds[0]) for name in names}

    def cost(name: str, n: int) -> float:
        return effort(made, first[name], n).cost - BACKBONES[name].cost_fixed / n

    few, many = ({name: cost(name, n) for name in first} for n in (1, 10**7))
    assert few["vbpr"] == pytest.approx(many["vbpr"])
    for name in ("lightgcn_content", "freedom"):
        batch, usual = plan_for(made, name).batch_size, cost(name, 12 * plan_for(made, name).batch_size)
        assert usual == pytest.approx((1 + len(first[name].arm.modalities)) * BACKBONES[name].cost)
        assert few[name] < 0.4 * usual < many[name] == pytest.approx(usual * (0.15 + 0.85 * math.ceil(10**7 / batch) / 12))
