"""What torch's devices are asked for: the same numbers each time, and how much memory there is."""

from __future__ import annotations

import os
from pathlib import Path

import torch

__all__ = ["demand_determinism", "free_here", "free_on"]


def demand_determinism() -> None:
    """Of this whole process, before its first product on a GPU: the same numbers whenever the same is computed."""
    if os.environ.get("CUBLAS_WORKSPACE_CONFIG") not in (":4096:8", ":16:8"):
        os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(mode=True)
    torch.backends.cuda.matmul.allow_tf32 = False


def free_on(device: torch.device) -> float:
    """Bytes of a GPU that can be had, torch's own reserve among them."""
    reserve = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return float(torch.cuda.mem_get_info(device)[0] + reserve)


def free_here() -> float:
    """Bytes of this computer's memory that can be had; infinite where the system does not say."""
    told = Path("/proc/meminfo")
    lines = told.read_text(encoding="ascii").splitlines() if told.exists() else []
    return next((1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), float("inf"))
