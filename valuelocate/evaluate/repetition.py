"""How varied text is: distinct n-grams (Li et al. 2016), counted on token ids."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

ORDER = 3


def ngrams(ids: Sequence[int], order: int = ORDER) -> list[tuple[int, ...]]:
    """Return the n-grams of a token sequence, in order, with repeats."""
    return list(zip(*(ids[start:] for start in range(order)), strict=False))


def repetition(ids: Sequence[int], order: int = ORDER) -> float:
    """Return the share of an answer's n-grams that occurred in it before; NaN where it has none."""
    found = ngrams(ids, order)
    return 1 - len(set(found)) / len(found) if found else math.nan


def matched_prefixes(
    first: Sequence[Sequence[int]], second: Sequence[Sequence[int]]
) -> tuple[list[Sequence[int]], list[Sequence[int]]]:
    """Cut two answers to each question to the length of the shorter.

    Distinct-n falls with the number of tokens, so sets are compared on equal counts of the same questions.
    """
    lengths = [min(len(a), len(b)) for a, b in zip(first, second, strict=True)]
    return [a[:n] for a, n in zip(first, lengths, strict=True)], [
        b[:n] for b, n in zip(second, lengths, strict=True)
    ]


class DistinctCounter:
    """Distinct n-grams over any choice of answers; an answer drawn twice is not a repetition by the model."""

    def __init__(self, answers: Sequence[Sequence[int]], order: int = ORDER) -> None:
        found = [ngrams(ids, order) for ids in answers]
        number: dict[tuple[int, ...], int] = {}
        for gram in (gram for grams in found for gram in grams):
            number.setdefault(gram, len(number))
        self.totals = np.array([len(grams) for grams in found], dtype=np.float64)
        self.present = np.zeros((len(found), len(number)), dtype=np.float32)
        for row, grams in enumerate(found):
            self.present[row, [number[gram] for gram in grams]] = 1

    def distinct(
        self, weights: Float64[np.ndarray, "resample answer"], chunk: int = 256
    ) -> Float64[np.ndarray, " resample"]:
        """Return distinct over all n-grams of the answers of weight above zero; NaN where they have none."""
        chosen = (weights > 0).astype(np.float32)
        # In chunks, since resamples times n-grams would be large.
        kinds = [
            (chosen[start : start + chunk] @ self.present > 0).sum(1)
            for start in range(0, len(chosen), chunk)
        ]
        total = chosen.astype(np.float64) @ self.totals
        count = np.concatenate(kinds).astype(np.float64) if kinds else np.zeros(0)
        return np.divide(count, total, out=np.full(len(chosen), np.nan), where=total > 0)
