"""Five more of the field's recommenders as ``textbook`` runs them: messages along COO edges, raw features whole in every step."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.bench.textbook import (
    DIMENSIONS,
    LAYERS,
    NEIGHBOURS,
    TEXTBOOK,
    Log,
    Model,
    Trainable,
    alike,
    bpr,
    lightgcn,
)

__all__ = ["EVERY"]


def _square() -> nn.Linear:
    return nn.Linear(DIMENSIONS, DIMENSIONS)


class MMGCN(Model):
    """A graph of purchases for each modality; neighbours are averaged, and ID vectors join in every layer."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        indices, n = log.graph.indices(), log.n_users + log.n_items
        mean = torch.bincount(indices[0], minlength=n).float().reciprocal()[indices[0]]
        self.mean = torch.sparse_coo_tensor(indices, mean, (n, n)).coalesce()
        self.maps = nn.ModuleDict({name: nn.Linear(x.shape[1], DIMENSIONS) for name, x in log.features.items()})
        self.preference = nn.ModuleDict({name: nn.Embedding(log.n_users, DIMENSIONS) for name in log.features})
        for table in self.preference.values():
            nn.init.xavier_normal_(table.weight)
        self.layers = nn.ModuleDict(
            {name: nn.ModuleList([_square() for _ in range(3 * LAYERS)]) for name in log.features},
        )

    def vectors(self) -> tuple[Tensor, Tensor]:
        identity, total = torch.cat([self.user.weight, self.item.weight]), []
        for name, x in self.log.features.items():
            both = F.normalize(torch.cat([self.preference[name].weight, self.maps[name](x)]))
            weights = iter(self.layers[name])
            for first, second, third in zip(weights, weights, weights, strict=True):
                near = F.leaky_relu(torch.sparse.mm(self.mean, first(both)))
                both = F.leaky_relu(third(near) + F.leaky_relu(second(both)) + identity)
            total.append(both)
        return self.split(torch.stack(total).mean(0))


class GRCN(Model):
    """Purchases weighted by how near they are to a user's prototype, which neighbour routing finds; edges are gathered."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self.edge_user, self.edge_item = log.train.T
        self.maps = nn.ModuleDict({name: nn.Linear(x.shape[1], DIMENSIONS) for name, x in log.features.items()})
        self.preference = nn.ParameterDict({name: torch.randn(log.n_users, DIMENSIONS) * 0.1 for name in log.features})
        self.base = nn.Parameter(torch.rand(log.n_users + log.n_items, len(log.features)))

    def softmax(self, values: Tensor, index: Tensor, n: int) -> Tensor:
        """Over the edges of each end."""
        top = torch.full((n,), -torch.inf).scatter_reduce(0, index, values.detach(), "amax")
        power = (values - top[index]).exp()
        return power / torch.zeros(n).index_add(0, index, power)[index]

    def vectors(self) -> tuple[Tensor, Tensor]:
        n_users, n_items = self.log.n_users, self.log.n_items
        parts, to_user, to_item = [], [], []
        for name, x in self.log.features.items():
            items, users = F.normalize(F.leaky_relu(self.maps[name](x))), F.normalize(self.preference[name])
            for _ in range(3):
                near = items[self.edge_item]
                share = self.softmax((users[self.edge_user] * near).sum(1), self.edge_user, n_users)
                users = F.normalize(users + torch.zeros_like(users).index_add(0, self.edge_user, share[:, None] * near))
            dot = (users[self.edge_user] * items[self.edge_item]).sum(1)
            to_user.append(self.softmax(dot, self.edge_user, n_users))
            to_item.append(self.softmax(dot, self.edge_item, n_items))
            parts.append(torch.cat([users, items]))
        into_user = (torch.stack(to_user, 1) * self.base[self.edge_user]).amax(1).relu()[:, None]
        into_item = (torch.stack(to_item, 1) * self.base[self.edge_item + n_users]).amax(1).relu()[:, None]
        users, items, total = self.user.weight, self.item.weight, [torch.cat([self.user.weight, self.item.weight])]
        for _ in range(LAYERS):
            users, items = (
                torch.zeros_like(users).index_add(0, self.edge_user, into_user * items[self.edge_item]),
                torch.zeros_like(items).index_add(0, self.edge_item, into_item * users[self.edge_user]),
            )
            total.append(torch.cat([users, items]))
        return self.split(torch.cat([torch.stack(total).sum(0), *parts], dim=1))


class LATTICE(Trainable):
    """A dense graph of items, partly learnt: its neighbours are found anew in the first batch of each epoch."""

    frozen_share = 0.9

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self.frozen = [alike(x).to_dense() for x in log.features.values()]
        self.importance = nn.Parameter(torch.full((2,), 0.5))
        self.stale = True

    def new_epoch(self) -> None:
        self.stale = True

    def learnt(self) -> Tensor:
        """The items' graph, differentiable in the maps where it is new."""
        graphs = []
        for mapped, frozen in zip(self.content(), self.frozen, strict=True):
            unit = F.normalize(mapped)
            values, columns = (unit @ unit.T).topk(NEIGHBOURS, dim=1)
            near = torch.zeros_like(frozen).scatter(1, columns, values.clamp(min=0))
            scale = near.sum(1).clamp(min=1e-9).rsqrt()
            graphs.append((1 - self.frozen_share) * scale[:, None] * near * scale + self.frozen_share * frozen)
        weight = torch.softmax(self.importance, 0)
        return weight[0] * graphs[0] + weight[1] * graphs[1]

    def vectors(self) -> tuple[Tensor, Tensor]:
        if self.stale:
            self.items_alike, self.stale = self.learnt(), False
        else:
            self.items_alike = self.items_alike.detach()
        users, items = self.split(lightgcn(self.graph, torch.cat([self.user.weight, self.item.weight])))
        return users, items + F.normalize(self.items_alike @ self.item.weight)


class BM3(Trainable):
    """No negatives: every view of an item predicts the others."""

    l2 = 0.1
    hidden = 0.3

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self.predictor = _square()

    def propagated(self) -> tuple[Tensor, Tensor]:
        """Vectors before the predictor."""
        users, items = self.split(lightgcn(self.graph, torch.cat([self.user.weight, self.item.weight]), layers=1))
        return users, items + self.item.weight

    def ranked(self) -> tuple[Tensor, Tensor]:
        users, items = self.propagated()
        return self.predictor(users), self.predictor(items)

    def loss(self, user: Tensor, good: Tensor, bad: Tensor) -> Tensor:
        def apart(predicted: Tensor, target: Tensor) -> Tensor:
            return 1 - F.cosine_similarity(predicted, target.detach()).mean()

        users, items = self.propagated()
        hidden_user, hidden_item = (F.dropout(x.detach(), self.hidden) for x in (users, items))
        loss = apart(self.predictor(users)[user], hidden_item[good]) + apart(self.predictor(items)[good], hidden_user[user])
        for content in self.content():
            hidden, predicted = F.dropout(content.detach(), self.hidden), self.predictor(content)[good]
            loss = loss + apart(predicted, hidden_item[good]) + apart(predicted, hidden[good])
        return loss + self.penalty(user, good, bad)


class MGCN(Trainable):
    """Content gated by ID vectors, spread in views of its own, fused by attention, held close to history by a contrastive loss."""

    contrast = 0.01

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        names = tuple(log.features)
        self.items_alike = {name: alike(x) for name, x in log.features.items()}
        self.gates, self.preferences = (nn.ModuleDict({name: _square() for name in names}) for _ in range(2))
        self.attention, self.query = _square(), nn.Linear(DIMENSIONS, 1, bias=False)

    def vectors(self) -> tuple[Tensor, Tensor]:
        history, views = lightgcn(self.graph, torch.cat([self.user.weight, self.item.weight])), []
        for (name, gate), content in zip(self.gates.items(), self.content(), strict=True):
            spread = torch.sparse.mm(self.items_alike[name], self.item.weight * torch.sigmoid(gate(content)))
            empty = torch.zeros_like(self.user.weight)
            users = torch.sparse.mm(self.graph, torch.cat([empty, spread]))[: self.log.n_users]
            views.append(torch.cat([users, spread]))
        weight = torch.softmax(torch.cat([self.query(torch.tanh(self.attention(view))) for view in views], dim=1), dim=1)
        shared = weight[:, :1] * views[0] + weight[:, 1:] * views[1]
        own = [(view - shared) * torch.sigmoid(gate(history)) for view, gate in zip(views, self.preferences.values(), strict=True)]
        self.history, self.fused = history, shared + (own[0] + own[1]) / 2
        return self.split(history + self.fused)

    def loss(self, user: Tensor, good: Tensor, bad: Tensor) -> Tensor:
        users, items = self.vectors()
        loss = bpr(users[user], items[good], items[bad]) + self.penalty(user, good, bad)
        for rows in (user, good + self.log.n_users):
            one, other = F.normalize(self.fused[rows]), F.normalize(self.history[rows])
            loss = loss + self.contrast * F.cross_entropy(one @ other.T / 0.2, torch.arange(len(rows)))
        return loss


EVERY: dict[str, type[Model]] = TEXTBOOK | {"mmgcn": MMGCN, "grcn": GRCN, "lattice": LATTICE, "bm3": BM3, "mgcn": MGCN}
"""All of them by name."""
