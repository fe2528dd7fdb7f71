from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from tests.reference import bootstrap_loops as loops
from valuelocate.evaluate.bootstrap import (
    FAMILIES,
    Resampling,
    auroc_interval,
    draw_counts,
    family_index,
    mean_interval,
    mean_intervals,
    row_weights,
)

NAMES = ["b", "a", "b", "c", "c", "c", "d"]
SCORES = [0.3, -1.0, 0.8, math.nan, 0.1, 2.0, 0.4]
SETTINGS = Resampling(level=0.9, resamples=60, seed=3)
COUNTS = draw_counts(4, SETTINGS)


def test_a_resample_draws_as_many_families_as_there_are() -> None:
    assert COUNTS.shape == (60, 4)
    assert (COUNTS.sum(1) == 4).all() and COUNTS.min() == 0
    many = draw_counts(5, Resampling(resamples=4000))
    np.testing.assert_allclose(many.mean(0), 1, atol=0.06)
    # With replacement: the count of one of n has variance 1 - 1/n.
    np.testing.assert_allclose(many.var(0), 0.8, atol=0.08)
    np.testing.assert_array_equal(draw_counts(4, SETTINGS), COUNTS)
    assert not np.array_equal(draw_counts(4, SETTINGS._replace(seed=4)), COUNTS)


def test_rows_of_a_family_are_drawn_together() -> None:
    index, count = family_index(NAMES)
    assert (index.tolist(), count) == ([1, 0, 1, 2, 2, 2, 3], 4)
    np.testing.assert_array_equal(row_weights(NAMES, SETTINGS), COUNTS[:, index])


def test_the_mean_and_its_interval_are_those_of_repeated_rows() -> None:
    found = mean_interval(SCORES, NAMES, resampling=SETTINGS)
    low, high = loops.over_families(
        lambda rows: loops.mean([SCORES[row] for row in rows]), NAMES, COUNTS, 0.9
    )
    assert found.estimate == pytest.approx(loops.mean(SCORES))
    assert (found.low, found.high) == pytest.approx((low, high))
    assert (found.n, found.method, found.known) == (6, FAMILIES, True)


def test_several_series_are_resampled_alike() -> None:
    rows = np.array([SCORES, [-score for score in SCORES]])
    one, other = mean_intervals(rows, NAMES, resampling=SETTINGS)
    alone = mean_interval(SCORES, NAMES, resampling=SETTINGS)
    assert (one.estimate, one.low, one.high) == pytest.approx((alone.estimate, alone.low, alone.high))
    assert (other.low, other.high) == pytest.approx((-one.high, -one.low))


def test_families_widen_an_interval_that_rows_would_make_narrow() -> None:
    source = np.random.default_rng(0)
    per_family = source.normal(size=8)
    scores, names = np.repeat(per_family, 10), [f"f{n // 10}" for n in range(80)]
    families = mean_interval(scores, names)
    rows = mean_interval(scores, [str(n) for n in range(80)])
    assert families.high - families.low > 2 * (rows.high - rows.low)


@pytest.mark.parametrize(
    ("scores", "names", "estimate", "n"),
    [
        ([1.0, 2.0], ["a", "a"], 1.5, 2),
        ([1.0, math.nan], ["a", "b"], 1.0, 1),
        ([math.nan], ["a"], math.nan, 0),
        ([], [], math.nan, 0),
    ],
)
def test_below_two_families_there_is_no_interval(scores, names, estimate, n) -> None:
    found = mean_interval(scores, names)
    assert found.estimate == pytest.approx(estimate, nan_ok=True)
    assert (math.isnan(found.low), math.isnan(found.high), found.n, found.known) == (True, True, n, False)


def test_the_area_under_the_curve_counts_pairs_with_ties_half() -> None:
    scores = [0.2, 0.9, 0.9, 0.4, 0.9, math.nan, 0.1, 0.4]
    positive = [False, True, False, True, True, True, False, False]
    names = ["a", "a", "b", "b", "c", "c", "d", "d"]
    found = auroc_interval(scores, positive, names, resampling=SETTINGS)
    low, high = loops.over_families(lambda rows: loops.area(scores, positive, rows), names, COUNTS, 0.9)
    known = [place for place, score in enumerate(scores) if not math.isnan(score)]
    assert found.estimate == pytest.approx(loops.area(scores, positive, range(8)))
    assert found.estimate == pytest.approx(
        roc_auc_score([positive[k] for k in known], [scores[k] for k in known])
    )
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.n == 7


@pytest.mark.parametrize("positive", [[True, True], [False, False]])
def test_one_pole_alone_has_no_area(positive) -> None:
    found = auroc_interval([0.1, 0.9], positive, ["a", "b"])
    assert math.isnan(found.estimate) and not found.known


def test_an_interval_of_families_covers_as_often_as_it_says() -> None:
    source = np.random.default_rng(1)
    names = [f"f{n // 3:02d}" for n in range(90)]
    covered = 0
    for trial in range(200):
        scores = np.repeat(source.normal(size=30), 3) + source.normal(size=90)
        found = mean_interval(scores, names, resampling=Resampling(resamples=300, seed=trial))
        covered += found.low <= 0 <= found.high
    assert 0.88 <= covered / 200 <= 0.98
