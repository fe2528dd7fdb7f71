"""The dose of an edit: the largest that leaves the text usable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from valuelocate.errors import UserError

USABLE = 0.9
"""Least fluency score (1 = as fluent as the unedited model) at which a dose counts as usable."""


class DosePoint(NamedTuple):
    """A strength and the fluency score measured under it; NaN where it could not be measured."""

    strength: float
    fluency: float


class Dose(NamedTuple):
    """The chosen strength, and whether it is usable."""

    strength: float
    usable: bool


def choose_dose(points: Sequence[DosePoint], usable: float = USABLE) -> Dose:
    """Return the largest usable strength, or the smallest one marked as not usable where none is.

    A fluency that was not measured does not count as usable.

    Raises:
        UserError: no strengths.
    """
    if not points:
        raise UserError("evaluate.strengths is empty: intervene.strength=dev needs strengths to choose from")
    good = [point.strength for point in points if point.fluency >= usable]
    return Dose(max(good), True) if good else Dose(min(point.strength for point in points), False)
