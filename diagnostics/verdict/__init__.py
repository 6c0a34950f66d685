"""From measures to a status, to causes, to one action with its confidence."""

from diagnostics.verdict.deciding import settled_arms
from diagnostics.verdict.diagnosis import diagnose

__all__ = ["diagnose", "settled_arms"]
