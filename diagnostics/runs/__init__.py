"""Runs: a folder per run, the processes that train, and the supervisor that starts and finds runs again."""

from __future__ import annotations

from diagnostics.runs.cluster import demand_cluster
from diagnostics.runs.disk import append_text
from diagnostics.runs.index import RunIndex
from diagnostics.runs.request import RunRequest
from diagnostics.runs.store import RunFolder, RunStatus
from diagnostics.runs.supervisor import attach, runs, start
from diagnostics.runs.worker import demand_device, execute

__all__ = [
    "RunFolder",
    "RunIndex",
    "RunRequest",
    "RunStatus",
    "append_text",
    "attach",
    "demand_cluster",
    "demand_device",
    "execute",
    "runs",
    "start",
]
