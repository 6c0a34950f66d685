"""Balancing methods: one file per method. ``BALANCERS`` maps a name to a maker; each maker takes the teachers' margin functions.

``NEEDS_TEACHERS`` lists the methods that distil from uni-modal models, which must be trained first.
"""

from collections.abc import Callable, Mapping
from functools import partial

from models.balancers.ckd import CKD
from models.balancers.none import NoBalancer
from models.balancers.protocol import Balancer
from models.losses import FloatArray
from models.sampling import Triples

__all__ = ["BALANCERS", "NEEDS_TEACHERS"]

Teachers = Mapping[str, Callable[[Triples], FloatArray]]

BALANCERS: dict[str, Callable[[Teachers], Balancer]] = {
    "none": lambda teachers: NoBalancer(),
    "ckd": CKD,
    "ckd_paper": partial(CKD, variant="paper"),
}
NEEDS_TEACHERS = frozenset({"ckd", "ckd_paper"})
