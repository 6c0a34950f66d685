"""Balancing methods: one file per method. ``BALANCERS`` maps a name to a maker; each maker takes the teachers' margin functions,
and by how much the method's strength is to be multiplied (methods without one, ``UNGRADED``, ignore it).

``NEEDS_TEACHERS`` lists the methods that distil from uni-modal models, which must be trained first; ``STACKABLE`` those that look
at margins alone, so that models may be stacked (see ``models.stacked``).
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from models.balancers.agm import AGM
from models.balancers.arl import ARL
from models.balancers.cggm import CGGM
from models.balancers.ckd import CKD
from models.balancers.gradient_blending import GradientBlending
from models.balancers.mmpareto import MMPareto
from models.balancers.modality_dropout import ModalityDropout
from models.balancers.mslr import MSLR
from models.balancers.none import NoBalancer
from models.balancers.ogm_ge import OGMGE
from models.balancers.pmr import PMR
from models.balancers.protocol import Balancer
from models.balancers.umt import UMT
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["BALANCERS", "NEEDS_TEACHERS", "STACKABLE", "UNGRADED", "Maker"]

Teachers = Mapping[str, Callable[[Triples], FloatArray]]

Maker = Callable[..., Balancer]


def _maker(kind: Callable[..., Balancer], dial: str | None = None, *, taught: bool = False, **fixed: Any) -> Maker:
    """``dial``: the parameter that says how strongly the method acts; it is multiplied."""
    usual = inspect.signature(kind).parameters[dial].default if dial else None

    def make(teachers: Teachers, strength: float = 1.0) -> Balancer:
        given = fixed if dial is None or usual is None else {**fixed, dial: usual * strength}
        return kind(teachers, **given) if taught else kind(**given)

    return make


BALANCERS: dict[str, Maker] = {
    "none": _maker(NoBalancer),
    "ckd": _maker(CKD, "alpha", taught=True),
    "ckd_paper": _maker(CKD, "alpha", taught=True, variant="paper"),
    "umt": _maker(UMT, "strength", taught=True),
    "ogm_ge": _maker(OGMGE, "strength"),
    "agm": _maker(AGM, "strength"),
    "cggm": _maker(CGGM, "pull"),
    "pmr": _maker(PMR, "strength"),
    "mmpareto": _maker(MMPareto),
    "gradient_blending": _maker(GradientBlending),
    "modality_dropout": _maker(ModalityDropout, "dropped"),
    "mslr": _maker(MSLR),
    "arl": _maker(ARL, "bias"),
}
NEEDS_TEACHERS = frozenset({"ckd", "ckd_paper", "umt"})
STACKABLE = frozenset({"none", "ckd", "ckd_paper"})
UNGRADED = frozenset({"none", "mmpareto", "gradient_blending", "mslr"})
