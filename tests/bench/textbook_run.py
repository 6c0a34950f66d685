"""``textbook_run.py FOLDER MODEL epoch|quality SEED``: the time of an epoch, or the best validation Recall@20, of a textbook loop.

Of the time of an epoch only the first steps are measured, all steps being alike; a new epoch's own work is measured whole.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch

from tests.bench.clock import held_mb, tell
from tests.bench.textbook import BATCH, Log, batches, recall
from tests.bench.textbook_graphs import EVERY

_WARM, _MEASURED = 2, 8
_EPOCHS, _PATIENCE = 40, 5

folder, name, what, seed = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
held = held_mb()
torch.set_num_threads(1)
torch.manual_seed(seed)
log, generator = Log(folder), np.random.default_rng(seed)
model = EVERY[name](log)
optimiser = torch.optim.Adam(model.parameters(), lr=model.rate)


def learn(batch: tuple[torch.Tensor, ...]) -> None:
    """One step."""
    optimiser.zero_grad()
    model.loss(*batch).backward()
    optimiser.step()


if what == "epoch":
    began = time.process_time()
    model.new_epoch()
    prepared = time.process_time() - began
    steps, drawn = [], batches(log, generator)
    for _ in range(_WARM + _MEASURED):
        began = time.process_time()
        learn(next(drawn))
        steps.append(time.process_time() - began)
    first = max(0.0, steps[0] - float(np.median(steps)))  # some models do an epoch's work in its first batch
    n_steps = -(-len(log.train) // BATCH)
    seconds, said = prepared + first + n_steps * float(np.median(steps[_WARM:])), f"{n_steps} steps of {BATCH}"
else:
    began, best, waited, epochs = time.process_time(), 0.0, 0, 0
    while epochs < _EPOCHS and waited < _PATIENCE:
        model.new_epoch()
        for batch in batches(log, generator):
            learn(batch)
        with torch.no_grad():
            value = recall(log, *model.ranked())
        epochs, waited, best = epochs + 1, 0 if value > best else waited + 1, max(best, value)
    seconds, said = time.process_time() - began, f"Recall@20 {best:.4f} after {epochs} epochs"
tell(seconds, said, held, "torch")
