"""Short budgeted trainings: which arms, what they are fed, how one is trained, and what they say together."""

from diagnostics.probe.arms import Job, jobs, plan
from diagnostics.probe.checkpoint import Checkpoint, Keeper
from diagnostics.probe.inputs import ProbeInputs, prepare
from diagnostics.probe.pace import Effort, effort, longest_ways
from diagnostics.probe.run import JobResult, ProbeRun
from diagnostics.probe.stacked import JobStack, stackable
from diagnostics.probe.training import train_job

__all__ = [
    "Checkpoint",
    "Effort",
    "Job",
    "JobResult",
    "JobStack",
    "Keeper",
    "ProbeInputs",
    "ProbeRun",
    "effort",
    "jobs",
    "longest_ways",
    "plan",
    "prepare",
    "stackable",
    "train_job",
]
