"""``ours_learning.py FOLDER WHAT [MODEL] [BATCH] [SEED]``: Tenbin's side of the learning benchmarks.

``prepare [SHOP]`` makes the log, or takes it from a real shop, projects the features and trains the model whose rankings are
raced; every other word is one measurement. What runs on one thread is measured in processor time, which is the wall's where
nothing else runs.
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from diagnostics.config import threshold
from models.backbones import BACKBONES, suggested
from models.backbones.protocol import Backbone, Features
from models.balancers import BALANCERS
from models.balancers.protocol import Balancer
from models.losses import bpr
from models.projection import project
from models.ranking import UserItems, metrics_per_user, top_ranks
from models.sampling import Sampler
from models.training import Interactions, Settings, scorer, train
from tests.bench.clock import held_mb, tell
from tests.bench.interactions import MODALITIES, write_log, write_shop

_EPOCHS, _PATIENCE = 60, 5


class Bench:
    """The log as trainings see it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        pairs = {name: np.load(folder / f"{name}.npy") for name in ("train", "validation")}
        self.n_users = 1 + max(int(part[:, 0].max()) for part in pairs.values())
        self.n_items = len(np.load(folder / "text.npy", mmap_mode="r"))
        held_out = UserItems.from_pairs(pairs["validation"], self.n_users)
        seen = UserItems.from_pairs(pairs["train"], self.n_users)
        self.data = Interactions(pairs["train"], seen, held_out, held_out.users)
        self.features: dict[str, Features] = {}
        if all((folder / f"projected_{name}.npz").exists() for name in MODALITIES):
            self.features = {name: Features(**np.load(folder / f"projected_{name}.npz")) for name in MODALITIES}

    def model(
        self, name: str, modalities: tuple[str, ...] = tuple(MODALITIES), *, seed: int = 0, batch: int | None = None
    ) -> Backbone:
        """A fresh model with its own suggested settings; the rate grows as the root of the batch, as suits Adam."""
        chosen = {key: self.features[key] for key in modalities}
        settings = suggested(name, len(self.data.train))
        usual = settings.pop("batch_size")
        settings["learning_rate"] *= ((batch or usual) / usual) ** 0.5
        model: Backbone = BACKBONES[name](self.n_users, self.n_items, chosen, train=self.data.train, seed=seed, **settings)
        return model

    def epoch(self, model: Backbone, balancer: Balancer, batch: int, number: int) -> float:
        """Seconds of one epoch of the training loop: draw, forward, loss, balance, backward and step."""
        sampler = Sampler(self.data.train, self.n_users, self.n_items, batch_size=batch, n_extra=balancer.n_extra, seed=0)
        balancer.new_epoch(model, self.data)
        began = time.process_time()
        for triples in sampler.epoch(number):
            margins = model.forward(triples, counterfactual=balancer.counterfactual)
            model.backward(balancer.gradients(margins, triples, bpr(margins.full[: triples.n_bpr])[1]))
        return time.process_time() - began

    def median_epoch(self, model: Backbone, balancer: Balancer, batch: int) -> float:
        """The median of three epochs, after one that compiles."""
        return float(np.median([self.epoch(model, balancer, batch, number) for number in range(1, 5)][1:]))


def prepare(bench: Bench) -> str:
    """Projected features, and a VBPR trained for a few epochs as the state of which rankings are raced."""
    began = time.process_time()
    for name in MODALITIES:
        values = np.load(bench.folder / f"{name}.npy")
        present = values.any(axis=1)
        found = project(values, present, np.ones(len(values), dtype=bool), dimensions=128)
        np.savez(bench.folder / f"projected_{name}.npz", values=found.values, present=found.present)
    spent = time.process_time() - began
    ready = Bench(bench.folder)
    model = ready.model("vbpr")
    for _ in train(model, ready.data, BALANCERS["none"]({}), Settings(6, 6, 2048), seed=0):
        pass
    np.savez(bench.folder / "vbpr.npz", **model.state())
    return f"features projected in {spent:.1f} s"


def quality(bench: Bench, name: str, batch: int, seed: int) -> str:
    """Best validation Recall@20 in batches of this size; 0 for the suggested one."""
    batch = batch or int(suggested(name, len(bench.data.train))["batch_size"])
    settings = Settings(_EPOCHS, _PATIENCE, batch)
    records = list(train(bench.model(name, seed=seed, batch=batch), bench.data, BALANCERS["none"]({}), settings, seed=seed))
    return f"Recall@20 {max(record.validation for record in records):.4f} after {len(records)} epochs"


def balanced(bench: Bench, name: str, batch: int) -> float:
    """An epoch of ``ckd``; the teachers, untrained, cost what trained ones do."""
    teachers = {modality: bench.model(name, (modality,)).margins for modality in MODALITIES}
    return bench.median_epoch(bench.model(name), BALANCERS["ckd"](teachers), batch)


def ranking(bench: Bench, sets: list[frozenset[str]]) -> tuple[float, str]:
    """Recall@20 and NDCG@20 of every validation user for each set of modalities; the median of three passes."""
    model = bench.model("vbpr")
    with np.load(bench.folder / "vbpr.npz") as state:
        model.load_state(dict(state))
    users, targets = bench.data.validation_users, bench.data.validation

    def whole() -> list[dict[str, np.ndarray]]:
        ranks = top_ranks(scorer(model, sets), users, bench.data.seen, targets, n_items=bench.n_items, depth=20)
        return [metrics_per_user(row, targets.counts[users], 20) for row in ranks]

    first = whole()[0]
    return median_of(whole), f"Recall@20 {first['recall'].mean():.4f}, NDCG@20 {first['ndcg'].mean():.4f}"


def median_of(work: Callable[[], object], times: int = 3) -> float:
    """Median seconds of ``work``, after one run that does not count."""
    spent = []
    for _ in range(times + 1):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return float(np.median(spent[1:]))


def roofline(bench: Bench, batch: int) -> float:
    """What the matrix products and the rows of a VBPR epoch take by themselves.

    Per batch: the products of the distinct items' features with the maps and their gradients; each distinct user's and item's row
    of weights and of both moments read and written once, the features read once. Nothing else that the epoch does is counted.
    """
    triples = list(Sampler(bench.data.train, bench.n_users, bench.n_items, batch_size=batch, n_extra=0, seed=0).epoch(1))
    tables = [bench.features[name].values for name in MODALITIES]
    rng, width = np.random.default_rng(0), 64 * (1 + len(tables))
    maps = [rng.normal(size=(table.shape[1] + 1, 64)).astype(np.float32) for table in tables]
    users, items = (
        [rng.normal(size=(bench.n_users, width)).astype(np.float32) for _ in range(3)],
        [rng.normal(size=(bench.n_items, 64)).astype(np.float32) for _ in range(3)],
    )
    inputs = [np.column_stack([table, np.zeros(len(table), dtype=np.float32)]) for table in tables]

    def whole() -> None:
        for one in triples:
            mine, both = np.unique(one.user), np.unique(np.concatenate([one.positive, one.negative]))
            index.append((mine, both))

    def floor() -> None:
        for mine, both in index:
            for x, table in zip(inputs, maps, strict=True):
                rows = np.take(x, both, axis=0)
                rows.T @ (rows @ table)
            for kept, chosen in ((users, mine), (items, both)):
                for table in kept:
                    table[chosen] = np.take(table, chosen, axis=0)

    index: list[tuple[np.ndarray, np.ndarray]] = []
    whole()
    return median_of(floor)


def _arms() -> list[tuple[tuple[str, ...], int]]:
    """History alone, each modality, and both, of five seeds."""
    names = tuple(MODALITIES)
    return [(chosen, seed) for seed in range(5) for chosen in ((), names[:1], names[1:], names)]


def _as_in_a_probe(bench: Bench) -> tuple[Interactions, Settings]:
    """A probe's number of validation customers, and VBPR's suggested batch."""
    users = bench.data.validation_users
    chosen = np.sort(np.random.default_rng(0).choice(users, min(len(users), int(threshold("validation_users"))), replace=False))
    settings = Settings(_EPOCHS, _PATIENCE, int(suggested("vbpr", len(bench.data.train))["batch_size"]))
    return replace(bench.data, validation_users=chosen), settings


def _arm(job: tuple[str, tuple[str, ...], int]) -> float:
    folder, modalities, seed = job
    threadpool_limits(1)
    torch.set_num_threads(1)
    bench = Bench(Path(folder))
    data, settings = _as_in_a_probe(bench)
    model = bench.model("vbpr", modalities, seed=seed)
    return max(record.validation for record in train(model, data, BALANCERS["none"]({}), settings, seed=seed))


def _reached(best: list[float]) -> str:
    return "Recall@20 " + " ".join(f"{value:.4f}" for value in np.reshape(best, (5, 4)).mean(axis=0))


def arms(bench: Bench, backbone: str) -> str:
    """Four arms of five seeds, whole, in two processes."""
    jobs = [(str(bench.folder), modalities, seed) for modalities, seed in _arms()]
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return _reached(pool.map(_arm, jobs, chunksize=1))


def stack(bench: Bench, device: str) -> str:
    """The same arms and seeds in one tensor."""
    from models.stacked import Stack, Training

    data, settings = _as_in_a_probe(bench)
    trainings = {
        f"{modalities} {seed}": Training(bench.model("vbpr", modalities, seed=seed), BALANCERS["none"]({}), settings, seed)
        for modalities, seed in _arms()
    }
    models = Stack(bench.n_users, bench.n_items, bench.features, data, dimensions=64, batch_size=settings.batch_size, device=device)
    models.add(trainings)
    while len(models):
        models.epoch()
    return _reached([max(record.validation for record in one.course.records) for one in trainings.values()])


def main() -> None:
    """One measurement, told as the harness expects it."""
    held = held_mb()
    folder, what, *rest = sys.argv[1:]
    threadpool_limits(1)
    torch.set_num_threads(1)
    if what == "prepare" and rest:
        write_shop(Path(folder), Path(rest.pop()))
    elif what == "prepare":
        write_log(Path(folder))
    bench, said = Bench(Path(folder)), ""
    full = frozenset(MODALITIES)
    began = time.perf_counter()
    seconds = None
    if what == "epoch":
        seconds, said = bench.median_epoch(bench.model(rest[0]), BALANCERS["none"]({}), int(rest[1])), f"batches of {rest[1]}"
    elif what == "ckd":
        seconds = balanced(bench, rest[0], int(rest[1]))
    elif what == "rank":
        sets = [full, *(frozenset([name]) for name in MODALITIES)]
        seconds, said = ranking(bench, sets[: int(rest[0])])
    elif what == "roofline":
        seconds = roofline(bench, int(rest[1]))
    else:
        said = {"prepare": prepare, "quality": quality, "arms": arms, "stack": stack}[what](
            bench, *(r if not r.isdigit() else int(r) for r in rest)
        )
    seconds = time.perf_counter() - began if seconds is None else seconds
    tell(seconds, said, held, "numpy", "numba", "torch")


if __name__ == "__main__":
    main()
