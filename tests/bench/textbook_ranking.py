"""``textbook_ranking.py FOLDER full|gemm``: full ranking as it is commonly done, or its matrix of scores alone, on one thread."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from tests.bench.clock import held_mb, tell
from tests.bench.textbook import BATCH

_K = 20

held = held_mb()
torch.set_num_threads(1)
folder, what = Path(sys.argv[1]), sys.argv[2]
train, validation = (torch.from_numpy(np.load(folder / f"{name}.npy")).long() for name in ("train", "validation"))
with np.load(folder / "vbpr.npz") as state:
    content = [np.load(folder / f"projected_{name}.npz")["values"] @ state[f"map.{name}"][:-1] for name in ("image", "text")]
    users, items = torch.from_numpy(state["user"]), torch.from_numpy(np.column_stack([state["item"], *content]))
    bias = torch.from_numpy(state["bias"][:, 0])


def scores_alone() -> None:
    """Nothing but the scores."""
    for chosen in users.split(BATCH):
        torch.mm(chosen, items.T)


def whole() -> tuple[float, float]:
    """Scores, mask, top-k, Recall@20 and NDCG@20, all vectorised."""
    discount = 1 / torch.log2(torch.arange(2, _K + 2).float())
    ideal = torch.cat([torch.zeros(1), discount.cumsum(0)])
    found: list[tuple[torch.Tensor, torch.Tensor]] = []
    for low in range(0, len(users), BATCH):
        high = min(low + BATCH, len(users))
        scores = users[low:high] @ items.T + bias
        known, wanted = (part[(part[:, 0] >= low) & (part[:, 0] < high)] for part in (train, validation))
        scores[known[:, 0] - low, known[:, 1]] = -torch.inf
        relevant = torch.zeros(scores.shape, dtype=torch.bool)
        relevant[wanted[:, 0] - low, wanted[:, 1]] = True
        hits = relevant.gather(1, scores.topk(_K, dim=1).indices).float()
        count = relevant.sum(1)
        some = count > 0
        recall = hits.sum(1) / count
        found.append((recall[some], ((hits * discount).sum(1) / ideal[count.clamp(max=_K)])[some]))
    return float(torch.cat([one for one, _ in found]).mean()), float(torch.cat([one for _, one in found]).mean())


spent, said = [], ""
for _ in range(4):
    began = time.process_time()
    if what == "full":
        said = "Recall@20 {:.4f}, NDCG@20 {:.4f}".format(*whole())
    else:
        scores_alone()
    spent.append(time.process_time() - began)
tell(float(np.median(spent[1:])), said, held, "torch")
