from __future__ import annotations

import math

import numpy as np
import pytest

from valuelocate.evaluate.repetition import DistinctCounter, matched_prefixes, ngrams, repetition


def test_ngrams_and_what_of_them_is_repeated() -> None:
    assert ngrams([1, 2, 3, 4]) == [(1, 2, 3), (2, 3, 4)]
    assert ngrams([1, 2]) == []
    assert repetition([1, 2, 3, 4, 5]) == 0
    assert repetition([1, 1, 1, 1, 1]) == pytest.approx(2 / 3)
    assert math.isnan(repetition([1, 2]))


def test_answers_are_compared_on_as_many_tokens() -> None:
    first, second = matched_prefixes([[1, 2, 3], [4]], [[5], [6, 7, 8]])
    assert (first, second) == ([[1], [4]], [[5], [6]])


def test_distinct_counts_over_all_answers_and_an_answer_once() -> None:
    counter = DistinctCounter([[1, 2, 3, 4], [1, 2, 3], [], [7, 7, 7, 7]])
    weights = np.array([[1, 1, 1, 1], [2, 0, 0, 0], [3, 1, 0, 0], [0, 0, 2, 0]], dtype=np.float64)
    # {123, 234, 777} of 2 + 1 + 0 + 2; both of the first; {123, 234} of 3; nothing.
    np.testing.assert_allclose(counter.distinct(weights), [3 / 5, 1, 2 / 3, np.nan])
    np.testing.assert_allclose(counter.distinct(weights, chunk=1), counter.distinct(weights))
