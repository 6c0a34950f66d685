"""From measures to a status, to causes, to one action with its confidence."""

from diagnostics.verdict.deciding import is_settled
from diagnostics.verdict.diagnosis import diagnose

__all__ = ["diagnose", "is_settled"]
