"""What a balancing method is: it turns margins into gradients, may scale what reaches each branch, and tells what it did.

Papers that "scale the gradient g_m of a modality" were written for SGD. Our optimiser is Adam, which divides a gradient by its own
running size: a factor that lasts does nothing there. Such methods therefore scale the *step* of the branch, which under SGD is the
same thing (see ``models.backbones.protocol.Adjust``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Backbone, BranchGradients, MarginGradients, Margins
from models.losses import FloatArray, sigmoid
from models.memory import Memory, load_generator, memory_of_generator
from models.sampling import Triples

if TYPE_CHECKING:
    from models.training import Interactions

__all__ = ["Balancer", "BaseBalancer", "Refused", "TaughtBalancer", "keep_bpr", "mean_of_others"]


class Refused(ValueError):
    """A method cannot mean anything on a backbone.

    ``code``: ``history_only``, ``one_modality``, ``content_not_in_score``, ``no_branch_parameters``, ``no_item_vectors``.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Balancer(Protocol):
    """A method plugged into the one training loop. It never changes a backbone's forward."""

    n_extra: int
    """Uniform triples it wants appended to every batch."""
    counterfactual: bool
    """Whether it needs ``Margins.keep`` and ``Margins.without``."""
    adjusts: bool
    """Whether ``adjust`` is to be called."""

    def refusal(self, backbone: Backbone) -> str | None:
        """Why it cannot mean anything on this backbone (see ``Refused``), or None."""

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """Called before each epoch, with the prepared model and what training may see.

        Where models learn slowly and only every n-th epoch is validated, n epochs are one to a balancer: as far as it goes in one
        of the usual rate.
        """

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """The whole gradient for a batch. ``bpr_gradient`` float32 (n_bpr,) is the recommendation loss's own."""

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """Called after ``gradients`` of the same batch; see ``models.backbones.protocol.Adjust``."""

    def epoch_log(self) -> dict[str, dict[str, float]]:
        """What it did since the last call: measure -> modality -> value. Clears its memory of the epoch."""

    def memory(self) -> Memory:
        """All that it carries from one epoch into the next, copied."""

    def load_memory(self, memory: Memory) -> None:
        """Goes on where ``memory`` was taken, in a new object made alike: what follows is equal bit for bit."""


class BaseBalancer:
    """What most methods share: two modalities at least, the branch margins at hand, the recommendation loss unchanged, a log.

    ``remembers``: the attributes that carry over from epoch to epoch: arrays (None before there is one), numbers and generators.
    """

    n_extra = 0
    counterfactual = True
    adjusts = False
    remembers: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self.names: tuple[str, ...] = ()
        self._noted: dict[str, list[FloatArray]] = {}

    def refusal(self, backbone: Backbone) -> str | None:
        """See ``Balancer``."""
        if not backbone.modalities:
            return "history_only"
        if not backbone.content_in_score:
            return "content_not_in_score"
        if len(backbone.modalities) < 2:
            return "one_modality"
        return "no_branch_parameters" if self.adjusts and len(backbone.branches) < len(backbone.modalities) else None

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """See ``Balancer``."""
        self.names = backbone.modalities

    def gradients(self, margins: Margins, triples: Triples, bpr_gradient: FloatArray) -> MarginGradients:
        """See ``Balancer``."""
        return MarginGradients(bpr_gradient)

    def adjust(self, branches: BranchGradients) -> Mapping[str, float]:
        """See ``Balancer``."""
        return {}

    def note(self, **measures: Sequence[float] | npt.NDArray[Any]) -> None:
        """Remembers values of a step, one per modality; the log gives their means over the epoch."""
        for measure, values in measures.items():
            self._noted.setdefault(measure, []).append(np.asarray(values, dtype=np.float32))

    def epoch_log(self) -> dict[str, dict[str, float]]:
        """See ``Balancer``."""
        log = {
            measure: dict(zip(self.names, np.mean(values, axis=0).tolist(), strict=True)) for measure, values in self._noted.items()
        }
        self._noted.clear()
        return log

    def memory(self) -> Memory:
        """See ``Balancer``."""
        kept = {name: getattr(self, name) for name in self.remembers}
        return {
            name: memory_of_generator(value) if isinstance(value, np.random.Generator) else np.array(value)
            for name, value in kept.items()
            if value is not None
        }

    def load_memory(self, memory: Memory) -> None:
        """See ``Balancer``."""
        for name in self.remembers:
            value, found = getattr(self, name), memory.get(name)
            if isinstance(value, np.random.Generator) and found is not None:
                load_generator(value, found)
            elif isinstance(value, int) and found is not None:
                setattr(self, name, type(value)(found))
            else:
                setattr(self, name, found)


def mean_of_others(values: FloatArray) -> FloatArray:
    """For each of M >= 2 values the mean of all the others."""
    others: FloatArray = (values.sum() - values) / (len(values) - 1)
    return others


class TaughtBalancer(BaseBalancer):
    """A method that distils from frozen uni-modal models.

    Parameters
    ----------
    teachers : modality -> function from triples to the teacher's margins (n,), one for every modality of the student
    """

    def __init__(self, teachers: Mapping[str, Callable[[Triples], FloatArray]]) -> None:
        super().__init__()
        self._teachers = dict(teachers)
        self.names = tuple(teachers)

    def new_epoch(self, backbone: Backbone, data: Interactions) -> None:
        """See ``Balancer``. Raises ValueError where a modality has no teacher."""
        super().new_epoch(backbone, data)
        if untaught := [name for name in self.names if name not in self._teachers]:
            raise ValueError(f"a teacher is missing for {untaught}: train a model on each modality alone and give its margins")

    def taught(self, triples: Triples) -> list[FloatArray]:
        """Each teacher's margins, float32 (n,), in the order of the student's modalities."""
        return [self._teachers[name](triples) for name in self.names]


def keep_bpr(margins: Margins) -> FloatArray:
    """Gradient (n, n_modalities) of the sum over modalities of the mean BPR loss of the keep-m margins."""
    gradient: FloatArray = -sigmoid(-margins.keep) / np.float32(len(margins.keep))
    return gradient
