"""Contributions beyond single modalities: history as a player, pairs, segments, all together."""

from __future__ import annotations

from itertools import combinations

from diagnostics.schema import Contributions, Interaction, PlayerShare
from diagnostics.verdict.measures import Measures
from diagnostics.verdict.segments import segment_shares

__all__ = ["contributions"]


def contributions(measures: Measures) -> Contributions:
    """Of the backbone that is judged."""
    pairs = [
        (one, other, index)
        for one, other in combinations(measures.modalities, 2)
        if (index := measures.interaction(one, other)) is not None
    ]
    return Contributions(
        method=measures.contribution_method,
        with_history=tuple(PlayerShare(player=player, share=share.estimate()) for player, share in measures.with_history().items()),
        interactions=tuple(Interaction(one=one, other=other, index=index.estimate()) for one, other, index in pairs),
        segments=segment_shares(measures),
        synergy=measures.synergy().estimate() if len(measures.modalities) > 1 else None,
    )
