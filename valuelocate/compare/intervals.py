"""Intervals of an edit's gain over its random controls, by a bootstrap of families crossed with draws.

Questions of one seed family share a scene, and every question is answered under every random draw; both are
samples, so both are resampled, independently of each other (the pigeonhole bootstrap of Owen 2007).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64

from valuelocate.evaluate.bootstrap import (
    DEFAULT,
    Interval,
    Resampling,
    draw_counts,
    family_index,
    interval_of,
    row_weights,
    weighted_means,
)

CROSSED = "percentile bootstrap over families crossed with draws"


class Paired(NamedTuple):
    """Gains of an edit beside those of the random draws, where there is something to hold them against."""

    gain: Float64[np.ndarray, " question"]
    """Of the edit; finite."""
    random: Float64[np.ndarray, "draw question"]
    """Of the draws that scored at least one of the questions; NaN where a draw left one unscored."""
    families: tuple[str, ...]

    @property
    def margins(self) -> Float64[np.ndarray, " draw"]:
        """By how much the edit gained more than each draw, mean over the questions that the draw scored."""
        return np.nanmean(self.gain - self.random, axis=1)

    @property
    def control(self) -> Float64[np.ndarray, " question"]:
        """Mean gain over the draws that scored the question."""
        return np.nanmean(self.random, axis=0)


def pair(
    gain: Float64[np.ndarray, " question"],
    random: Float64[np.ndarray, "draw question"],
    families: Sequence[str],
) -> Paired:
    """Keep the questions scored under the edit and under a draw, and the draws that scored one of them.

    Raises:
        ValueError: sizes that do not fit.
    """
    if random.ndim != 2 or random.shape[1] != len(gain) or len(families) != len(gain):
        sizes = f"gain {gain.shape}, random {random.shape} and {len(families)} families"
        raise ValueError(f"{sizes} do not fit together")
    both: Bool[np.ndarray, "draw question"] = np.isfinite(random) & np.isfinite(gain)
    questions, draws = np.any(both, axis=0), np.any(both, axis=1)
    kept = tuple(family for family, keep in zip(families, questions, strict=True) if keep)
    return Paired(gain[questions], random[draws][:, questions], kept)


def gain_over_random(
    gain: Float64[np.ndarray, " question"],
    random: Float64[np.ndarray, "draw question"],
    families: Sequence[str],
    *,
    resampling: Resampling = DEFAULT,
) -> Interval:
    """Return the mean over questions of [gain of the edit - mean over draws of the random gain].

    Args:
        gain: of the edit, per question; NaN where a question was not scored.
        random: of each random draw.
        families: the seed family of each question.
        resampling: of the interval.

    Raises:
        ValueError: sizes that do not fit.
    """
    known = pair(gain, random, families)
    if not known.families:
        return Interval(estimate=np.nan, low=np.nan, high=np.nan, n=0, method=CROSSED)
    questions = row_weights(known.families, resampling)
    # Another seed, so that which draws are taken does not depend on which families are.
    draws = draw_counts(len(known.random), resampling._replace(seed=resampling.seed + 1))
    control = weighted_means(known.random.T, draws)
    beyond = np.where(np.isnan(control), np.nan, known.gain - control)
    counted = np.where(np.isnan(control), 0.0, questions)
    total = counted.sum(1)
    resampled = np.divide(
        (counted * np.nan_to_num(beyond)).sum(1), total, out=np.full(len(total), np.nan), where=total > 0
    )
    return interval_of(
        float((known.gain - known.control).mean()),
        resampled,
        n=len(known.families),
        families=family_index(known.families)[1],
        level=resampling.level,
        method=CROSSED,
    )
