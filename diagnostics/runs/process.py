"""Telling whether the process that wrote a run's ``pid.json`` is still the one that is running.

A pid alone is not enough: after a restart another program may wear it. A pid together with its start time is.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["is_alive", "start_time"]


def start_time(pid: int) -> str | None:
    """When process ``pid`` started, as this system writes it; None when there is no such process or it has ended."""
    if pid <= 0:
        return None
    if sys.platform == "win32":
        return _start_time_windows(pid)
    if Path("/proc/self/stat").exists():
        return _start_time_proc(pid)
    return _start_time_ps(pid)


def is_alive(pid: int, started: str | None) -> bool:
    """Whether process ``pid`` runs and is the one that started at ``started``."""
    return started is not None and start_time(pid) == started


def _start_time_proc(pid: int) -> str | None:
    """Linux: fields 3 (state) and 22 (start, in ticks since boot) of ``/proc/<pid>/stat``, counted after the bracketed name."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def _start_time_ps(pid: int) -> str | None:
    """Other Unix systems: ``ps`` says both state and start."""
    command = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"})  # noqa: S603
    state, _, started = found.stdout.strip().partition(" ")
    return started.strip() if started and not state.startswith("Z") else None


def _start_time_windows(pid: int) -> str | None:
    """Windows: the creation time of a process that has no exit time yet."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return None
    try:
        times = [ctypes.c_uint64() for _ in range(4)]  # created, exited, kernel, user
        if not kernel.GetProcessTimes(ctypes.c_void_p(handle), *map(ctypes.byref, times)):
            return None
        still_active = ctypes.c_ulong()
        kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(still_active))
        return str(times[0].value) if still_active.value == 259 else None
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
