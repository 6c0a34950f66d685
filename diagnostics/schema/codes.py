"""The codes of the contract, and the few aliases that every record and container uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

__all__ = [
    "Action",
    "BoolArray",
    "CauseCode",
    "Confidence",
    "FloatArray",
    "IndexArray",
    "Kind",
    "Progress",
    "Severity",
    "Share",
    "SplitKind",
    "Status",
]

Kind = Literal["text", "image", "attributes", "vector", "id"]
Status = Literal["dominant", "healthy", "suppressed", "uninformative", "redundant", "incomplete", "unused", "undetermined"]
CauseCode = Literal["missing", "uninformative", "redundant", "suppressed", "slow", "scale_mismatch", "overfitting", "unused"]
Action = Literal["leave", "rebalance", "fix_data", "skip_content", "undetermined"]
Confidence = Literal["high", "medium", "low"]
Severity = Literal["info", "warning", "problem"]
SplitKind = Literal["time", "user", "given"]
Share = Annotated[float, Field(ge=0, le=1)]
BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int32]
Progress = Callable[[str, float], None]
"""Called as ``progress(step_code, done)`` with ``done`` in [0, 1]; the words of a step are ``step.<step_code>``."""
