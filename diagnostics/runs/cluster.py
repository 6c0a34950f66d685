"""Trains a run's jobs on several machines, through joblib's backends for Dask and Ray; optional packages, see pyproject.toml.

What travels are bytes of our own making: plan and events as JSON, inputs and results as safetensors. The machines need this very
version of Tenbin and nothing of this computer's disk. Trainings there keep no checkpoints: one that is interrupted begins anew, and
one that is running when the run is cancelled comes to its end there unheard.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from diagnostics.errors import TenbinError
from diagnostics.runs.store import JobStore, code_version

if TYPE_CHECKING:
    from diagnostics.probe import Job

__all__ = ["SCHEMES", "ClusterCrew", "demand_cluster", "train_there"]

SCHEMES = ("dask", "ray")
_POLL_S = 0.1
_CONNECT_S = 15
Told = tuple[list[str], bytes | None, str]
"""Events as JSON, the packed result or None, and why there is none."""


class ClusterCrew:
    """In the place of ``Crew``: as many trainings at a time as the cluster has cores; a context manager that lets go of it.

    Raises
    ------
    TenbinError
        ``E_CLUSTER_ADDRESS``, ``E_CLUSTER_EXTRA`` where the package is missing, ``E_CLUSTER_UNREACHABLE``.
    """

    def __init__(self, run_dir: Path, key: str, train: str, address: str) -> None:
        self._store, self._train = JobStore(run_dir / "run", key), train
        self._backend, self._release = _connect(address)
        self._plan = (run_dir / "run" / "plan.json").read_text(encoding="utf-8")
        self._inputs = _packed_inputs(self._store)
        self._busy: dict[str, Job] = {}
        self._inbox: queue.SimpleQueue[tuple[Job, Told]] = queue.SimpleQueue()
        self.size = max(1, _cores(self._backend))

    def __enter__(self) -> ClusterCrew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._release()

    def takes(self, job: Job) -> bool:
        """Whether another job can begin at once."""
        return len(self._busy) < self.size

    def give(self, job: Job) -> None:
        """Have a job trained by the cluster."""
        self._busy[job.job_id] = job
        teachers = {name: self._store.result_file(name).read_bytes() for name in job.needs}
        threading.Thread(target=self._dispatch, args=(job, teachers), daemon=True).start()

    def _dispatch(self, job: Job, teachers: Mapping[str, bytes]) -> None:
        import joblib

        call = joblib.delayed(train_there)(
            self._train, code_version(), self._store.key, self._plan, self._inputs, job.job_id, teachers
        )
        try:
            with joblib.parallel_config(**self._backend):
                (told,) = joblib.Parallel(n_jobs=-1)([call])
        except Exception:  # whatever a lost connection or a lost machine looks like
            logging.getLogger(__name__).exception("%s was lost with the cluster", job.job_id)
            told = ([], None, "cluster_lost")
        self._inbox.put((job, told))

    def messages(self) -> Iterator[tuple[Job, dict[str, Any]]]:
        """What came back since the last call; waits a moment if there is nothing."""
        try:
            job, (events, packed, reason) = self._inbox.get(timeout=_POLL_S)
        except queue.Empty:
            return
        del self._busy[job.job_id]
        for event in events:
            yield job, {"kind": "event", "event": json.loads(event)}
        if packed is None:
            yield job, {"kind": "failed", "reason": reason}
        else:
            self._store.accept(job.job_id, packed)
            yield job, {"kind": "result"}


def demand_cluster(address: str) -> None:
    """Raises TenbinError, see ``ClusterCrew``, where the cluster at an address cannot be used now."""
    _connect(address)[1]()


def _connect(address: str) -> tuple[dict[str, Any], Any]:
    """joblib's settings for the cluster at an address, and how to let go of it."""
    url = urlsplit(address)
    if url.scheme not in SCHEMES or not url.netloc:
        raise TenbinError("E_CLUSTER_ADDRESS", found=address)
    try:
        if url.scheme == "dask":
            from distributed import Client

            client = Client(f"tcp://{url.netloc}", timeout=_CONNECT_S, set_as_default=False)
            return {"backend": "dask", "client": client}, client.close
        import ray
        from ray.util.joblib import register_ray

        ray.init(address=address, ignore_reinit_error=True)
        register_ray()
        return {"backend": "ray"}, ray.shutdown
    except ImportError as error:
        package = {"dask": "distributed", "ray": "ray[client]"}[url.scheme]
        raise TenbinError("E_CLUSTER_EXTRA", found=url.scheme, cure=f'pip install "{package}"') from error
    except (OSError, ConnectionError) as error:
        raise TenbinError("E_CLUSTER_UNREACHABLE", found=address) from error


def _cores(backend: Mapping[str, Any]) -> int:
    import joblib

    with joblib.parallel_config(**backend):
        return int(joblib.effective_n_jobs(-1))


# ---------------------------------------------------------------- what travels


def _packed_inputs(store: JobStore) -> dict[str, bytes]:
    """The inputs' files by their names, as they lie in the run's folder."""
    return {path.name: path.read_bytes() for path in sorted(store.inputs_folder.iterdir())}


def train_there(
    train: str, code: str, key: str, plan_json: str, inputs: Mapping[str, bytes], job_id: str, teachers: Mapping[str, bytes]
) -> Told:
    """One job, on a machine of the cluster, in a folder that is gone afterwards."""
    import tempfile

    from threadpoolctl import threadpool_limits

    from diagnostics.runs.child import serve

    if code != code_version():
        return [], None, "cluster_has_other_code"
    said: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="tenbin-", ignore_cleanup_errors=True) as made, threadpool_limits(1):
        store = JobStore(Path(made), key)
        store.forget(job_id)
        store.inputs_folder.mkdir()
        (Path(made) / "plan.json").write_text(plan_json, encoding="utf-8")
        for name, data in inputs.items():
            (store.inputs_folder / name).write_bytes(data)
        for name, data in teachers.items():
            store.accept(name, data)
        serve(Path(made), key, train, iter([job_id]), lambda **record: said.append(record))
        events = [json.dumps(record["event"]) for record in said if record["kind"] == "event"]
        packed = store.result_file(job_id)
        return events, packed.read_bytes() if packed.exists() else None, str(said[-1].get("reason", "cluster_disk"))
