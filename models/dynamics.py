"""What a branch is doing while it learns, watched on fixed customers after each epoch and on a few training steps.

After each epoch (``Watch.measure``), from the scores of a few customers with every needed set of modalities factual, for modality
m, K_m the keep-m margin (see ``backbones.protocol.Margins``), F the whole model's and W_m the one without m:

    train_loss, held_out_loss   mean BPR loss of K_m (of F as "full", of history alone as "id") on training and validation purchases
    confidence                  p_m = mean sigma(K_m) on training purchases (Peng et al., CVPR 2022): the margin ratio compares them
    reliance                    mean sigma(F) - sigma(W_m) on validation purchases: what the model really owes the modality
    variance                    mean sigma(K_m)(1 - sigma(K_m)) on validation purchases; the dependence recommended by Wei et al.,
                                ICCV 2025, is inverse to it

On every ``look_every``-th step (``conflict``): the cosine between the gradient that the recommendation loss sends into a branch and
the gradient that would serve the branch alone (Wei and Hu, ICML 2024).

Nothing here changes what is learnt: scores are those of the prepared model, and gradients that are looked at are not followed. What
is drawn depends on the data alone, so a training that is resumed watches the same purchases.

Cost (counted, not timed): scores of ``_USERS`` customers per epoch, and on each step looked at the margins of each modality alone
and two backward passes, about three steps' worth.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from models.backbones.protocol import Backbone, BranchGradients, MarginGradients, Margins
from models.losses import FloatArray, sigmoid

if TYPE_CHECKING:
    from models.ranking import UserItems
    from models.training import Interactions

__all__ = ["Watch", "conflict"]

Measured = dict[str, dict[str, float]]

_USERS = 128
_PURCHASES = 4  # of each customer and part, at most
_RIVALS = 16  # unseen items that each purchase is compared with: all scores are there, so more cost little and calm the mean


class Watch:
    """Fixed training and validation purchases of fixed customers, each beside items its customer has not bought.

    ``users`` int64 (n,), sorted. ``purchases``, first training's, then validation's: rows of ``users`` (n,), items bought (n,),
    rivals (n, n_rivals).
    """

    def __init__(self, data: Interactions, n_items: int) -> None:
        rng = np.random.default_rng(0)
        users = data.validation_users
        self.users = np.sort(rng.choice(users, min(_USERS, len(users)), replace=False))
        seen, held_out = data.seen.take(self.users), data.validation.take(self.users)
        known = np.zeros((len(self.users), n_items), dtype=bool)
        for part in (seen, held_out):
            known[np.repeat(np.arange(len(self.users)), part.counts), part.items] = True
        rivals = [_drawn(np.flatnonzero(~row), _RIVALS, rng) for row in known]
        self.purchases = [_purchases(part, rivals, rng) for part in (seen, held_out)]

    def measure(self, backbone: Backbone) -> Measured:
        """All measures of the prepared model: measure -> modality (also "full", "id" for losses) -> value.

        Losses of the whole model alone where scores do not tell modalities apart.
        """
        names = backbone.modalities if backbone.content_in_score else ()
        scores = backbone.score(self.users, self.sets(names))
        found = self.of(names, *([_margins(one, *purchases) for one in scores] for purchases in self.purchases))
        if backbone.modalities and not names:  # the score without content is the whole score, which has learnt from content
            return {measure: {"full": values["full"]} for measure, values in found.items()}
        return found

    @staticmethod
    def sets(names: tuple[str, ...]) -> list[frozenset[str]]:
        """The sets of factual modalities that the measures are made of."""
        full = frozenset(names)
        return list(dict.fromkeys([full, frozenset(), *(frozenset([name]) for name in names), *(full - {name} for name in names)]))

    def of(self, names: tuple[str, ...], train: Sequence[FloatArray], held_out: Sequence[FloatArray]) -> Measured:
        """The measures, given each of ``sets``' margins over the rivals of ``purchases``: of the first part, and of the second."""
        full, sets = frozenset(names), self.sets(names)
        known, new = dict(zip(sets, train, strict=True)), dict(zip(sets, held_out, strict=True))
        keep = {name: frozenset([name]) for name in names}
        alone = {"full": full, "id": frozenset[str](), **keep}
        found: Measured = {
            "train_loss": {name: _loss(known[chosen]) for name, chosen in alone.items()},
            "held_out_loss": {name: _loss(new[chosen]) for name, chosen in alone.items()},
        }
        if len(names) > 1:
            whole = float(sigmoid(new[full]).mean())
            beaten = {name: sigmoid(new[keep[name]]) for name in names}
            found |= {
                "confidence": {name: float(sigmoid(known[keep[name]]).mean()) for name in names},
                "reliance": {name: whole - float(sigmoid(new[full - {name}]).mean()) for name in names},
                "variance": {name: float((beaten[name] * (1 - beaten[name])).mean()) for name in names},
            }
        return found


def conflict(backbone: Backbone, margins: Margins, n_bpr: int, bpr_gradient: FloatArray) -> dict[str, float]:
    """Cosine per branch between what the recommendation loss asks of it and what its own keep-m loss would; -1 to 1.

    Called between ``forward`` with counterfactuals and ``backward``; a branch that one of the two leaves alone has no entry.
    """
    joint = np.zeros_like(margins.full)
    joint[:n_bpr] = bpr_gradient
    own = np.zeros_like(margins.keep)
    own[:n_bpr] = -sigmoid(-margins.keep[:n_bpr]) / np.float32(n_bpr)
    asked = backbone.branch_gradients(MarginGradients(joint))
    wanted = backbone.branch_gradients(MarginGradients(np.zeros_like(joint), own))
    cosines = {name: _cosine(asked, wanted, name) for name in backbone.branches}
    return {name: value for name, value in cosines.items() if value is not None}


def _cosine(one: BranchGradients, other: BranchGradients, name: str) -> float | None:
    pairs = list(zip(one[name], other[name], strict=True))
    product = sum(float(np.vdot(a, b)) for a, b in pairs)
    size = sum(float(np.vdot(a, a)) for a, _ in pairs) * sum(float(np.vdot(b, b)) for _, b in pairs)
    return product / size**0.5 if size > 0 else None


def _drawn(items: npt.NDArray[np.intp], n: int, rng: np.random.Generator) -> npt.NDArray[np.intp]:
    return rng.choice(items, n) if len(items) else items


def _purchases(
    part: UserItems, rivals: list[npt.NDArray[np.intp]], rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.int32], npt.NDArray[np.intp]]:
    """Rows of customers (n,), what they bought (n,), and the rivals (n, n_rivals)."""
    rows, bought = [], []
    for row, others in enumerate(rivals):
        items = part.items[part.start[row] : part.start[row + 1]]
        chosen = rng.permutation(items)[:_PURCHASES] if len(others) else items[:0]
        rows += [row] * len(chosen)
        bought += chosen.tolist()
    index = np.array(rows, dtype=np.intp)
    beside = np.stack([rivals[row] for row in rows]) if rows else np.zeros((0, _RIVALS), dtype=np.intp)
    return index, np.array(bought, dtype=np.int32), beside


def _margins(
    scores: FloatArray, rows: npt.NDArray[np.intp], bought: npt.NDArray[np.int32], rivals: npt.NDArray[np.intp]
) -> FloatArray:
    margins: FloatArray = scores[rows, bought][:, None] - scores[rows[:, None], rivals]
    return margins


def _loss(margins: FloatArray) -> float:
    return float(np.logaddexp(0, -margins).mean()) if margins.size else 0.0
