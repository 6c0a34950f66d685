"""What one training leaves behind while it is under way, and who keeps it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from models.backbones.protocol import Backbone
from models.balancers.protocol import Balancer
from models.training import Course, EpochRecord

__all__ = ["Checkpoint", "Keeper", "checkpoint", "course_of"]


@dataclass(frozen=True)
class Checkpoint:
    """A training after one of its epochs: ``records`` of all epochs until then, as JSON takes them, and what it remembers."""

    records: list[dict[str, Any]]
    arrays: Mapping[str, npt.NDArray[Any]]


class Keeper(Protocol):
    """Keeps one training's checkpoints. How often is its affair: a checkpoint may cost more than the epochs it saves."""

    def last(self) -> Checkpoint | None:
        """The newest one that is whole; None to begin at the beginning."""

    def keep(self, make: Callable[[], Checkpoint], *, now: bool = False) -> None:
        """Offered after every epoch; ``make`` is called if it is time, or if it must be ``now``."""


def checkpoint(course: Course, backbone: Backbone, balancer: Balancer) -> Checkpoint:
    """How far a training is, copied."""
    return Checkpoint([dataclasses.asdict(record) for record in course.records], course.memory(backbone, balancer))


def course_of(kept: Checkpoint | None, backbone: Backbone, balancer: Balancer) -> Course:
    """The course to go on with, and backbone and balancer put where it ended; a new course if nothing was kept."""
    if kept is None:
        return Course()
    course = Course([EpochRecord(**record) for record in kept.records])
    course.load_memory(dict(kept.arrays), backbone, balancer)
    return course
