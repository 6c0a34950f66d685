"""GRCN's forward and gradients against the paper's equations in dense float64 torch."""

from __future__ import annotations

import numpy as np
import torch

from models.backbones.grcn import GRCN
from models.backbones.protocol import Features, MarginGradients
from tests.models import dense


def _model(features) -> GRCN:
    given = {"train": dense.PAIRS, "dimensions": dense.D, "learning_rate": dense.RATE, "l2": dense.L2, "scale": 0.5}
    return GRCN(dense.N_USERS, dense.N_ITEMS, features, **given)


def _bought() -> torch.Tensor:
    return dense.purchases() > 0


def _softmax(affinity, there):
    """Over each row's own entries; zero in rows that have none."""
    return torch.softmax(torch.where(there, affinity, -1e30), dim=1) * there


def _modality(before, m, x):
    """Affinities times base, either way, and the vectors; ``x`` None: counterfactual."""
    bases = before[f"user_base.{m}"], before[f"item_base.{m}"]
    if x is None:
        even = torch.zeros(dense.N_USERS, dense.N_ITEMS, dtype=torch.float64)
        return bases[0].mean() * _softmax(even, _bought()), bases[1].mean() * _softmax(even.T, _bought().T), None
    items = x @ before[f"map.{m}"]
    items = torch.where(items > 0, items, 0.2 * items)
    users = before[f"preference.{m}"]
    for _ in range(3):
        users = users + _softmax(users @ items.T, _bought()) @ items
        users = users / users.norm(dim=1, keepdim=True)
    near = users @ items.T
    return bases[0][:, None] * _softmax(near, _bought()), bases[1][:, None] * _softmax(near.T, _bought().T), (users, items)


def _vectors(before, features, names):
    """Users' and items' vectors with these modalities factual."""
    content = {name: torch.from_numpy(np.column_stack([f.values, ~f.present])).double() for name, f in features.items()}
    found = [_modality(before, m, content[name] if name in names else None) for m, name in enumerate(features)]
    to_users = torch.stack([one[0] for one in found]).amax(0).relu()
    to_items = torch.stack([one[1] for one in found]).amax(0).relu()
    users, items = [before["user"]], [before["item"]]
    for _ in range(2):
        users, items = [*users, to_users @ items[-1]], [*items, to_items @ users[-1]]
    content = [one[2] for one in found if one[2] is not None]
    return torch.cat([sum(users), *(u for u, _ in content)], dim=1), torch.cat([sum(items), *(i for _, i in content)], dim=1)


def test_one_step_is_the_papers_equations_under_autograd():
    features, rng = dense.tiny_features(), np.random.default_rng(2)
    model = _model(features)
    with torch.no_grad():  # bases apart, so that either modality wins some edges; user 0 and item 1 listen to nobody
        for base in (*model.user_base, *model.item_base):
            base.copy_(torch.from_numpy(rng.uniform(0.5, 1.5, len(base))))
            base[0 if len(base) == dense.N_USERS else 1] = -1
    before = dense.leaves(model)
    margins = model.forward(dense.TRIPLES, counterfactual=True)
    without = margins.without
    full, keep = rng.normal(size=4).astype(np.float32), rng.normal(size=(4, 2)).astype(np.float32)
    model.backward(MarginGradients(full, keep))

    users, items = _vectors(before, features, ["text", "image"])
    whole = dense.margin(users, items, before["bias"])
    alone = torch.stack([dense.margin(*_vectors(before, features, [name]), before["bias"]) for name in features], dim=1)
    np.testing.assert_allclose(margins.full, whole.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(margins.keep, alone.detach().numpy(), atol=1e-5)
    np.testing.assert_allclose(without, alone.detach().numpy()[:, ::-1], atol=1e-5)

    u, i, j = dense.indices(dense.TRIPLES.n_bpr)
    content = items[:, dense.D :]
    touched = [before["preference.0"][u], before["preference.1"][u], content[i], content[j]]
    loss = (whole * torch.from_numpy(full)).sum() + (alone * torch.from_numpy(keep)).sum() + dense.l2(before)
    loss = loss + dense.L2 / 2 / dense.TRIPLES.n_bpr * sum(rows.square().sum() for rows in touched)
    dense.assert_gradients(model, before, loss)
    assert all(parameter.grad.any() for parameter in (*model.map, *model.user_base, *model.item_base))


def test_a_purchase_unlike_the_others_carries_less():
    """User 0 buys items 0 to 3, of which 0 to 2 are alike and 3 their opposite."""
    values = np.array([[1, 0.1], [1, 0], [1, -0.1], [-1, 0]], dtype=np.float32) * 3
    train = np.array([[0, item] for item in range(4)] + [[1, 3]], dtype=np.int32)
    model = GRCN(2, 4, {"text": Features(values, np.ones(4, dtype=bool))}, train=train, dimensions=2)
    with torch.no_grad():
        model.map[0].copy_(torch.tensor([[1.0, 0], [0, 1], [0, 0]]))
        weight = model._routed(0).to_users[:4]
    np.testing.assert_allclose(weight.sum(), 1, atol=1e-6)
    assert weight[3] < 0.1 * weight[:3].min()


def test_without_any_modality_neighbours_count_alike():
    model = _model({})
    before = dense.leaves(model)
    even = torch.zeros(dense.N_USERS, dense.N_ITEMS, dtype=torch.float64)
    users, items = [before["user"]], [before["item"]]
    for _ in range(2):
        near = _softmax(even, _bought()) @ items[-1], _softmax(even.T, _bought().T) @ users[-1]
        users, items = [*users, near[0]], [*items, near[1]]
    scores = model.score(np.arange(dense.N_USERS), [frozenset()])[0]
    np.testing.assert_allclose(scores, (sum(users) @ sum(items).T).detach().numpy(), atol=1e-6)
