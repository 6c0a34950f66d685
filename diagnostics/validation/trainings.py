"""The trainings of one world, in this very process, kept in one file: a changed rule is tried on them again in a moment.

A world trains some dozens of models that take a fraction of a second each. Processes of their own, as a user's probe has, would
spend much of their time on starting; here one process trains world after world.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

import models
from diagnostics import probe
from diagnostics.config import threshold
from diagnostics.probe import JobResult, ProbeInputs, ProbeRun, jobs, train_job
from diagnostics.runs.store import write_atomic
from diagnostics.schema import ProbeEvent, ProbePlan

__all__ = ["run_here"]

_TRAINED_BY = (Path(models.__file__).parent, Path(probe.__file__).parent)


def run_here(plan: ProbePlan, inputs: ProbeInputs, kept: Path) -> ProbeRun:
    """Every job of a plan, one after the other: number for number what ``diagnostics.runs.execute`` gives if nothing is settled.

    Parameters
    ----------
    kept : the file of finished trainings. It counts if plan, inputs and the code that trains are the same; else it is made anew.
        The models themselves are not kept.
    """
    key = _key(plan, inputs)
    found = _load(kept, key)
    if found is None:
        found = _train(plan, inputs)
        _save(kept, key, *found)
    return ProbeRun(plan, "finished", *found)


def _train(plan: ProbePlan, inputs: ProbeInputs) -> tuple[tuple[ProbeEvent, ...], dict[str, JobResult], dict[str, str]]:
    results: dict[str, JobResult] = {}
    events: list[ProbeEvent] = []
    failures: dict[str, str] = {}
    for job in jobs(plan):
        if any(need in failures for need in job.needs):
            failures[job.job_id] = "needed_job_failed"
            continue
        try:
            for step in train_job(inputs, plan, job, results):
                if isinstance(step, JobResult):
                    results[job.job_id] = step
                else:
                    events.append(step)
        except FloatingPointError as error:
            failures[job.job_id] = type(error).__name__
    return tuple(events), {job_id: result.without_state() for job_id, result in results.items()}, failures


def _key(plan: ProbePlan, inputs: ProbeInputs) -> str:
    digest = hashlib.blake2b(json.dumps(plan.model_dump(mode="json"), sort_keys=True).encode(), digest_size=8)
    for part in (inputs.train, inputs.validation, inputs.test, inputs.groups):
        digest.update(np.ascontiguousarray(part).tobytes())
    digest.update(json.dumps(dict(inputs.lengths), sort_keys=True).encode())
    for name, features in inputs.features.items():
        digest.update(name.encode() + features.values.tobytes() + features.present.tobytes() + inputs.real[name].tobytes())
    digest.update(_code())
    return digest.hexdigest()


@functools.cache
def _code() -> bytes:
    """What the code that trains does, with the thresholds that it asks; its layout, comments and docstrings train nothing."""
    digest, asked = hashlib.blake2b(digest_size=8), set()
    for folder in _TRAINED_BY:
        for path in sorted(folder.rglob("*.py")):
            tree = ast.parse(path.read_bytes())
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "threshold":
                    asked.add(ast.literal_eval(node.args[0]))
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
                    node.body = node.body[1:]
            digest.update(ast.dump(tree).encode())
    digest.update(json.dumps({name: threshold(name) for name in sorted(asked)}).encode())
    return digest.digest()


def _save(path: Path, key: str, events: tuple[ProbeEvent, ...], results: dict[str, JobResult], failures: dict[str, str]) -> None:
    from safetensors.numpy import save

    head: dict[str, Any] = {
        "key": key,
        "events": [event.model_dump(mode="json") for event in events],
        "meta": {job_id: result.meta for job_id, result in results.items()},
        "failures": failures,
    }
    arrays = {
        f"{job_id}/{name}": np.ascontiguousarray(array)
        for job_id, result in results.items()
        for name, array in result.arrays.items()
    }
    write_atomic(path, save(arrays, {"tenbin": json.dumps(head)}))


def _load(path: Path, key: str) -> tuple[tuple[ProbeEvent, ...], dict[str, JobResult], dict[str, str]] | None:
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(path, framework="np") as file:
            head = json.loads((file.metadata() or {}).get("tenbin", "{}"))
            if head.get("key") != key:
                return None
            arrays: dict[str, dict[str, Any]] = {job_id: {} for job_id in head["meta"]}
            for name in file.keys():  # noqa: SIM118  (not a mapping)
                job_id, _, array = name.rpartition("/")
                arrays[job_id][array] = file.get_tensor(name)
    except SafetensorError:
        return None
    results = {job_id: JobResult(job_id, arrays[job_id], meta) for job_id, meta in head["meta"].items()}
    return tuple(ProbeEvent.model_validate(event) for event in head["events"]), results, head["failures"]
