from __future__ import annotations

import math

import numpy as np
import pytest

from tests.reference import bootstrap_loops as loops
from valuelocate.compare.intervals import CROSSED, gain_over_random, pair
from valuelocate.evaluate.bootstrap import Resampling, draw_counts

NAMES = ["b", "a", "b", "c", "d", "c"]
GAIN = np.array([0.5, 0.1, math.nan, 0.9, 0.4, 0.2])
RANDOM = np.array(
    [
        [0.1, 0.0, 0.3, 0.2, 0.1, math.nan],
        [0.2, 0.1, 0.1, math.nan, 0.3, math.nan],
        [0.0, 0.4, 0.2, 0.1, 0.2, math.nan],
    ]
)
SETTINGS = Resampling(level=0.9, resamples=80, seed=5)


def test_the_estimate_and_its_interval_are_those_of_lists_spelt_out() -> None:
    found = gain_over_random(GAIN, RANDOM, NAMES, resampling=SETTINGS)
    rows = [0, 1, 3, 4]
    kept = [NAMES[row] for row in rows]
    differences = [GAIN[row] - loops.mean(RANDOM[:, row]) for row in rows]
    assert found.estimate == pytest.approx(sum(differences) / 4)
    families = draw_counts(4, SETTINGS)
    draws = draw_counts(3, SETTINGS._replace(seed=6))
    resampled = [
        loops.beyond_draws(GAIN, RANDOM, [rows[place] for place in loops.repeated_rows(kept, drawn)], taken)
        for drawn, taken in zip(families, draws, strict=True)
    ]
    assert (found.low, found.high) == pytest.approx(loops.percentile(resampled, 0.9))
    assert (found.n, found.method) == (4, CROSSED)


def test_only_what_is_missing_is_left_out() -> None:
    known = pair(GAIN, RANDOM, NAMES)
    assert known.families == ("b", "a", "c", "d") and known.random.shape == (3, 4)
    np.testing.assert_allclose(known.control, [0.1, 0.5 / 3, 0.15, 0.2])
    np.testing.assert_allclose(
        known.margins, [(0.4 + 0.1 + 0.7 + 0.3) / 4, (0.3 + 0 + 0.1) / 3, (0.5 - 0.3 + 0.8 + 0.2) / 4]
    )
    silent = np.vstack([RANDOM, np.full(6, math.nan)])
    assert pair(GAIN, silent, NAMES).random.shape == (3, 4)


def test_one_draw_and_no_draw() -> None:
    one = gain_over_random(GAIN, RANDOM[:1], NAMES, resampling=SETTINGS)
    assert one.estimate == pytest.approx(1.5 / 4) and one.known
    none = gain_over_random(GAIN, RANDOM[:0], NAMES, resampling=SETTINGS)
    assert (none.n, none.known, math.isnan(none.estimate)) == (0, False, True)


@pytest.mark.parametrize("gain", [np.full(6, math.nan), np.array([math.nan] * 5 + [1.0])])
def test_no_question_in_common_is_missing(gain) -> None:
    assert not gain_over_random(gain, RANDOM, NAMES, resampling=SETTINGS).known


def test_questions_of_one_family_have_no_interval() -> None:
    found = gain_over_random(GAIN, RANDOM, ["a"] * 6, resampling=SETTINGS)
    assert not math.isnan(found.estimate) and math.isnan(found.low) and math.isnan(found.high)


def test_sizes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit together"):
        gain_over_random(GAIN, RANDOM, NAMES[:3])


def test_draws_that_differ_widen_the_interval() -> None:
    names = [f"f{n}" for n in range(20)]
    gain, level = np.ones(20), np.linspace(-1, 1, 9)
    alike = gain_over_random(gain, np.zeros((9, 20)), names)
    apart = gain_over_random(gain, np.repeat(level[:, None], 20, axis=1), names)
    assert alike.high - alike.low == pytest.approx(0) and apart.high - apart.low > 0.3
