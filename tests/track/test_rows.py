from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from valuelocate.track import rows_by_strength


def metrics(*rows: dict[str, Any]) -> pd.DataFrame:
    common = {
        "target": "a",
        "scored_value": "a",
        "arm": "edit",
        "draw": -1,
        "direction": "towards",
        "strength": 1.0,
    }
    common |= {
        "split": "eval",
        "evaluator": "preference",
        "metric": "t1",
        "quantity": "gain",
        "estimate": 0.5,
        "ci_low": 0.4,
        "ci_high": 0.6,
    }
    return pd.DataFrame([common | row for row in rows])


def test_rows_rise_with_strength_and_carry_intervals() -> None:
    rows = rows_by_strength(metrics({"strength": 2.0, "estimate": 0.7}, {"strength": 0.5}))
    assert [row["strength"] for row in rows] == [0.5, 2.0]
    key = "eval/towards/preference/t1/gain/edit"
    assert rows[0] == {"strength": 0.5, key: 0.5, f"{key}/low": 0.4, f"{key}/high": 0.6}


def test_draws_are_a_mean_and_a_deviation() -> None:
    draws = [{"arm": "random_matched", "draw": draw, "estimate": float(draw)} for draw in range(3)]
    (row,) = rows_by_strength(metrics(*draws))
    key = "eval/towards/preference/t1/gain/random_matched"
    assert row == {"strength": 1.0, key: 1.0, f"{key}/sd": 1.0}


def test_scores_and_gains_stay_apart() -> None:
    (row,) = rows_by_strength(metrics({"quantity": "score", "estimate": 2.0}, {"estimate": 0.5}))
    assert row["eval/towards/preference/t1/score/edit"] == 2.0
    assert row["eval/towards/preference/t1/gain/edit"] == 0.5


def test_splits_stay_apart() -> None:
    (row,) = rows_by_strength(metrics({"split": "dev", "estimate": 0.1}, {"split": "eval", "estimate": 0.3}))
    assert row["dev/towards/preference/t1/gain/edit"] == 0.1
    assert row["eval/towards/preference/t1/gain/edit"] == 0.3


def test_other_values_are_named_and_rows_without_strength_left_out() -> None:
    (row,) = rows_by_strength(metrics({"scored_value": "b"}, {"arm": "prompt", "strength": float("nan")}))
    assert set(row) == {"strength"} | {
        f"eval/towards/preference/t1/gain/edit/b{end}" for end in ("", "/low", "/high")
    }


def test_missing_interval_or_estimate_is_left_out() -> None:
    missing = float("nan")
    (row,) = rows_by_strength(
        metrics({"ci_low": missing, "ci_high": missing}, {"metric": "t2", "estimate": missing})
    )
    assert row == {"strength": 1.0, "eval/towards/preference/t1/gain/edit": 0.5}


@pytest.mark.parametrize("strength", [None, float("nan")])
def test_nothing_along_strength_gives_no_rows(strength: float | None) -> None:
    assert rows_by_strength(metrics({"strength": strength})) == []
    assert rows_by_strength(metrics({}).iloc[:0]) == []
