"""Looks for worlds in which balancing pays: many kinds of world, plain and balanced training side by side, paired by seed.

``python -m tests.planted.search`` screens every kind with three seeds; ``--seeds 20 --kind "buried image"`` decides one. Each line
is JSON: Recall@20 of plain joint training, of history alone, of each modality trained alone and of its branch in the joint model,
of the ensemble minus joint training; each method's lift in percent of plain recall with its 95 % interval. What came out stands in
``sample_data/README.md``.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import diagnostics as tenbin
from diagnostics.dataset.features import encode
from diagnostics.dataset.splits import split
from diagnostics.probe import prepare
from diagnostics.schema import Catalog, Dataset, InteractionLog, ReadingNotes
from diagnostics.validation.trainings import run_here
from diagnostics.validation.worlds import BLURRED, CLEAR, DIM
from diagnostics.verdict.measures import Measures
from sample_data.generator.vectors import Tastes, View, build_vector_world

BALANCERS = ("ckd", "ogm_ge", "mmpareto", "agm", "mslr", "modality_dropout", "gradient_blending")
BURIED = View(dimensions=64, noise=0.2, nuisance=8.0)
DEEP = View(dimensions=64, noise=0.2, nuisance=15.0)
WIDE = View(dimensions=128, noise=1.5, nuisance=1.0)
PLAIN = View(dimensions=24, noise=0.1, nuisance=0.1)


@dataclass(frozen=True)
class Kind:
    """A kind of world, the settings of the plan that differ from the usual ones, and the model."""

    world: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    backbone: str = "vbpr"


VERY_SPARSE = {"n_users": 2000, "per_user": 5.0, "n_items": 600, "tastes": Tastes(0.3, 1.2, 2.0, 0.0, 0.3)}

ECLIPSED = {
    "n_users": 2000,
    "per_user": 6.25,
    "n_items": 900,
    "factors": 8,
    "tastes": Tastes(0.3, 1.65, 1.9, 0.0, 0.3),
    "views": {"text": DIM, "image": CLEAR},
}

KINDS: Mapping[str, Kind] = {
    "sound": Kind(),
    "sparse": Kind({"per_user": 6.0}),
    "dense": Kind({"per_user": 28.0, "n_users": 500}),
    "slightly buried image": Kind({"views": {"image": View(48, 0.4, 5.0)}}),
    "buried image": Kind({"views": {"image": BURIED}}),
    "deeply buried image": Kind({"views": {"image": DEEP}}),
    "both buried": Kind({"views": {"image": BURIED, "text": BURIED}}),
    "buried image, sparse": Kind({"per_user": 6.0, "views": {"image": BURIED}}),
    "very sparse": Kind(VERY_SPARSE),
    "very sparse, deeply buried image": Kind(VERY_SPARSE | {"views": {"image": DEEP}}),
    "very sparse, deeply buried image, many products": Kind(VERY_SPARSE | {"n_items": 1200, "views": {"image": DEEP}}),
    "very sparse, both deeply buried": Kind(
        VERY_SPARSE | {"tastes": Tastes(0.3, 2.0, 2.0, 0.0, 0.3), "views": {"image": DEEP, "text": DEEP}}
    ),
    "very sparse, many products": Kind(VERY_SPARSE | {"n_items": 1200}),
    "very sparse, many products, blurred image": Kind(VERY_SPARSE | {"n_items": 1200, "views": {"image": BLURRED}}),
    "very sparse, many products, both blurred": Kind(
        VERY_SPARSE | {"n_items": 1200, "tastes": Tastes(0.3, 1.6, 1.6, 0.0, 0.3), "views": {"image": BLURRED, "text": BLURRED}}
    ),
    "very sparse, only content decides": Kind(VERY_SPARSE | {"tastes": Tastes(0.0, 2.5, 2.5, 0.0, 0.0)}),
    "dim text beside a clear image": Kind(ECLIPSED),
    "dim text beside a clear image, fewer products": Kind(ECLIPSED | {"n_items": 300}),
    "dim text beside a dim image": Kind(ECLIPSED | {"views": {"text": DIM, "image": DIM}}),
    "clear text beside a clear image": Kind(ECLIPSED | {"views": {"text": CLEAR, "image": CLEAR}}),
    "dim image beside a clear text": Kind(
        ECLIPSED | {"tastes": Tastes(0.3, 1.9, 1.65, 0.0, 0.3), "views": {"image": DIM, "text": CLEAR}}
    ),
    "buried image that decides": Kind({"tastes": Tastes(0.5, 0.7, 1.8, 0.4, 0.8), "views": {"image": BURIED}}),
    "buried image, few customers": Kind({"n_users": 250, "views": {"image": BURIED}}),
    "noisy wide text": Kind({"views": {"text": View(128, 2.0, 0.5), "image": PLAIN}}),
    "noisy wide text that decides": Kind({"tastes": Tastes(0.5, 1.8, 0.8, 0.4, 0.8), "views": {"text": WIDE, "image": PLAIN}}),
    "both noisy and wide": Kind({"views": {"image": WIDE, "text": WIDE}}),
    "text decides": Kind({"tastes": Tastes(0.5, 2.0, 0.7, 0.4, 0.8)}),
    "mostly shared": Kind({"tastes": Tastes(1.6, 0.4, 0.9, 0.4, 0.8), "views": {"image": View(48, 0.4, 4.0)}}),
    "history decides": Kind({"tastes": Tastes(0.5, 0.8, 0.8, 1.6, 0.8)}),
    "learning rate x 4": Kind(settings={"learning_rate": 4e-3}),
    "learning rate x 4, buried image": Kind({"views": {"image": BURIED}}, {"learning_rate": 4e-3}),
    "learning rate / 4": Kind(settings={"learning_rate": 2.5e-4, "max_epochs": 120}),
    "six epochs, buried image": Kind({"views": {"image": BURIED}}, {"max_epochs": 6, "extension": 1.0}),
    "no weight decay": Kind(settings={"l2": 0.0}),
    "no weight decay, buried image": Kind({"views": {"image": BURIED}}, {"l2": 0.0}),
    "lightgcn_content": Kind(backbone="lightgcn_content"),
    "lightgcn_content, buried image": Kind({"views": {"image": BURIED}}, backbone="lightgcn_content"),
    "lightgcn_content, sparse": Kind({"per_user": 6.0}, backbone="lightgcn_content"),
    "freedom": Kind(backbone="freedom"),
    "freedom, buried image": Kind({"views": {"image": BURIED}}, backbone="freedom"),
}


def compared(kind: Kind, seed: int, n_seeds: int, balancers: tuple[str, ...], folder: Path) -> dict[str, Any]:
    """Plain and balanced training on one world."""
    drawn = build_vector_world("none", seed=seed, **({"n_users": 800, "n_items": 250, "per_user": 12.0} | dict(kind.world)))
    catalog = Catalog(np.array([f"i{item}" for item in range(drawn.n_items)], dtype=object), vectors=dict(drawn.vectors))
    log = InteractionLog(np.array([f"u{user}" for user in range(drawn.n_users)], dtype=object), drawn.user, drawn.item)
    dataset = Dataset(catalog, log, f"search:{seed}", ReadingNotes(), split(log, drawn.n_items, seed=seed))
    plan = tenbin.plan_probe(dataset, backbones=[kind.backbone], balancers=balancers, n_seeds=n_seeds)
    settings = dict(kind.settings)
    options = plan.options | {name: settings.pop(name) for name in ("extension",) if name in settings}
    plan = plan.model_copy(update={**settings, "options": options})
    run = run_here(plan, prepare(dataset, encode(dataset), plan), folder / f"{plan.run_id}.safetensors")
    measures = Measures(run, dataset, kind.backbone)
    plain = float(measures.joint.mean())
    return {
        "seed": seed,
        "joint": plain,
        "history": float(measures.recall().mean()),
        "alone": {name: float(measures.recall(name).mean()) for name in measures.modalities},
        "branch": {name: float(measures.recall(*measures.modalities, factual=(name,)).mean()) for name in measures.modalities},
        "ensemble": measures.headroom().value,
        "lift": {
            name: [round(100 * value / plain, 1) for value in (lift.value, *lift.bounds())]
            for name, lift in measures.lifts().items()
        },
    }


def main() -> None:
    """Screen the kinds that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kind", action="append", choices=list(KINDS))
    parser.add_argument("--balancer", action="append")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--world", type=int, default=100)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name in asked.kind or KINDS:
            found = compared(KINDS[name], asked.world, asked.seeds, tuple(asked.balancer or BALANCERS), Path(folder))
            print(json.dumps({"kind": name, **found}), flush=True)


if __name__ == "__main__":
    main()
