"""Recommenders as the field's public loops run them, in plain torch, on one thread: what speed and quality are held against.

Raw features go through the network whole in every step, graphs are COO tensors, Adam is dense, and a batch has 2,048 purchases.
Nothing is shared with Tenbin's own models, so that best validation Recall@20 is an independent oracle of theirs. Choices follow
the common library of multimodal recommenders (MMRec) where the papers leave them open; LightGCN has 2 layers everywhere.

Each model has parameters and ``loss(user, good, bad)`` of index tensors, and says the final vectors of users and items.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["BATCH", "TEXTBOOK", "FREEDOM", "LightGCN", "LightGCNContent", "Log", "Model", "VBPR", "batches", "recall"]

BATCH, DIMENSIONS, LAYERS, NEIGHBOURS = 2048, 64, 2, 10


class Log:
    """The generated log as torch tensors, and the normalised graph of users and items as a COO tensor."""

    def __init__(self, folder: Path) -> None:
        parts = {name: np.load(folder / f"{name}.npy") for name in ("train", "validation")}
        self.train, self.validation = (torch.from_numpy(part).long() for part in parts.values())
        self.features = {name: torch.from_numpy(np.load(folder / f"{name}.npy")) for name in ("image", "text")}
        self.n_users, self.n_items = int(self.train[:, 0].max()) + 1, len(self.features["text"])
        self.seen = set((parts["train"][:, 0].astype(np.int64) * self.n_items + parts["train"][:, 1]).tolist())
        self.graph = self.normalised(self.train)

    def normalised(self, pairs: Tensor) -> Tensor:
        """D^(-1/2) A D^(-1/2) over users and items together."""
        rows = torch.cat([pairs[:, 0], pairs[:, 1] + self.n_users])
        columns = torch.cat([pairs[:, 1] + self.n_users, pairs[:, 0]])
        n = self.n_users + self.n_items
        scale = torch.bincount(rows, minlength=n).clamp(min=1).float().rsqrt()
        return torch.sparse_coo_tensor(torch.stack([rows, columns]), scale[rows] * scale[columns], (n, n)).coalesce()


def batches(log: Log, generator: np.random.Generator) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """One epoch of shuffled purchases, each with an item that its user did not buy."""
    order = torch.from_numpy(generator.permutation(len(log.train)))
    for chosen in order.split(BATCH):
        user, good = log.train[chosen].T
        bad = generator.integers(0, log.n_items, len(chosen))
        for place, (one, item) in enumerate(zip(user.tolist(), bad.tolist(), strict=True)):
            while one * log.n_items + item in log.seen:
                item = int(generator.integers(log.n_items))
            bad[place] = item
        yield user, good, torch.from_numpy(bad)


def recall(log: Log, users: Tensor, items: Tensor, k: int = 20) -> float:
    """Mean validation Recall@k by one matrix of scores for each 2,048 users, top-k and comparison."""
    truth = log.validation
    count = torch.bincount(truth[:, 0], minlength=log.n_users)
    hits = torch.zeros(log.n_users)
    for chosen in torch.arange(log.n_users).split(BATCH):
        low, high = int(chosen[0]), int(chosen[-1])
        scores = users[low : high + 1] @ items.T
        known = log.train[(log.train[:, 0] >= low) & (log.train[:, 0] <= high)]
        scores[known[:, 0] - low, known[:, 1]] = -torch.inf
        wanted = torch.zeros_like(scores, dtype=torch.bool)
        mine = truth[(truth[:, 0] >= low) & (truth[:, 0] <= high)]
        wanted[mine[:, 0] - low, mine[:, 1]] = True
        hits[low : high + 1] = wanted.gather(1, scores.topk(k, dim=1).indices).sum(1).float()
    return float((hits / count)[count > 0].mean())


def bpr(user: Tensor, good: Tensor, bad: Tensor) -> Tensor:
    """Mean of -log sigma of the margin."""
    return -F.logsigmoid((user * (good - bad)).sum(1)).mean()


def lightgcn(graph: Tensor, vectors: Tensor, layers: int = LAYERS) -> Tensor:
    """Mean of layers 0 to ``layers``."""
    every = [vectors]
    for _ in range(layers):
        every.append(torch.sparse.mm(graph, every[-1]))
    return torch.stack(every, dim=1).mean(dim=1)


def alike(features: Tensor, k: int = NEIGHBOURS) -> Tensor:
    """The k most alike items of each item, unweighted, symmetrically normalised; a COO tensor."""
    unit = F.normalize(features)
    columns = (unit @ unit.T).topk(k, dim=1).indices.flatten()
    rows = torch.arange(len(features)).repeat_interleave(k)
    scale = torch.full((len(features),), float(k)).rsqrt()
    return torch.sparse_coo_tensor(torch.stack([rows, columns]), scale[rows] * scale[columns], (len(features),) * 2).coalesce()


class Model(nn.Module):
    """What the models share: tables that start in Glorot's range, and L2 on the batch's rows of them."""

    l2 = 1e-4
    rate = 1e-3

    def __init__(self, log: Log, width: int = DIMENSIONS) -> None:
        super().__init__()
        self.log, self.graph = log, log.graph
        self.user, self.item = nn.Embedding(log.n_users, width), nn.Embedding(log.n_items, DIMENSIONS)
        for table in (self.user, self.item):
            nn.init.xavier_uniform_(table.weight)

    def new_epoch(self) -> None:
        """What is done once before each epoch."""

    def vectors(self) -> tuple[Tensor, Tensor]:
        """Final vectors of users and items."""
        raise NotImplementedError

    def ranked(self) -> tuple[Tensor, Tensor]:
        """The vectors that are ranked by."""
        return self.vectors()

    def loss(self, user: Tensor, good: Tensor, bad: Tensor) -> Tensor:
        users, items = self.vectors()
        return bpr(users[user], items[good], items[bad]) + self.penalty(user, good, bad)

    def penalty(self, user: Tensor, good: Tensor, bad: Tensor) -> Tensor:
        """L2 on what the tables hold for the batch."""
        rows = self.user(user), self.item(good), self.item(bad)
        return self.l2 * torch.stack([row.square().sum() for row in rows]).sum() / (2 * len(user))

    def split(self, both: Tensor) -> tuple[Tensor, Tensor]:
        """Users' and items' halves."""
        return both[: self.log.n_users], both[self.log.n_users :]


class VBPR(Model):
    """ID factors beside one linear map of all raw features, one preference vector for both."""

    def __init__(self, log: Log) -> None:
        super().__init__(log, 2 * DIMENSIONS)
        self.raw = torch.cat(list(log.features.values()), dim=1)
        self.linear = nn.Linear(self.raw.shape[1], DIMENSIONS)
        nn.init.xavier_uniform_(self.linear.weight)

    def vectors(self) -> tuple[Tensor, Tensor]:
        return self.user.weight, torch.cat([self.item.weight, self.linear(self.raw)], dim=1)


class LightGCN(Model):
    """Purchase history alone, smoothed over purchases."""

    def vectors(self) -> tuple[Tensor, Tensor]:
        return self.split(lightgcn(self.graph, torch.cat([self.user.weight, self.item.weight])))


class LightGCNContent(Model):
    """History, image and text side by side, each smoothed over purchases."""

    def __init__(self, log: Log) -> None:
        super().__init__(log, 3 * DIMENSIONS)
        self.maps = nn.ModuleDict({name: nn.Linear(x.shape[1], DIMENSIONS) for name, x in log.features.items()})
        for linear in self.maps.values():
            nn.init.xavier_uniform_(linear.weight)

    def vectors(self) -> tuple[Tensor, Tensor]:
        items = [self.item.weight, *(self.maps[name](x) for name, x in self.log.features.items())]
        return self.split(lightgcn(self.graph, torch.cat([self.user.weight, torch.cat(items, dim=1)])))


class Trainable(Model):
    """What most of the public code does with raw features: they are a table that is trained, behind a linear map for each."""

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        self.raw = nn.ModuleDict({name: nn.Embedding.from_pretrained(x.clone(), freeze=False) for name, x in log.features.items()})
        self.maps = nn.ModuleDict({name: nn.Linear(x.shape[1], DIMENSIONS) for name, x in log.features.items()})
        for linear in self.maps.values():
            nn.init.xavier_normal_(linear.weight)

    def content(self) -> list[Tensor]:
        """Each modality's mapped features of all items."""
        return [linear(self.raw[name].weight) for name, linear in self.maps.items()]


class FREEDOM(Trainable):
    """A thinned graph of purchases and a frozen graph of items alike in content."""

    modal_weight = 1e-3
    kept = 0.2

    def __init__(self, log: Log) -> None:
        super().__init__(log)
        both = [weight * alike(log.features[name]) for name, weight in {"image": 0.1, "text": 0.9}.items()]
        self.items_alike = (both[0] + both[1]).coalesce()
        ends = torch.bincount(log.train[:, 0])[log.train[:, 0]] * torch.bincount(log.train[:, 1])[log.train[:, 1]]
        self.stays = ends.float().rsqrt()

    def new_epoch(self) -> None:
        kept = self.stays.multinomial(round(self.kept * len(self.stays)))
        self.graph = self.log.normalised(self.log.train[kept])

    def on(self, graph: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors on one graph of purchases."""
        users, items = self.split(lightgcn(graph, torch.cat([self.user.weight, self.item.weight])))
        return users, items + torch.sparse.mm(self.items_alike, self.item.weight)

    def vectors(self) -> tuple[Tensor, Tensor]:
        return self.on(self.graph)

    def ranked(self) -> tuple[Tensor, Tensor]:
        return self.on(self.log.graph)

    def loss(self, user: Tensor, good: Tensor, bad: Tensor) -> Tensor:
        users, items = self.vectors()
        loss = bpr(users[user], items[good], items[bad]) + self.penalty(user, good, bad)
        for content in self.content():
            loss = loss + self.modal_weight * bpr(users[user], content[good], content[bad])
        return loss


TEXTBOOK: dict[str, type[Model]] = {
    "vbpr": VBPR,
    "lightgcn": LightGCN,
    "lightgcn_content": LightGCNContent,
    "freedom": FREEDOM,
}
"""Those whose quality is compared too; the others are in ``textbook_graphs``."""
