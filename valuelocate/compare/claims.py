"""When an effect may be claimed: it beats random neurons by interval and by rank, and the text is still text.

A question-level interval alone is no proof: against random neurons it excludes zero far too often, since
questions agree with each other on what any large edit does. So the random draws are part of the
interval and of the rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from valuelocate.compare.intervals import Paired, gain_over_random, pair
from valuelocate.evaluate.bootstrap import DEFAULT, Interval, Resampling, family_index
from valuelocate.evaluate.fluency import DEGENERATE

ALPHA = 0.05
"""Largest rank p at which an effect is claimed."""

LEAST_FAMILIES = 5
"""Below this a bootstrap interval is too narrow to claim from: its ends are means of a handful of scenes."""

Verdict = Literal["moved", "not_moved", "degenerate"]


class Claim(NamedTuple):
    """What may be said of one edit in one direction."""

    interval: Interval
    """Mean gain beyond the mean random draw."""
    gain: float
    """Mean gain of the edit."""
    random_mean: float
    random_sd: float
    """Standard deviation over draws of the draws' mean gains."""
    z: float
    """Gain beyond the mean draw, in units of `random_sd`; NaN where that is zero or there is one draw."""
    p_rank: float
    n: int
    """Questions scored under the edit and under at least one draw."""
    n_draws: int
    """Draws that scored at least one of these questions."""
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why the verdict is not `moved`; empty where it is."""


def claim(
    gain: Float64[np.ndarray, " question"],
    random: Float64[np.ndarray, "draw question"],
    families: Sequence[str],
    *,
    fluency: float,
    resampling: Resampling = DEFAULT,
) -> Claim:
    """Hold the gains of an edit against those of its random draws.

    Args:
        gain: per question, larger = more in the intended direction; NaN where it was not scored.
        random: the same of each draw.
        families: the seed family of each question.
        fluency: score of the edit's answers on the same split; NaN where it was not measured.
        resampling: of the interval.

    Raises:
        ValueError: sizes that do not fit.
    """
    known = pair(gain, random, families)
    interval = gain_over_random(gain, random, families, resampling=resampling)
    mean, control, spread = _moments(known)
    margins = known.margins if known.families else np.zeros(0)
    reasons = tuple(_objections(interval, known, margins, fluency))
    degenerate = fluency < DEGENERATE
    return Claim(
        interval=interval,
        gain=mean,
        random_mean=control,
        random_sd=spread,
        z=(mean - control) / spread if spread > 0 else math.nan,
        p_rank=rank_p(margins),
        n=interval.n,
        n_draws=len(known.random),
        verdict="degenerate" if degenerate else ("not_moved" if reasons else "moved"),
        reasons=reasons,
    )


def rank_p(margins: Float64[np.ndarray, " draw"]) -> float:
    """Return (1 + number of random draws that gained at least as much) / (draws + 1).

    Under the null hypothesis that the edit is one more random draw, P(p <= a) <= a for every a (Phipson and
    Smyth 2010).

    Args:
        margins: gain of the edit minus that of each draw, on the same questions.

    Returns:
        The p-value; NaN without draws.
    """
    return (1 + int((margins <= 0).sum())) / (len(margins) + 1) if len(margins) else math.nan


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many are claimed together (Holm 1979); missing ones stay missing."""
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = list(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[place] = largest
    return adjusted


def _moments(known: Paired) -> tuple[float, float, float]:
    """Mean gain of the edit, of the draws, and the standard deviation over draws."""
    if not known.families:
        return math.nan, math.nan, math.nan
    draws = np.nanmean(known.random, axis=1)
    spread = float(draws.std(ddof=1)) if len(draws) > 1 else math.nan
    return float(known.gain.mean()), float(known.control.mean()), spread


def _objections(
    interval: Interval, known: Paired, margins: Float64[np.ndarray, " draw"], fluency: float
) -> list[str]:
    found = []
    families = family_index(known.families)[1]
    if not known.families:
        found.append("no question was scored both under the edit and under a random draw")
    elif families < LEAST_FAMILIES:
        found.append(f"the questions come from {families} families; at least {LEAST_FAMILIES} are needed")
    elif not interval.low > 0:
        found.append(f"the interval of the gain beyond random neurons reaches down to {interval.low:+.4f}")
    if len(margins) and rank_p(margins) > ALPHA:
        found.append(_rank_objection(margins))
    if math.isnan(fluency):
        found.append("fluency was not measured, so broken text is not ruled out")
    elif fluency < DEGENERATE:
        found.append(f"the answers are broken: fluency {fluency:.2f} is below {DEGENERATE:g}")
    return found


def _rank_objection(margins: Float64[np.ndarray, " draw"]) -> str:
    draws, as_large = len(margins), int((margins <= 0).sum())
    told = (
        f"{as_large} of {draws} random draws gained at least as much, so the rank p is {rank_p(margins):.3f}"
    )
    needed = math.ceil(1 / ALPHA) - 1
    if draws < needed:
        return f"{told}; with fewer than {needed} draws it cannot be {ALPHA:g}: raise compare.draws"
    return f"{told}; at most {ALPHA:g} is needed"
