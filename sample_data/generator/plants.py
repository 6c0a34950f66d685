"""The defects that can be planted in a sample shop, and how strong each is.

A plant is written ``CAUSE``, ``CAUSE:MODALITY`` or ``CAUSE:MODALITY:STRENGTH``, for example ``missing:image:large``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from diagnostics.errors import TenbinError

__all__ = ["CAUSES", "STORIES", "Plant", "parse_plant"]

Mechanism = Literal["random", "popularity", "category"]


@dataclass(frozen=True)
class Plant:
    """One defect.

    Attributes
    ----------
    cause : a cause code of the contract, or ``irrelevant``
    modality : the modality that suffers, or None where the defect is the whole shop's
    strength : small, medium or large
    dose : what the strength means for this cause; see ``_CAUSES``
    mechanism : for ``missing``, what decides which items lack the modality
    disguised : for ``missing``, whether a stand-in (a "no image" card, "coming soon", "Other") hides the gap
    """

    cause: str
    modality: str | None
    strength: str
    dose: float
    mechanism: Mechanism | None = None
    disguised: bool = False


@dataclass(frozen=True)
class _Cause:
    modalities: tuple[str, ...]
    doses: tuple[float, float, float]
    cause: str = ""
    mechanism: Mechanism | None = None
    disguised: bool = False


_ALL = ("text", "image", "attributes")
_STRENGTHS = ("small", "medium", "large")
_GAPS = (0.25, 0.40, 0.65)  # share of the items that lack the modality

_CAUSES: Mapping[str, _Cause] = {
    "missing": _Cause(_ALL, _GAPS, mechanism="random"),
    "missing_by_popularity": _Cause(_ALL, _GAPS, "missing", "popularity"),
    "missing_disguised": _Cause(_ALL, _GAPS, "missing", "random", disguised=True),
    "uninformative": _Cause(_ALL, (0.5, 0.75, 1.0)),  # share of the items that show another item's content
    "redundant": _Cause(("text", "image"), (0.6, 0.8, 1.0)),  # share of the items whose content follows the other modality's
    "scale_mismatch": _Cause(("text", "image"), (30.0, 200.0, 1000.0)),  # how many times too long the vectors are
    "irrelevant": _Cause((), (0.7, 0.85, 1.0)),  # share of every content taste that is taken away
    "unused": _Cause((), (2.0, 4.0, 5.0)),  # how many times as much each customer buys
}
CAUSES = ("none", *_CAUSES)

STORIES: Mapping[str, Plant] = {
    "en": Plant("missing", "image", "medium", 0.35, "category", disguised=True),
    "ja": Plant("missing", "text", "medium", 0.40, "popularity"),
}
"""What is wrong with each shop when nothing else is asked for."""


def parse_plant(wanted: str) -> Plant | None:
    """Read ``CAUSE[:MODALITY][:STRENGTH]``; None for ``none``. Strength is large where it is not said.

    Raises
    ------
    TenbinError
        ``E_PLANT_SEARCHED`` for ``suppressed``, which cannot be made by construction; ``E_PLANT_CAUSE``, ``E_PLANT_MODALITY``,
        ``E_PLANT_STRENGTH`` with the choices.
    """
    name, *rest = [part.strip() for part in wanted.split(":")]
    if name == "suppressed":
        raise TenbinError("E_PLANT_SEARCHED", found=name, choices=CAUSES)
    if name not in CAUSES:
        raise TenbinError("E_PLANT_CAUSE", found=name, choices=CAUSES)
    if name == "none":
        if rest:
            raise TenbinError("E_PLANT_STRENGTH", cause=name, found=":".join(rest), form=name, choices=("none",))
        return None
    modalities = _CAUSES[name].modalities
    modality = rest.pop(0) if modalities and rest else None
    if modalities and modality not in modalities:
        raise TenbinError("E_PLANT_MODALITY", cause=name, found=modality or "", example=modalities[0], choices=modalities)
    strength = rest.pop(0) if rest else "large"
    if rest or strength not in _STRENGTHS:
        form = ":".join([name, *(["MODALITY"] if modalities else []), "STRENGTH"])
        raise TenbinError("E_PLANT_STRENGTH", cause=name, found=":".join([strength, *rest]), form=form, choices=_STRENGTHS)
    kind = _CAUSES[name]
    return Plant(kind.cause or name, modality, strength, kind.doses[_STRENGTHS.index(strength)], kind.mechanism, kind.disguised)
