"""Each balancer against numbers worked by hand on three users with one triple each.

Margins are logarithms, so that sigma of them is a plain number: sigma(ln 3) = 3/4, sigma(ln 9) = 9/10, sigma(0) = 1/2.

    user        history   text    image   keep-text  keep-image  full    sigma of: keep-text  keep-image  full
    1           ln 3      0       -ln 3   ln 3       0           0                 3/4        1/2         1/2
    2           0         ln 9    0       ln 9       0           ln 9              9/10       1/2         9/10
    3           0         0       ln 3    0          ln 3        ln 3              1/2        3/4         3/4

The means of those are 2.15/3 for text, 1.75/3 for image, 2.15/3 for the whole. With two modalities "without text" is "keep-image".
"""

from __future__ import annotations

from math import exp, log, sqrt, tanh
from types import SimpleNamespace

import numpy as np
import pytest

from models.backbones.protocol import Margins
from models.balancers.agm import AGM
from models.balancers.arl import ARL
from models.balancers.cggm import CGGM
from models.balancers.gradient_blending import GradientBlending, blending_weights
from models.balancers.mmpareto import MMPareto
from models.balancers.modality_dropout import ModalityDropout
from models.balancers.mslr import MSLR
from models.balancers.ogm_ge import OGMGE
from models.balancers.pmr import PMR, belonging
from models.balancers.umt import UMT
from models.losses import bpr
from models.ranking import UserItems
from models.sampling import Triples
from models.training import Interactions

LN3, LN9 = log(3), log(9)
USERS = np.arange(3, dtype=np.int32)
TRIPLES = Triples(USERS, USERS, USERS[::-1].copy(), 3)


def _margins(full: list[float], keep: list[list[float]], without: list[list[float]]) -> Margins:
    whole, kept, left = (np.array(x, dtype=np.float32) for x in (full, np.transpose(keep), np.transpose(without)))
    return Margins(whole, kept, lambda: left)


TEXT, IMAGE = [LN3, LN9, 0.0], [0.0, 0.0, LN3]
MARGINS = _margins([0.0, LN9, LN3], [TEXT, IMAGE], [IMAGE, TEXT])
BPR = bpr(MARGINS.full)[1]
ALONE = np.array([[-0.25, -0.5], [-0.1, -0.5], [-0.5, -0.25]]) / 3  # gradient of the branches' own BPR losses


class Model:
    """Two modalities; hands out what a test put into it."""

    modalities = branches = ("text", "image")
    content_in_score = True
    n_users = n_items = 3

    def __init__(self, **outcomes: object) -> None:
        vars(self).update(outcomes)

    def forward(self, triples: Triples, *, counterfactual: bool) -> Margins:
        full, text, image = next(self.upcoming)
        n = len(triples.user)
        return _margins([full] * n, [[text] * n, [image] * n], [[0.0] * n] * 2)


PAIRS = np.stack([USERS, USERS], axis=1)
DATA = Interactions(PAIRS, UserItems.from_pairs(PAIRS, 3), UserItems.from_pairs(PAIRS, 3), USERS.astype(np.int64))


def _begun(balancer, model=None):
    balancer.new_epoch(model or Model(), DATA)
    return balancer


def _factors(balancer, margins=MARGINS):
    given = balancer.gradients(margins, TRIPLES, BPR)
    return given, balancer.adjust({name: [np.ones((2, 2), dtype=np.float32)] for name in balancer.names})


def test_bpr_gradients_of_the_example():
    assert BPR.tolist() == pytest.approx([-0.5 / 3, -0.1 / 3, -0.25 / 3])


def test_ogm_slows_the_modality_that_is_ahead():
    ogm = _begun(OGMGE(strength=0.3, noise=False))
    given, factors = _factors(ogm)
    ratio = 2.15 / 1.75
    assert factors == pytest.approx({"text": 1 - tanh(0.3 * ratio), "image": 1})
    assert given.full is BPR and given.keep is None
    log_ = ogm.epoch_log()
    assert log_["signal"] == pytest.approx({"text": ratio, "image": 1 / ratio})
    assert log_["slowed_share"] == {"text": 1, "image": 0}
    assert ogm.epoch_log() == {}


def test_ogm_compares_with_the_mean_of_all_others():
    """Probabilities 3/4, 1/2, 9/10: the last is ahead of (3/4 + 1/2) / 2, the first of (1/2 + 9/10) / 2."""
    three = _margins([0.0] * 3, [[LN3] * 3, [0.0] * 3, [LN9] * 3], [[0.0] * 3] * 3)
    ogm = _begun(OGMGE(strength=0.5, noise=False))
    ogm.names = ("text", "image", "sound")
    factors = _factors(ogm, three)[1]
    assert factors == pytest.approx({"text": 1 - tanh(0.5 * 0.75 / 0.7), "image": 1, "sound": 1 - tanh(0.5 * 0.9 / 0.625)})


def test_ogm_noise_has_the_gradients_own_spread_and_spares_the_modality_behind():
    ogm = _begun(OGMGE())
    ogm.gradients(MARGINS, TRIPLES, BPR)
    before = {name: np.tile(np.array([-2.0, 2.0], dtype=np.float32), (100, 50)) for name in ogm.names}  # standard deviation 2
    after = {name: [table.copy()] for name, table in before.items()}
    ogm.adjust(after)
    assert (after["text"][0] - before["text"]).std() == pytest.approx(2, rel=0.05)
    assert np.array_equal(after["image"][0], before["image"])


def test_agm_compares_shapley_shares_with_their_running_mean():
    """Text's share: its own part plus half the history, (ln 3)/2, ln 9, 0; the image's: -(ln 3)/2, 0, ln 3; their sum is all."""
    agm = _begun(AGM(strength=1.0))
    text = -(log(1 + 3**-0.5) + log(1 + 1 / 9) + log(2)) / 3
    image = -(log(1 + 3**0.5) + log(2) + log(1 + 1 / 3)) / 3
    ratio = exp(text - image)
    assert _factors(agm)[1] == pytest.approx({"text": 1, "image": 1})  # the running mean of one step is that step
    swapped = _margins([0.0, LN9, LN3], [IMAGE, TEXT], [TEXT, IMAGE])
    factors = _factors(agm, swapped)[1]
    mean = (ratio + 1 / ratio) / 2
    assert factors == pytest.approx({"text": exp(-(1 / ratio - mean)), "image": exp(-(ratio - mean))}, rel=1e-5)
    assert agm.epoch_log()["reference"] == pytest.approx({"text": (ratio + mean) / 2, "image": (1 / ratio + mean) / 2}, rel=1e-5)


def test_cggm_slows_who_improves_fastest_and_pulls_towards_each_branch():
    """Text goes from 2.15/3 to 9/10, image from 1.75/3 to 2/3; the means of 0.9 and 0.99 drift apart by 0.09 of that."""
    cggm = _begun(CGGM(pull=0.1))
    given, factors = _factors(cggm)
    assert factors == {"text": 1, "image": 1}
    np.testing.assert_allclose(given.keep, 0.1 * ALONE, rtol=1e-5)
    text, image = 0.9 - 2.15 / 3, 2 / 3 - 1.75 / 3
    later = _margins([0.0] * 3, [[LN9] * 3, [LN3, 0.0, LN3]], [[0.0] * 3] * 2)
    given, factors = _factors(cggm, later)
    assert factors == pytest.approx({"text": 2 * image / (text + image), "image": 2 * text / (text + image)}, rel=1e-4)
    np.testing.assert_allclose(given.keep[:, 0], 0.1 * factors["text"] * np.full(3, -0.1 / 3), rtol=1e-4)
    assert cggm.epoch_log()["signal"] == pytest.approx({"text": 0.09 * text / 2, "image": 0.09 * image / 2}, rel=1e-3)


def test_arl_wants_dependence_in_inverse_proportion_to_variance():
    """Variances (3/16 + 9/100 + 1/4) / 3 and (1/4 + 1/4 + 3/16) / 3; text adds (2.15 - 1.75) / 3, the image nothing: the floor."""
    arl = _begun(ARL(bias=0.2, floor=0.01, limit=4.0))
    given, factors = _factors(arl)
    text, image = 0.1875 + 0.09 + 0.25, 0.25 + 0.25 + 0.1875
    wanted = [image / (text + image), text / (text + image)]
    actual = [0.4 / 0.43, 0.03 / 0.43]
    ratio = [wanted[0] / actual[0], 4.0]  # the image's own, 6.2, is beyond the limit
    assert wanted[1] / actual[1] > 6
    assert factors == pytest.approx({"text": 2 * ratio[0] / sum(ratio), "image": 2 * ratio[1] / sum(ratio)}, rel=1e-4)
    np.testing.assert_allclose(given.keep, 0.2 * ALONE, rtol=1e-5)
    log_ = arl.epoch_log()
    assert log_["clip_share"] == {"text": 0, "image": 1}
    assert list(log_["recommended"].values()) == pytest.approx(wanted, rel=1e-4)
    assert list(log_["dependence"].values()) == pytest.approx(actual, rel=1e-4)


def test_umt_draws_each_branch_to_its_teacher():
    teachers = {"text": lambda t: np.array([2, 2, 2], dtype=np.float32), "image": lambda t: np.array([0, 1, 1], dtype=np.float32)}
    umt = _begun(UMT(teachers, strength=0.3))
    given = umt.gradients(MARGINS, TRIPLES, BPR)
    expected = 2 * 0.3 / 3 * np.array([[LN3 - 2, 0], [LN9 - 2, -1], [-2, LN3 - 1]])
    np.testing.assert_allclose(given.keep, expected, rtol=1e-5)
    assert umt.epoch_log()["squared_gap"]["image"] == pytest.approx((1 + (LN3 - 1) ** 2) / 3, rel=1e-4)


def test_modality_dropout_moves_a_triple_from_the_whole_to_one_branch():
    given = _begun(ModalityDropout(dropped=0.0)).gradients(MARGINS, TRIPLES, BPR)
    assert given.full.tolist() == BPR.tolist() and not given.keep.any()
    given = _begun(ModalityDropout(dropped=1.0)).gradients(MARGINS, TRIPLES, BPR)
    assert not given.full.any() and (given.keep != 0).sum(axis=1).tolist() == [1, 1, 1]
    chosen = given.keep != 0
    np.testing.assert_allclose(given.keep[chosen], ALONE[chosen], rtol=1e-5)
    many = _margins([0.0] * 3000, [[0.0] * 3000] * 2, [[0.0] * 3000] * 2)
    dropout = _begun(ModalityDropout(dropped=0.3))
    index = np.zeros(3000, dtype=np.int32)
    dropout.gradients(many, Triples(index, index, index, 3000), bpr(many.full)[1])
    assert dropout.epoch_log()["weight"] == pytest.approx({"text": 0.15, "image": 0.15}, abs=0.03)


def test_blending_weights_are_gain_over_squared_overfitting():
    """0.4 / 0.04 = 10, 0.2 / 0.01 = 20, 0.1 / 0.0025 = 40."""
    found = blending_weights(np.array([0.4, 0.2, 0.1]), np.array([0.2, -0.1, 0.05]), 0.01)
    assert found.tolist() == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    # A loss that got worse has no weight; overfitting of zero counts as 0.01: 0.1 / 0.0001 = 1000 against 0.4 / 0.04 = 10.
    found = blending_weights(np.array([0.4, -0.2, 0.1]), np.array([0.2, 0.1, 0.0]), 0.01)
    assert found.tolist() == pytest.approx([10 / 1010, 0, 1000 / 1010])
    assert blending_weights(np.array([-1.0, -1.0, 0.0]), np.ones(3), 0.01).tolist() == [1, 0, 0]


def test_gradient_blending_measures_from_the_untrained_model():
    """Every loss begins at ln 2, then falls to -ln(9/10), -ln(9/10), -ln(3/4) in training, to -ln(3/4) for two, ln 2 held out."""
    model = Model(upcoming=iter([(0.0, 0.0, 0.0)] * 2 + [(LN9, LN9, LN3), (LN3, LN3, 0.0)]))
    blending = _begun(GradientBlending(), model)
    given = blending.gradients(MARGINS, TRIPLES, BPR)
    assert given.full.tolist() == pytest.approx(BPR.tolist()) and not given.keep.any()  # plain at first
    assert blending.epoch_log()["weight"] == {"full": 1, "text": 0, "image": 0}
    blending.new_epoch(model, DATA)
    given = blending.gradients(MARGINS, TRIPLES, BPR)
    # Whole and text gained and overfitted alike; the image gained nothing on held-out triples.
    np.testing.assert_allclose(given.full, 0.5 * BPR, rtol=1e-5)
    np.testing.assert_allclose(given.keep, ALONE * [0.5, 0], rtol=1e-5)
    log_ = blending.epoch_log()
    assert log_["gain"] == pytest.approx({"full": log(1.5), "text": log(1.5), "image": 0}, abs=1e-6)
    assert log_["overfitting"] == pytest.approx({"full": log(1.2), "text": log(1.2), "image": log(1.5)}, rel=1e-5)


def test_gradient_blending_takes_offline_weights():
    blending = _begun(GradientBlending(weights={"full": 0.5, "text": 0.2, "image": 0.3}))
    given = blending.gradients(MARGINS, TRIPLES, BPR)
    np.testing.assert_allclose(given.full, 0.5 * BPR, rtol=1e-5)
    np.testing.assert_allclose(given.keep, ALONE * [0.2, 0.3], rtol=1e-5)


def test_mslr_halves_the_rate_of_a_modality_whose_held_out_loss_rises():
    epochs = [(0.0, 0.0, 0.0), (0.0, LN3, LN3), (0.0, LN9, 0.0), (0.0, LN9, LN3)]
    model = Model(upcoming=iter([outcome for outcome in epochs for _ in range(2)]))  # training triples, then held-out ones
    mslr, rates = MSLR(rates={"text": 3.0}), []
    for _ in epochs:
        mslr.new_epoch(model, DATA)
        rates.append(mslr.adjust({}))
    assert rates == [{"text": 3, "image": 1}, {"text": 3, "image": 1}, {"text": 3, "image": 0.5}, {"text": 3, "image": 0.5}]
    assert mslr.epoch_log()["weight"] == pytest.approx({"text": 3, "image": 0.75})


def _pareto(joint: list[float], alone: list[float], **options: float):
    """The gradient of text after MMPareto, given its joint and its own; the image's agree."""
    own = {
        "text": [np.array([one], dtype=np.float32) for one in alone],
        "image": [np.ones(1, dtype=np.float32), np.ones(1, dtype=np.float32)],
    }
    pareto = _begun(MMPareto(**options), Model(branch_gradients=lambda given: own))
    pareto.gradients(MARGINS, TRIPLES, BPR)
    branches = {
        "text": [np.array([one], dtype=np.float32) for one in joint],
        "image": [np.ones(1, dtype=np.float32), np.ones(1, dtype=np.float32)],
    }
    assert pareto.adjust(branches) == {}
    assert [float(one[0]) for one in branches["image"]] == [2, 2]
    return [float(one[0]) for one in branches["text"]], {k: v["text"] for k, v in pareto.epoch_log().items()}


def test_mmpareto_adds_what_agrees_and_takes_the_shortest_of_what_conflicts():
    found, log_ = _pareto([1, 0], [1, 1])
    assert found == [2, 1] and log_ == pytest.approx({"weight": 0.5, "signal": 1 / sqrt(2), "conflict_share": 0})
    # g = (1, 0), u = (-1, 1): <g, u> = -1, |u - g|^2 = 5, a = (2 + 1) / 5; 0.6 g + 0.4 u = (0.2, 0.4), made as long as g + u: 1.
    found, log_ = _pareto([1, 0], [-1, 1])
    assert found == pytest.approx([0.2 / sqrt(0.2), 0.4 / sqrt(0.2)])
    assert log_ == pytest.approx({"weight": 0.4, "signal": -1 / sqrt(2), "conflict_share": 1})
    assert found[0] > 0 and found[1] - found[0] > 0  # a positive angle with both
    assert _pareto([1, 0], [-1, 1], rescale=2.0)[0] == pytest.approx([0.4 / sqrt(0.2), 0.8 / sqrt(0.2)])


def test_mmpareto_never_loses_a_gradient_to_weights_of_zero():
    assert _pareto([3, 4], [0, 0])[0] == [3, 4]
    assert _pareto([0, 0], [3, 4])[0] == [3, 4]
    for opposite in ([-1, 0], [-2, 0]):  # no direction serves both
        found, log_ = _pareto([1, 0], opposite)
        assert found == pytest.approx([0, 0], abs=1e-6) and 0 < log_["weight"] < 1


def test_belonging_to_a_prototype():
    """Prototypes 0 and 2, vectors 0, 2, 1 of classes 0, 1, 0: squares 0 4, 4 0, 1 1: mean 10/6, mean square 34/6."""
    vectors, prototypes = np.array([[0.0], [2.0], [1.0]], dtype=np.float32), np.array([[0.0], [2.0]], dtype=np.float32)
    true, gradient = belonging(vectors, prototypes, np.array([0, 1, 0]), np.array([True, True]))
    scale = sqrt(34 / 6 - (10 / 6) ** 2)
    wrong = 1 / (1 + exp(4 / scale))
    assert true == pytest.approx(((1 - wrong) + (1 - wrong) + 0.5) / 3, rel=1e-5)
    # d(-log p_true)/dz = 2 / scale (sum_k p_k c_k - c_true): 2 wrong, 2 (1 - wrong) - 2, 2 x 0.5; a third of each.
    third = 2 / scale / 3
    assert gradient[:, 0].tolist() == pytest.approx([third * 2 * wrong, -third * 2 * wrong, third], rel=1e-4)
    alike = belonging(
        np.ones((3, 1), dtype=np.float32), np.ones((2, 1), dtype=np.float32), np.array([0, 1, 0]), np.array([True, True])
    )
    assert alike[0] == 0.5 and not alike[1].any()


def test_pmr_helps_the_modality_whose_vectors_tell_less():
    """History has two groups of two. Text's vectors are far apart by group, the image's are all the same: 1/2 each."""
    group = np.array([0, 0, 1, 1])
    vectors = {
        "id": np.float32(10) * np.eye(2, dtype=np.float32)[group],
        "text": np.float32(2) * group[:, None].astype(np.float32),
        "image": np.ones((4, 1), dtype=np.float32),
    }
    bought = np.array([0, 2, 3], dtype=np.int32)
    model = Model(item_vectors=lambda batch=False: {name: x[bought] if batch else x for name, x in vectors.items()})
    triples = Triples(USERS, bought, USERS, 3)
    pmr = _begun(PMR(), model)
    assert pmr.gradients(MARGINS, triples, BPR).vectors is None  # nothing is known yet
    assert pmr.epoch_log()["weight"] == {"text": 0, "image": 0}
    pmr.new_epoch(model, DATA)
    given = pmr.gradients(MARGINS, triples, BPR)
    own = 1 / (1 + exp(-2))  # squares 0 and 4 as often, so their standard deviation is 2
    log_ = pmr.epoch_log()
    assert log_["probability_of_own_cluster"] == pytest.approx({"text": own, "image": 0.5}, rel=1e-5)
    assert log_["weight"] == pytest.approx({"text": 0, "image": own / 0.5 - 1}, rel=1e-4)
    assert set(given.vectors) == {"image"} and given.full is BPR


def test_methods_that_need_two_modalities_or_branches_say_so():
    lonely = SimpleNamespace(modalities=("text",), branches=("text",), content_in_score=True)
    bare = SimpleNamespace(modalities=("text", "image"), branches=("text",), content_in_score=True)
    deaf = Model(content_in_score=False)
    for balancer in (OGMGE(), AGM(), CGGM(), ARL(), MMPareto(), MSLR()):
        assert balancer.refusal(lonely) == "one_modality"
        assert balancer.refusal(bare) == "no_branch_parameters"
        assert balancer.refusal(Model()) is None
    for balancer in (ModalityDropout(), GradientBlending(), UMT({})):
        assert balancer.refusal(lonely) == "one_modality" and balancer.refusal(bare) is None
    for balancer in (OGMGE(), MSLR(), ModalityDropout(), GradientBlending(), UMT({}), PMR()):
        assert balancer.refusal(deaf) == "content_not_in_score"
    assert PMR().refusal(Model()) == "no_item_vectors"
    assert PMR().refusal(Model(item_vectors=lambda batch=False: {})) is None
