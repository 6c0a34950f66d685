"""Short budgeted trainings: which arms, what they are fed, how one is trained, and what they say together."""

from diagnostics.probe.arms import Job, jobs, plan
from diagnostics.probe.checkpoint import Checkpoint, Keeper
from diagnostics.probe.inputs import ProbeInputs, prepare
from diagnostics.probe.pace import Expected, expected, longest_ways
from diagnostics.probe.run import JobResult, ProbeRun
from diagnostics.probe.stacked import JobStack, stackable
from diagnostics.probe.training import train_job

__all__ = [
    "Checkpoint",
    "Expected",
    "Job",
    "JobResult",
    "JobStack",
    "Keeper",
    "ProbeInputs",
    "ProbeRun",
    "expected",
    "jobs",
    "longest_ways",
    "plan",
    "prepare",
    "stackable",
    "train_job",
]
