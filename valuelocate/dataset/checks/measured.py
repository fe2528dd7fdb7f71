"""What a gate measured, and what in the rows broke its limit."""

from __future__ import annotations

from typing import NamedTuple

from valuelocate.dataset.checks.finding import Finding


class Measured(NamedTuple):
    """The result of one gate; it passes where nothing was found."""

    figure: float
    """The quantity that the limit is about."""
    findings: list[Finding]
    """Empty within the limit; else the rows or groups concerned, or one finding on the whole set."""


def at_most(figure: float, limit: float, check: str, group: str = "all rows") -> Measured:
    """Measure a figure of the whole set that must not exceed its limit."""
    broken = figure > limit
    return Measured(figure, [Finding(group, check, f"{figure:.3g}; at most {limit:g}")] if broken else [])


def at_least(figure: float, limit: float, check: str, group: str = "all rows") -> Measured:
    """Measure a figure of the whole set that must not fall below its limit."""
    broken = figure < limit
    return Measured(figure, [Finding(group, check, f"{figure:.3g}; at least {limit:g}")] if broken else [])
