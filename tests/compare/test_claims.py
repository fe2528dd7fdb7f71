from __future__ import annotations

import math

import numpy as np
import pytest

from valuelocate.compare.claims import claim, holm, rank_p
from valuelocate.evaluate import Resampling, mean_interval

NAMES = [f"f{n}" for n in range(8)]
SETTINGS = Resampling(resamples=200)
STEADY = np.array([0.9, 1.0, 1.1, 1.0, 0.8, 1.2, 1.0, 1.0])
DRAWS = np.linspace(-0.2, 0.2, 19)[:, None] + np.zeros((19, 8))


def claimed(gain=STEADY, random=DRAWS, families=NAMES, fluency=0.95):
    return claim(gain, random, families, fluency=fluency, resampling=SETTINGS)


def test_an_effect_beyond_every_draw_in_fluent_text_is_claimed() -> None:
    found = claimed()
    assert (found.verdict, found.reasons) == ("moved", ())
    assert found.p_rank == pytest.approx(0.05) and found.interval.low > 0
    assert (found.gain, found.random_mean) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-12))
    assert found.random_sd == pytest.approx(np.linspace(-0.2, 0.2, 19).std(ddof=1))
    assert found.z == pytest.approx(1 / found.random_sd)
    assert (found.n, found.n_draws) == (8, 19)


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        # The interval alone fails: a few questions carry the mean.
        ({"gain": np.array([8.0, 0, 0, 0, 0, 0, 0, 0.2])}, "not_moved", "reaches down to"),
        # The rank alone fails: one draw of nineteen gained more.
        ({"random": np.vstack([DRAWS[1:], np.full(8, 1.5)])}, "not_moved", "1 of 19 random draws"),
        # Too few draws to reach the level, though none gained as much.
        (
            {"random": DRAWS[:18]},
            "not_moved",
            "with fewer than 19 draws it cannot be 0.05: raise compare.draws",
        ),
        (
            {"random": DRAWS[:1]},
            "not_moved",
            "0 of 1 random draws gained at least as much, so the rank p is 0.500",
        ),
        ({"fluency": 0.79}, "degenerate", "fluency 0.79 is below 0.8"),
        ({"fluency": math.nan}, "not_moved", "fluency was not measured"),
        ({"gain": -STEADY}, "not_moved", "19 of 19 random draws"),
        ({"gain": np.full(8, math.nan)}, "not_moved", "no question was scored both"),
        ({"random": np.full((19, 8), math.nan)}, "not_moved", "no question was scored both"),
        ({"families": ["one"] * 8}, "not_moved", "come from 1 families; at least 5"),
        ({"families": list("aabbccdd")}, "not_moved", "come from 4 families"),
    ],
)
def test_each_rule_stands_alone(changes, verdict, reason) -> None:
    found = claimed(**changes)
    assert found.verdict == verdict
    assert any(reason in told for told in found.reasons)


def test_fluency_at_the_limit_is_not_degenerate() -> None:
    assert claimed(fluency=0.8).verdict == "moved"


def test_broken_text_is_degenerate_whatever_else_holds() -> None:
    assert claimed(gain=-STEADY, fluency=0.1).verdict == "degenerate"


def test_missing_scores_cost_their_questions_only() -> None:
    gain, random = STEADY.copy(), DRAWS.copy()
    gain[0] = random[3, 1] = math.nan
    found = claimed(gain=gain, random=random)
    assert (found.n, found.n_draws, found.verdict) == (7, 19, "moved")
    assert found.gain == pytest.approx(STEADY[1:].mean())


def test_the_rank_counts_draws_at_least_as_large() -> None:
    assert rank_p(np.array([0.1, 0.0, -0.1, 0.2])) == pytest.approx(3 / 5)
    assert rank_p(np.full(19, 0.1)) == pytest.approx(1 / 20)
    assert math.isnan(rank_p(np.zeros(0)))


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.6]) == pytest.approx([1.0, 1.0])
    with_missing = holm([math.nan, 0.02, 0.01])
    assert with_missing[1:] == pytest.approx([0.02, 0.02]) and math.isnan(with_missing[0])
    assert holm([]) == []


def null_study(source: np.random.Generator, effect: float = 0.0):
    """Twenty arms of one kind: each has an effect of its own, shared in part by the questions of a family."""
    families = [f"f{n // 3}" for n in range(24)]
    arm = source.normal(size=(20, 1)) * 0.3
    family = np.repeat(source.normal(size=(20, 8)) * 0.3, 3, axis=1)
    shared = np.repeat(source.normal(size=(1, 8)) * 0.5, 3, axis=1)
    arms = 0.4 + arm + family + shared + source.normal(size=(20, 24)) * 0.3
    arms[0] += effect
    return arms[0], arms[1:], families


def test_claims_hold_their_level_where_a_question_level_interval_does_not() -> None:
    """Where the edit is one more random draw, one claim in twenty is false, though the questions agree."""
    source = np.random.default_rng(0)
    trials, false, naive = 300, 0, 0
    for _ in range(trials):
        gain, random, families = null_study(source)
        false += claim(gain, random, families, fluency=1.0, resampling=SETTINGS).verdict == "moved"
        plain = mean_interval(gain - random.mean(0), [str(n) for n in range(24)], resampling=SETTINGS)
        naive += plain.low > 0 or plain.high < 0
    # Three standard errors above the level.
    assert false / trials <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / trials)
    assert naive / trials > 0.25


def test_large_effects_are_found() -> None:
    source = np.random.default_rng(1)
    verdicts = [
        claim(*null_study(source, effect=2.0), fluency=1.0, resampling=SETTINGS).verdict for _ in range(30)
    ]
    assert verdicts.count("moved") >= 27
