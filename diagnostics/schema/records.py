"""What every record is made of: a number with its interval, words by reference, evidence and findings."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from diagnostics.schema.codes import Confidence, Severity

__all__ = ["Estimate", "Evidence", "Finding", "Message", "NotChecked", "Record"]


class Record(BaseModel):
    """A frozen record that checks itself at birth and refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="null")


class Estimate(Record):
    """A number with its interval and the sample behind it. ``value`` is None where it could not be measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    level: float = 0.95
    n: int = Field(default=0, ge=0)
    unit: str = "share"

    @model_validator(mode="after")
    def _ordered(self) -> Estimate:
        if self.value is not None and self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("low is above high")
        return self


class Message(Record):
    """Words by reference: a key of ``diagnostics.messages`` and the values to write into it. Rendered per language at the end."""

    code: str
    values: dict[str, Any] = Field(default_factory=dict)


class Evidence(Record):
    """One measured value for or against a claim. Words: ``measure.<measure>``."""

    measure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    supports: bool = True
    unit: str = "share"


class Finding(Record):
    """Something worth knowing. Words: ``finding.<code>.title`` / ``.text`` / ``.remedy``, written with ``values``."""

    code: str
    severity: Severity
    modality: str | None
    effect: Estimate | None = None
    confidence: Confidence | None = None
    evidence: tuple[Evidence, ...] = ()
    values: dict[str, Any] = Field(default_factory=dict)
    item_ids: tuple[str, ...] = ()


class NotChecked(Record):
    """Something that was not measured and why. Words: ``not_checked.<code>`` and ``not_checked_reason.<reason>``."""

    code: str
    reason: str
    values: dict[str, Any] = Field(default_factory=dict)
