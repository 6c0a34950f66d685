"""What trainings are fed: the split and the projected features, as plain arrays that travel through a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from diagnostics.schema import BoolArray, Dataset, FeatureBlock, IndexArray, ProbePlan, Profile
from models.backbones.protocol import Features
from models.projection import project

__all__ = ["ProbeInputs", "prepare", "real_values"]

_PARTS = ("train", "validation", "test")


@dataclass(frozen=True)
class ProbeInputs:
    """Distinct pairs int32 (n_pairs, 2) of each part of the split, and each modality's projected features.

    ``groups`` int32 (n_items,): items of one category share a number. ``lengths``: each modality's mean vector length as given.
    ``real`` bool (n_items,) of each modality: values that are there and that the profile does not take for stand-ins.
    """

    n_users: int
    n_items: int
    train: IndexArray
    validation: IndexArray
    test: IndexArray
    features: Mapping[str, Features]
    groups: IndexArray
    lengths: Mapping[str, float]
    real: Mapping[str, BoolArray]

    def save(self, folder: Path) -> None:
        """Writes ``.npy`` files and an ``inputs.json`` that names them."""
        folder.mkdir(parents=True, exist_ok=True)
        for part in _PARTS:
            np.save(folder / f"{part}.npy", getattr(self, part), allow_pickle=False)
        for number, (name, features) in enumerate(self.features.items()):
            np.save(folder / f"features_{number}.npy", features.values, allow_pickle=False)
            np.save(folder / f"present_{number}.npy", features.present, allow_pickle=False)
            np.save(folder / f"real_{number}.npy", self.real[name], allow_pickle=False)
        np.save(folder / "groups.npy", self.groups, allow_pickle=False)
        head = {"n_users": self.n_users, "n_items": self.n_items, "modalities": list(self.features), "lengths": self.lengths}
        (folder / "inputs.json").write_text(json.dumps(head), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> ProbeInputs:
        """Reads what ``save`` wrote; arrays are memory-mapped, so that trainings side by side share them."""
        head = json.loads((folder / "inputs.json").read_text(encoding="utf-8"))
        parts = {part: np.load(folder / f"{part}.npy", mmap_mode="r", allow_pickle=False) for part in _PARTS}
        features = {
            name: Features(
                np.load(folder / f"features_{number}.npy", mmap_mode="r", allow_pickle=False),
                np.load(folder / f"present_{number}.npy", allow_pickle=False),
            )
            for number, name in enumerate(head["modalities"])
        }
        real = {name: np.load(folder / f"real_{number}.npy", allow_pickle=False) for number, name in enumerate(head["modalities"])}
        groups = np.load(folder / "groups.npy", allow_pickle=False)
        return cls(head["n_users"], head["n_items"], **parts, features=features, groups=groups, lengths=head["lengths"], real=real)


def prepare(dataset: Dataset, blocks: Sequence[FeatureBlock], plan: ProbePlan, profile: Profile | None = None) -> ProbeInputs:
    """Projects each modality once: principal components of the train items, one overall scale per block.

    ``profile``: the one that the plan was made with; without it every value that is there counts as real.

    Where the split is by time, mean, components and scale are fitted on items with training interactions only.
    """
    from threadpoolctl import threadpool_limits

    split = dataset.split
    fit_rows = np.ones(split.n_items, dtype=bool)
    if split.kind == "time":
        fit_rows[:] = False
        fit_rows[split.train[:, 1]] = True
    by_name = {block.name: block for block in blocks}
    kept = int(plan.options["projected_dimensions"])
    with threadpool_limits(1):  # the same numbers whatever the number of cores
        features = {
            name: project(by_name[name].values, by_name[name].present, fit_rows, dimensions=kept) for name in plan.modalities
        }
    lengths = {name: _length(by_name[name]) for name in plan.modalities}
    parts = (split.train, split.validation, split.test)
    real = {name: mask for name, mask in real_values(dataset, profile).items() if name in plan.modalities}
    if any(arm.variant == "filled" for arm in plan.arms) and all(mask.all() for mask in real.values()):
        raise ValueError("the plan fills gaps that only its profile knows of: give that profile here too")
    return ProbeInputs(split.n_users, split.n_items, *parts, features, _groups(dataset), lengths, real)


def real_values(dataset: Dataset, profile: Profile | None) -> dict[str, BoolArray]:
    """Modality -> items with a real value, bool (n_items,); without a profile, with any."""
    real = {modality.name: modality.present for modality in dataset.catalog.modalities}
    return real | {one.name: one.real(dataset.catalog) for one in (profile.modalities if profile else ())}


def _groups(dataset: Dataset) -> IndexArray:
    category = dataset.catalog.category
    if category is None:
        return np.zeros(dataset.catalog.n_items, dtype=np.int32)
    named = np.array(["" if value is None else str(value) for value in category])
    return np.unique(named, return_inverse=True)[1].reshape(-1).astype(np.int32)


def _length(block: FeatureBlock) -> float:
    rows = block.values[block.present].astype(np.float64)
    return float(np.sqrt(np.square(rows).sum(axis=1)).mean()) if len(rows) else 0.0
