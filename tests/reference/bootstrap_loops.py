"""Resampling spelt out: the rows of every drawn family are listed, and the statistic is taken of the list."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np


def repeated_rows(families: Sequence[str], counts: Sequence[float]) -> list[int]:
    """The rows of a resample; `counts` says how often each family, in order of name, was drawn."""
    rows = []
    for name, count in zip(sorted(set(families)), counts, strict=True):
        for _ in range(int(count)):
            rows += [row for row, family in enumerate(families) if family == name]
    return rows


def mean(values: Sequence[float]) -> float:
    known = [float(value) for value in values if not math.isnan(value)]
    return sum(known) / len(known) if known else math.nan


def percentile(values: Sequence[float], level: float) -> tuple[float, float]:
    """By linear interpolation between order statistics."""
    known = sorted(value for value in values if not math.isnan(value))

    def at(share: float) -> float:
        place = share * (len(known) - 1)
        low = math.floor(place)
        high = min(low + 1, len(known) - 1)
        return known[low] + (place - low) * (known[high] - known[low])

    return at((1 - level) / 2), at((1 + level) / 2)


def over_families(
    statistic: Callable[[list[int]], float], families: Sequence[str], counts: np.ndarray, level: float
) -> tuple[float, float]:
    return percentile([statistic(repeated_rows(families, drawn)) for drawn in counts], level)


def area(scores: Sequence[float], positive: Sequence[bool], rows: Sequence[int]) -> float:
    """Share of (positive, negative) pairs that are in order, ties counting half."""
    wins, pairs = 0.0, 0
    for i in rows:
        for j in rows:
            if positive[i] and not positive[j] and not math.isnan(scores[i] + scores[j]):
                pairs += 1
                wins += 1.0 if scores[i] > scores[j] else 0.5 if scores[i] == scores[j] else 0.0
    return wins / pairs if pairs else math.nan


def beyond_draws(
    gain: Sequence[float], random: Sequence[Sequence[float]], rows: Sequence[int], draws: Sequence[float]
) -> float:
    """Mean over the rows of [gain - mean over the draws, each as often as it was drawn]."""
    differences = []
    for row in rows:
        control = [random[d][row] for d, count in enumerate(draws) for _ in range(int(count))]
        differences.append(gain[row] - mean(control))
    return mean(differences)
