"""``implicit``'s BPR of purchase history alone, in C++: the time of an epoch on one thread."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from implicit.cpu.bpr import BayesianPersonalizedRanking
from scipy.sparse import csr_matrix

from tests.bench.clock import held_mb, tell

held = held_mb()
pairs = np.load(Path(sys.argv[1]) / "train.npy")
table = csr_matrix((np.ones(len(pairs), dtype=np.float32), (pairs[:, 0], pairs[:, 1])))
spent = []
for epochs in (1, 11):
    model = BayesianPersonalizedRanking(factors=64, iterations=epochs, num_threads=1, random_state=0)
    began = time.process_time()
    model.fit(table, show_progress=False)
    spent.append(time.process_time() - began)
tell((spent[1] - spent[0]) / 10, "ID only", held, "implicit")
