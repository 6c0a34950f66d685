"""Counterfactual distillation against numbers worked by hand on three triples, and against autograd."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.backbones.protocol import Margins
from models.balancers.ckd import CKD
from models.sampling import Triples

TEXT, IMAGE = np.array([2.0, 1.0, 0.5], dtype=np.float32), np.array([1.0, -1.0, 0.0], dtype=np.float32)
ID = np.array([0.5, 0.5, -0.5], dtype=np.float32)
FULL = ID + TEXT + IMAGE
MARGINS = Margins(FULL, np.stack([ID + TEXT, ID + IMAGE], axis=1), lambda: np.stack([FULL - TEXT, FULL - IMAGE], axis=1))
TEACHERS = {"text": np.array([3.0, 1.0, 1.0], dtype=np.float32), "image": np.array([1.0, 0.5, 2.0], dtype=np.float32)}


def _triples(n_bpr: int) -> Triples:
    index = np.zeros(3, dtype=np.int32)
    return Triples(index, index, index, n_bpr)


def _ckd(**options: object) -> CKD:
    return CKD({name: lambda triples, margin=margin: margin for name, margin in TEACHERS.items()}, n_generic=0, **options)


def test_paper_weights_for_two_modalities_are_the_papers():
    """Triple 1: c_text = 2 / 2.5, c_image = 1 / 1.5, so w_text = 2 c_image / (c_text + c_image) = 0.909..."""
    ckd = _ckd(variant="paper")
    weights = ckd._weights(MARGINS, 3)
    c_text, c_image = 2 / 2.5, 1 / 1.5
    assert weights[0].tolist() == pytest.approx([2 * c_image / (c_text + c_image), 2 * c_text / (c_text + c_image)], rel=1e-5)
    # Triple 2: the image's ratio is -1 / -0.5 = 2: two negatives look like a contribution. That is the paper's ambiguity.
    c_text, c_image = 1 / 1.5, 2.0
    assert weights[1].tolist() == pytest.approx([2 * c_image / (c_text + c_image), 2 * c_text / (c_text + c_image)], rel=1e-5)
    # Triple 3: keep-text is exactly zero; the clip at 10 fires and is reported. The image's 0 / -0.5 falls to the floor 1e-8.
    assert weights[2] == pytest.approx([0.0, 2.0], abs=1e-6)
    assert ckd.epoch_log()["clip_share"] == pytest.approx({"text": 1 / 3, "image": 1 / 3})


def test_sign_safe_weights_are_the_same_for_every_triple_and_favour_the_weaker():
    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-x.astype(np.float64)))

    weights = _ckd()._weights(MARGINS, 3)
    contribution = [(sigmoid(FULL).mean() - sigmoid(FULL - part).mean()) / sigmoid(ID + part).mean() for part in (TEXT, IMAGE)]
    expected = 1 / np.maximum(contribution, 0.01)
    assert weights[0].tolist() == pytest.approx((expected / expected.mean()).tolist(), rel=1e-4)
    assert np.all(weights == weights[0]) and weights[0, 1] > weights[0, 0]


@pytest.mark.parametrize("variant", ["paper", "signsafe"])
def test_gradient_equals_autograd_of_the_written_loss(variant):
    """Two BPR triples and one uniform triple; weights are constants, as in the paper."""
    ckd = _ckd(variant=variant, alpha=0.3, beta=2.0, temperature=0.5)
    bpr_gradient = np.array([-0.1, -0.2], dtype=np.float32)
    found = ckd.gradients(MARGINS, _triples(2), bpr_gradient)
    weights = torch.from_numpy(_ckd(variant=variant)._weights(MARGINS, 2))
    keep = torch.from_numpy(MARGINS.keep.copy()).requires_grad_()
    loss = torch.zeros(())
    for m, teacher in enumerate(TEACHERS.values()):
        target = torch.from_numpy(teacher)
        specific = torch.clamp(target[:2] - keep[:2, m], min=0)
        generic = torch.nn.functional.binary_cross_entropy(
            torch.sigmoid(keep[2:, m] / 0.5), torch.sigmoid(target[2:] / 0.5), reduction="none"
        )
        loss = loss + 0.3 * (weights[:2, m] * specific).mean() + 0.3 * 2.0 * (weights[2:, m] * generic).mean()
    loss.backward()
    assert found.keep is not None
    np.testing.assert_allclose(found.keep, keep.grad.numpy(), rtol=1e-4, atol=1e-6)
    assert found.full.tolist() == pytest.approx([-0.1, -0.2, 0.0])


def test_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="signsafe, paper"):
        _ckd(variant="other")
