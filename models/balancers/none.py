"""No balancing: the recommendation loss alone."""

from __future__ import annotations

from models.backbones.protocol import Backbone
from models.balancers.protocol import BaseBalancer

__all__ = ["NoBalancer"]


class NoBalancer(BaseBalancer):
    """Plain joint training, the control of every comparison."""

    counterfactual = False

    def refusal(self, backbone: Backbone) -> None:
        """Every backbone can be left alone."""
