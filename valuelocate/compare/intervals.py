"""Intervals of an edit's gain over its random controls, by a bootstrap of families crossed with draws.

Questions of one seed family share a scene, and every question is answered under every random draw; both are
samples, so both are resampled, independently of each other (the crossed design of Owen 2007, pigeonhole bootstrap).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from valuelocate.evaluate.bootstrap import LEVEL, RESAMPLES, Interval, draw_counts, family_index, interval_of, row_weights

CROSSED = "percentile bootstrap over families crossed with draws"


def gain_over_random(
    gain: Float64[np.ndarray, " question"],
    random: Float64[np.ndarray, "draw question"],
    families: Sequence[str],
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Interval:
    """Return the mean over questions of [gain of the edit - mean over draws of the random gain].

    Args:
        gain: of the edit, per question; NaN where a question was not scored.
        random: of each random draw.
        families: the seed family of each question.
        level: of the interval.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        ValueError: sizes that do not fit.
    """
    if random.ndim != 2 or random.shape[1] != len(gain) or len(families) != len(gain):
        raise ValueError(f"gain {gain.shape}, random {random.shape} and {len(families)} families do not fit together")
    scored = np.isfinite(gain) & np.isfinite(random).all(0)
    kept = [family for family, keep in zip(families, scored, strict=True) if keep]
    if not kept or not len(random):
        return Interval(estimate=np.nan, low=np.nan, high=np.nan, n=len(kept), method=CROSSED)
    own, others = gain[scored], random[:, scored]
    questions = row_weights(kept, resamples=resamples, seed=seed)
    questions = questions / questions.sum(1, keepdims=True)
    draws = draw_counts(len(random), resamples=resamples, seed=seed + 1) / len(random)
    control = np.einsum("rd,dq,rq->r", draws, others, questions, optimize=True)
    estimate = float(own.mean() - others.mean())
    return interval_of(
        estimate,
        questions @ own - control,
        n=len(kept),
        families=family_index(kept)[1],
        level=level,
        method=CROSSED,
    )
