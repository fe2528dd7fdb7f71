from __future__ import annotations

import math

import numpy as np
import pytest

from tests.reference import bootstrap_loops as loops
from valuelocate.compare.specificity import WITHIN_VALUES, specificity_interval
from valuelocate.evaluate.bootstrap import Resampling, draw_counts

SETTINGS = Resampling(level=0.9, resamples=70, seed=2)
CHANGES = [np.array([1.0, 0.6, 0.8]), np.array([0.3, -0.1]), np.array([-0.4, -0.2, math.nan])]
NAMES = [["a", "b", "b"], ["c", "d"], ["e", "f", "g"]]


def test_specificity_by_hand() -> None:
    found = specificity_interval(CHANGES, NAMES, resampling=SETTINGS)
    assert found.estimate == pytest.approx(0.8 - (0.1 + 0.3) / 2)
    assert (found.n, found.method) == (3, WITHIN_VALUES)


def test_the_interval_draws_families_within_each_value() -> None:
    found = specificity_interval(CHANGES, NAMES, resampling=SETTINGS)
    scored = [(CHANGES[0], NAMES[0]), (CHANGES[1], NAMES[1]), (CHANGES[2][:2], NAMES[2][:2])]
    means = [
        [
            loops.mean([values[row] for row in loops.repeated_rows(names, drawn)])
            for drawn in draw_counts(len(set(names)), SETTINGS._replace(seed=2 + place))
        ]
        for place, (values, names) in enumerate(scored)
    ]
    resampled = [own - (abs(one) + abs(two)) / 2 for own, one, two in zip(*means, strict=True)]
    assert (found.low, found.high) == pytest.approx(loops.percentile(resampled, 0.9))


def test_moving_every_value_alike_is_not_specific() -> None:
    same = [np.array([0.5, 0.5, 0.5])] * 3
    found = specificity_interval(same, [list("abc")] * 3, resampling=SETTINGS)
    assert found.estimate == found.low == found.high == pytest.approx(0)


def test_the_sign_of_a_change_elsewhere_does_not_matter() -> None:
    turned = [CHANGES[0], -CHANGES[1], -CHANGES[2]]
    one, other = (specificity_interval(changes, NAMES, resampling=SETTINGS) for changes in (CHANGES, turned))
    assert (one.estimate, one.low, one.high) == pytest.approx((other.estimate, other.low, other.high))


@pytest.mark.parametrize(
    "changes",
    [CHANGES[:1], [CHANGES[0], np.full(2, math.nan)], [np.full(3, math.nan), CHANGES[1]]],
)
def test_without_the_target_or_another_value_it_is_missing(changes) -> None:
    found = specificity_interval(changes, NAMES[: len(changes)], resampling=SETTINGS)
    assert math.isnan(found.estimate) and not found.known


def test_a_value_of_one_family_leaves_no_interval() -> None:
    found = specificity_interval(CHANGES[:2], [NAMES[0], ["c", "c"]], resampling=SETTINGS)
    assert found.estimate == pytest.approx(0.7) and math.isnan(found.low)
