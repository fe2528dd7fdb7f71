"""Percentile bootstrap over families: how intervals are made (Efron and Tibshirani 1993, ch. 13).

Rows of one seed family share a scene, so families are drawn, never rows. A resample is a vector of how often
each family was drawn, so that every statistic below is a product with a matrix of such counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Float64, Int64

FAMILIES = "percentile bootstrap over families"
"""The name of the method in tables."""


class Resampling(NamedTuple):
    """How an interval is made."""

    level: float = 0.95
    """Share of the resampled values inside the interval."""
    resamples: int = 2000
    seed: int = 0


DEFAULT = Resampling()


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its percentile interval; NaN where there was nothing to estimate from."""

    estimate: float
    low: float
    high: float
    n: int
    """Questions (or texts) that the estimate rests on."""
    method: str

    @property
    def known(self) -> bool:
        """Whether there is an estimate and an interval."""
        return not any(math.isnan(number) for number in (self.estimate, self.low, self.high))


def family_index(families: Sequence[str]) -> tuple[Int64[np.ndarray, " row"], int]:
    """Return the number of each row's family, and how many families there are."""
    names, index = np.unique(np.asarray(families, dtype=object).astype(str), return_inverse=True)
    return index.astype(np.int64), len(names)


def draw_counts(units: int, resampling: Resampling = DEFAULT) -> Float64[np.ndarray, "resample unit"]:
    """Return how often each of `units` things is drawn in each resample of as many, with replacement."""
    if units == 0:
        return np.zeros((resampling.resamples, 0))
    source = np.random.default_rng(resampling.seed)
    drawn = source.multinomial(units, np.full(units, 1 / units), size=resampling.resamples)
    return drawn.astype(np.float64)


def row_weights(
    families: Sequence[str], resampling: Resampling = DEFAULT
) -> Float64[np.ndarray, "resample row"]:
    """Return how often each row is drawn in each resample of the families."""
    index, count = family_index(families)
    return draw_counts(count, resampling)[:, index]


def interval_of(
    estimate: float,
    resampled: Float[np.ndarray, " resample"],
    *,
    n: int,
    families: int,
    level: float,
    method: str = FAMILIES,
) -> Interval:
    """Return the percentile interval of a resampled statistic; its ends are NaN below two families."""
    finite = resampled[np.isfinite(resampled)]
    if families < 2 or len(finite) == 0 or not math.isfinite(estimate):
        return Interval(estimate=float(estimate), low=math.nan, high=math.nan, n=n, method=method)
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate=float(estimate), low=float(low), high=float(high), n=n, method=method)


def weighted_means(
    rows: Float[np.ndarray, "series row"], weights: Float[np.ndarray, "resample row"]
) -> Float64[np.ndarray, "resample series"]:
    """Return the weighted mean of each series over its finite rows; NaN where none was drawn."""
    finite = np.isfinite(rows)
    total = weights @ np.where(finite, rows, 0.0).T
    count = weights @ finite.T.astype(np.float64)
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def mean_interval(
    scores: Sequence[float] | Float[np.ndarray, " row"],
    families: Sequence[str],
    *,
    resampling: Resampling = DEFAULT,
) -> Interval:
    """Return the mean of the finite scores with its interval over families."""
    [interval] = mean_intervals(np.asarray(scores, dtype=np.float64)[None], families, resampling=resampling)
    return interval


def mean_intervals(
    rows: Float[np.ndarray, "series row"],
    families: Sequence[str],
    *,
    resampling: Resampling = DEFAULT,
) -> list[Interval]:
    """Return `mean_interval` of several series over the same rows, resampled alike."""
    index, _ = family_index(families)
    resampled = weighted_means(rows, row_weights(families, resampling))
    estimates = weighted_means(rows, np.ones((1, rows.shape[1])))[0]
    intervals = []
    for series, estimate, column in zip(rows, estimates, resampled.T, strict=True):
        scored = np.isfinite(series)
        known = len(np.unique(index[scored]))
        found = interval_of(estimate, column, n=int(scored.sum()), families=known, level=resampling.level)
        intervals.append(found)
    return intervals


def auroc_interval(
    scores: Sequence[float] | Float[np.ndarray, " row"],
    positive: Sequence[bool],
    families: Sequence[str],
    *,
    resampling: Resampling = DEFAULT,
) -> Interval:
    """Return the chance that a positive row outscores a negative one, ties counting half, over families.

    Source: Hanley and McNeil 1982, the Wilcoxon form of the area under the ROC curve. Rows without a finite
    score are left out.
    """
    found = np.asarray(scores, dtype=np.float64)
    label = np.asarray(positive, dtype=bool)
    up, down = np.isfinite(found) & label, np.isfinite(found) & ~label
    gap = found[up][:, None] - found[down][None, :]
    wins = (gap > 0) + 0.5 * (gap == 0)
    weights = row_weights(families, resampling)

    def area(weights: Float[np.ndarray, "resample row"]) -> Float64[np.ndarray, " resample"]:
        total = ((weights[:, up] @ wins) * weights[:, down]).sum(1)
        pairs = weights[:, up].sum(1) * weights[:, down].sum(1)
        return np.divide(total, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)

    index, _ = family_index(families)
    return interval_of(
        area(np.ones((1, len(found))))[0],
        area(weights),
        n=int((up | down).sum()),
        families=len(np.unique(index[up | down])),
        level=resampling.level,
    )
