"""Specificity: how much more an edit moves its own value than the others.

    specificity(i) = D_ii - mean over j != i of |D_ij|

after NeVA's leakage (arXiv 2602.07356), D_ij being the mean change on the questions of value j under the
edit of value i, and D_ii signed so that larger is more in the intended direction.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from valuelocate.evaluate.bootstrap import (
    DEFAULT,
    Interval,
    Resampling,
    family_index,
    interval_of,
    row_weights,
    weighted_means,
)

WITHIN_VALUES = "percentile bootstrap over families within values"


def specificity_interval(
    changes: Sequence[Float64[np.ndarray, " _"]],
    families: Sequence[Sequence[str]],
    *,
    resampling: Resampling = DEFAULT,
) -> Interval:
    """Return the target's mean gain minus the mean size of the other values' mean changes.

    Args:
        changes: per question; the target's gains first, then each other value's changes of either sign. A
            value without a scored question is left out.
        families: of the questions, as `changes`.
        resampling: of the interval; families are drawn within each value.

    Returns:
        The interval; all NaN where the target or every other value was not scored. `n` counts the target's
        scored questions.
    """
    means, drawn, units = [], [], []
    for place, (values, names) in enumerate(zip(changes, families, strict=True)):
        scored = np.isfinite(values)
        if place and not scored.any():
            continue
        kept = [name for name, keep in zip(names, scored, strict=True) if keep]
        # Each value draws its own families.
        weights = row_weights(kept, resampling._replace(seed=resampling.seed + place))
        drawn.append(weighted_means(values[scored][None], weights)[:, 0])
        means.append(float(values[scored].mean()) if scored.any() else math.nan)
        units.append(family_index(kept)[1])
    n = int(np.isfinite(changes[0]).sum())
    if len(means) < 2:
        return Interval(estimate=math.nan, low=math.nan, high=math.nan, n=n, method=WITHIN_VALUES)
    leaked = np.mean(np.abs(drawn[1:]), axis=0)
    return interval_of(
        means[0] - float(np.mean(np.abs(means[1:]))),
        drawn[0] - leaked,
        n=n,
        families=min(units),
        level=resampling.level,
        method=WITHIN_VALUES,
    )
