"""Balancing methods: one file per method. ``BALANCERS`` maps a name to a maker; each maker takes the teachers' margin functions.

``NEEDS_TEACHERS`` lists the methods that distil from uni-modal models, which must be trained first.
"""

from collections.abc import Callable, Mapping
from functools import partial

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

__all__ = ["BALANCERS", "NEEDS_TEACHERS"]

Teachers = Mapping[str, Callable[[Triples], FloatArray]]

BALANCERS: dict[str, Callable[[Teachers], Balancer]] = {
    "none": lambda teachers: NoBalancer(),
    "ckd": CKD,
    "ckd_paper": partial(CKD, variant="paper"),
    "umt": UMT,
    "ogm_ge": lambda teachers: OGMGE(),
    "agm": lambda teachers: AGM(),
    "cggm": lambda teachers: CGGM(),
    "pmr": lambda teachers: PMR(),
    "mmpareto": lambda teachers: MMPareto(),
    "gradient_blending": lambda teachers: GradientBlending(),
    "modality_dropout": lambda teachers: ModalityDropout(),
    "mslr": lambda teachers: MSLR(),
    "arl": lambda teachers: ARL(),
}
NEEDS_TEACHERS = frozenset({"ckd", "ckd_paper", "umt"})
