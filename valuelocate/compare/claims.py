"""When an effect may be claimed: it beats random neurons by interval and by rank, and the text is still text.

A question-level interval alone is no proof: against neurons of random weights it excludes zero far too often,
since questions agree with each other on what any large edit does. So the random draws are part of the interval
and of the rank.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float64

from valuelocate.compare.intervals import gain_over_random
from valuelocate.evaluate.bootstrap import LEVEL, RESAMPLES, Interval
from valuelocate.evaluate.fluency import DEGENERATE

ALPHA = 0.05
"""Largest rank p at which an effect is claimed."""

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
    p_rank: float
    n: int
    n_draws: int
    verdict: Verdict
    reasons: tuple[str, ...]
    """Why the verdict is not `moved`; empty where it is."""


def claim(
    gain: Float64[np.ndarray, " question"],
    random: Float64[np.ndarray, "draw question"],
    families: Sequence[str],
    *,
    fluency: float,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Claim:
    """Hold the gains of an edit against those of its random draws.

    Args:
        gain: per question, larger = more in the intended direction.
        random: the same of each draw.
        families: the seed family of each question.
        fluency: score of the edit's answers on the same split; NaN where it was not measured.
        level: of the interval.
        resamples: of the bootstrap.
        seed: of the bootstrap.
    """
    interval = gain_over_random(gain, random, families, level=level, resamples=resamples, seed=seed)
    scored = np.isfinite(gain) & np.isfinite(random).all(0)
    mean = float(gain[scored].mean()) if scored.any() else math.nan
    draws = random[:, scored].mean(1) if scored.any() else np.full(len(random), math.nan)
    p_rank = rank_p(mean, draws)
    reasons = tuple(_objections(interval, p_rank, fluency, len(draws)))
    degenerate = fluency < DEGENERATE
    return Claim(
        interval=interval,
        gain=mean,
        random_mean=float(draws.mean()) if len(draws) else math.nan,
        random_sd=float(draws.std(ddof=1)) if len(draws) > 1 else math.nan,
        p_rank=p_rank,
        n=interval.n,
        n_draws=len(draws),
        verdict="degenerate" if degenerate else ("not_moved" if reasons else "moved"),
        reasons=reasons,
    )


def rank_p(gain: float, draws: Float64[np.ndarray, " draw"]) -> float:
    """Return (1 + number of random draws at least as large) / (draws + 1); NaN without a gain."""
    if math.isnan(gain):
        return math.nan
    return (1 + int((draws >= gain).sum())) / (len(draws) + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for how many are claimed together (Holm 1979); missing ones stay missing."""
    order = sorted((p, place) for place, p in enumerate(p_values) if not math.isnan(p))
    adjusted = list(p_values)
    largest = 0.0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1.0, (len(order) - rank) * p))
        adjusted[place] = largest
    return adjusted


def _objections(interval: Interval, p_rank: float, fluency: float, draws: int) -> list[str]:
    found = []
    if not interval.known:
        found.append("no interval could be computed")
    elif interval.low <= 0:
        found.append(f"the interval of the gain beyond random neurons reaches down to {interval.low:+.4f}")
    if not p_rank <= ALPHA:
        found.append(f"{p_rank:.3f} is the rank among {draws} random draws; at most {ALPHA:g} is needed")
    if math.isnan(fluency):
        found.append("fluency was not measured, so broken text is not ruled out")
    elif fluency < DEGENERATE:
        found.append(f"the answers are broken: fluency {fluency:.2f} is below {DEGENERATE:g}")
    return found
