"""The named types that travel down the pipeline: files -> Dataset -> Profile -> ProbePlan -> ProbeRun -> Diagnosis -> Report.

Two kinds live here. *Containers* hold arrays and are frozen dataclasses. *Records* go into ``diagnosis.json`` and are frozen
pydantic models that check themselves at birth; their field names are those of the contract, to which we only ever add.
Shares are in [0, 1]; ``*_index`` is 0-based; ``*_id`` is the shop's own text; ``*_s`` is seconds.
"""

from __future__ import annotations

from diagnostics.schema.codes import (
    Action,
    BoolArray,
    CauseCode,
    Confidence,
    FloatArray,
    IndexArray,
    Kind,
    Progress,
    Severity,
    Share,
    SplitKind,
    Status,
)
from diagnostics.schema.containers import Catalog, Dataset, FeatureBlock, ImageSource, InteractionLog, Modality, Split
from diagnostics.schema.measured import Coverage, FeatureHealth, ModalityProfile, PresencePattern, Profile, QualityIssue, Standalone
from diagnostics.schema.probing import Arm, ArmSummary, ProbeEvent, ProbePlan
from diagnostics.schema.reading import ColumnRole, FileNote, ReadingNotes, SetAside
from diagnostics.schema.records import Estimate, Evidence, Finding, Message, NotChecked, Record
from diagnostics.schema.result import (
    Balancing,
    BalancingResult,
    Cause,
    Condition,
    CurvePoint,
    DatasetSummary,
    Diagnosis,
    ModalityResult,
    NextStep,
    Protocol,
    Provenance,
    Verdict,
)

__all__ = [
    "Action",
    "Arm",
    "ArmSummary",
    "Balancing",
    "BalancingResult",
    "BoolArray",
    "Catalog",
    "Cause",
    "CauseCode",
    "ColumnRole",
    "Condition",
    "Confidence",
    "Coverage",
    "CurvePoint",
    "Dataset",
    "DatasetSummary",
    "Diagnosis",
    "Estimate",
    "Evidence",
    "FeatureBlock",
    "FeatureHealth",
    "FileNote",
    "Finding",
    "FloatArray",
    "ImageSource",
    "IndexArray",
    "InteractionLog",
    "Kind",
    "Message",
    "Modality",
    "ModalityProfile",
    "ModalityResult",
    "NextStep",
    "NotChecked",
    "PresencePattern",
    "ProbeEvent",
    "ProbePlan",
    "Profile",
    "Progress",
    "Protocol",
    "Provenance",
    "QualityIssue",
    "ReadingNotes",
    "Record",
    "SetAside",
    "Severity",
    "Share",
    "Split",
    "SplitKind",
    "Standalone",
    "Status",
    "Verdict",
]
