"""Tenbin's engine in six verbs: read_dataset, profile, plan_probe, run_probe, diagnose, write_report.

The dashboard and the command line call nothing else. Each verb takes the results of the verbs before it, so that

    dataset = read_dataset("catalog.csv", "transactions.csv", images="images")
    found = profile(dataset)
    run = run_probe(dataset, plan_probe(dataset, preset="quick", profile=found), "out", profile=found)
    diagnosis = diagnose(dataset, found, run)
    write_report(diagnosis, "out", formats=("html", "json"), lang="ja")

is a whole diagnosis. Heavy libraries are imported when a verb that needs them is called.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

# Imported here, before the verb of the same name is defined: a package that is first imported later would take the verb's place.
from diagnostics.profile import profile as _measure

if TYPE_CHECKING:
    from diagnostics.probe import ProbeRun
    from diagnostics.schema import Dataset, Diagnosis, ProbeEvent, ProbePlan, Profile, Progress

__all__ = ["__version__", "diagnose", "plan_probe", "profile", "read_dataset", "run_probe", "write_report"]

__version__ = "0.1.0"

PathLike = str | os.PathLike[str]


def read_dataset(
    catalog: PathLike | None,
    interactions: PathLike,
    *,
    images: PathLike | None = None,
    features: Mapping[str, PathLike] | None = None,
    mapping: PathLike | Mapping[str, Mapping[str, object]] | None = None,
    format: str = "auto",
    split: str = "auto",
    seed: int = 0,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Dataset:
    """Reads a shop's files, proposes what each column means, sets unusable rows aside and splits the log.

    Parameters
    ----------
    catalog, interactions : CSV, TSV, Excel, Parquet, JSON or JSON lines, packed or not, or a database's URL; the interactions may
        also be the folder of a published format, which then brings its catalog (None)
    images : a folder or a zip of pictures, named by item id or by a column of the catalog
    features : modality name -> file of ready-made vectors (.npy, .npz, .parquet, .safetensors)
    mapping : column roles, as a TOML file or as tables ``{"catalog": {...}, "interactions": {...}}``; the rest is proposed
    format : ``auto`` or the name of a published format
    split : ``auto`` (by time where the log is long enough), ``time``, ``user`` or ``given``
    cancelled : asked often; True stops

    Raises
    ------
    TenbinError
        The files cannot be used; the error names file, row, column and cure.
    Cancelled

    Examples
    --------
    >>> from sample_data import ensure
    >>> shop = ensure("en")
    >>> dataset = read_dataset(shop / "catalog.csv", shop / "transactions.csv", images=shop / "images")
    >>> [modality.name for modality in dataset.catalog.modalities]
    ['text', 'image', 'attributes']
    """
    from diagnostics.dataset import read

    return read(
        None if catalog is None else _source(catalog),
        _source(interactions),
        images=Path(images) if images is not None else None,
        features={name: Path(path) for name, path in (features or {}).items()},
        mapping=Path(mapping) if isinstance(mapping, str | os.PathLike) else mapping,
        format=format,
        split=split,
        seed=seed,
        progress=progress,
        cancelled=cancelled,
    )


def _source(given: PathLike) -> str | Path:
    """A path, unless it is the URL of a table in a database."""
    from diagnostics.dataset.warehouse import is_url

    written = os.fspath(given)
    return written if is_url(written) else Path(written)


def profile(
    dataset: Dataset,
    *,
    seed: int = 0,
    worklists: PathLike | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Profile:
    """Measures each modality before any training: coverage, disguised gaps, quality, health, strength, what it shares with others.

    Encodes texts and pictures on the way and keeps the vectors in the cache, by content. ``worklists`` names a folder for the lists
    of products to work through, one CSV per fault.
    """
    from diagnostics.dataset.features import encode

    return _measure(
        dataset,
        encode(dataset, progress=progress, cancelled=cancelled),
        seed=seed,
        worklists=None if worklists is None else Path(worklists),
        progress=progress,
        cancelled=cancelled,
    )


def plan_probe(
    dataset: Dataset,
    *,
    preset: str = "quick",
    backbones: Sequence[str] | None = None,
    balancers: Sequence[str] | None = None,
    n_seeds: int | None = None,
    seed: int = 0,
    slow_training: bool = False,
    profile: Profile | None = None,
    threads: int | None = None,
) -> ProbePlan:
    """Decides which small models to train: arms, seeds, budget, and a first guess of the time.

    What is None is as the preset says. Methods that cannot mean anything on a model are left out and named in ``refused``.

    Parameters
    ----------
    n_seeds : exactly so many; None for at most the preset's
    slow_training : by a tenth of the usual learning rates, in ten times the epochs, as a finished recommender would be trained
    profile : of ``dataset``; given it, values that only seem to be there are gaps, which some presets try to fill
    threads : how many trainings there will be at a time, for the guess of the time; None for one a core

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_CHOICE``, ``E_NO_MODALITY`` or ``E_TOO_LITTLE_DATA``.
    """
    from diagnostics.probe import plan

    return plan(
        dataset,
        preset=preset,
        backbones=backbones,
        balancers=balancers,
        n_seeds=n_seeds,
        seed=seed,
        slow_training=slow_training,
        profile=profile,
        threads=threads,
    )


def run_probe(
    dataset: Dataset,
    plan: ProbePlan,
    run_dir: PathLike,
    *,
    threads: int | None = None,
    cluster: str | None = None,
    device: str | None = None,
    profile: Profile | None = None,
    on_event: Callable[[ProbeEvent], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ProbeRun:
    """Trains every arm with every seed, one training per core, and keeps each result per user in ``run_dir``.

    Calling it again on the same folder with the same plan and data goes on where it stopped.

    Parameters
    ----------
    threads : how many trainings at a time (default: one per core)
    cluster : ``dask://HOST:PORT`` or ``ray://HOST:PORT``: train on its machines, which need this version of Tenbin
    device : ``cuda``: VBPR's trainings are stacked on this computer's GPU, the others run on its cores
    profile : the one that the plan was made with; given it, the probe ends before all seeds are trained once more of them could
        hardly change the answer, unless the plan was asked for an exact number of them
    on_event : called with each event in this process; cancelled : asked often, True stops within seconds
    """
    from diagnostics.dataset.features import encode
    from diagnostics.probe import prepare
    from diagnostics.runs import execute
    from diagnostics.verdict import settled_arms

    inputs = prepare(dataset, encode(dataset), plan, profile)
    return execute(
        Path(run_dir),
        plan,
        inputs,
        threads=threads,
        cluster=cluster,
        device=device,
        on_event=on_event,
        cancelled=cancelled,
        settled=(lambda run: settled_arms(dataset, profile, run))
        if profile is not None and plan.options["may_end_early"]
        else None,
    )


def diagnose(dataset: Dataset, profile: Profile, run: ProbeRun) -> Diagnosis:
    """Names each modality's status and causes, says whether balancing pays, and what to do next."""
    from diagnostics.verdict import diagnose as judge

    return judge(dataset, profile, run)


def write_report(
    diagnosis: Diagnosis, out_dir: PathLike, *, formats: Sequence[str] = ("html",), lang: str = "en"
) -> tuple[Path, ...]:
    """Writes the diagnosis as files that people can present; returns their paths.

    Raises
    ------
    TenbinError
        ``E_UNKNOWN_CHOICE`` for a format that does not exist.
    """
    from diagnostics.report import write_report as write

    return write(diagnosis, Path(out_dir), formats, lang)
