from __future__ import annotations

import math

import pandas as pd
import pytest

from tests.compare.score_rows import BASE, OTHER, VALUE, fluency_of, job_rows, neuron_set, rows, shifted
from valuelocate.compare.tables import COLUMNS, metrics_table
from valuelocate.evaluate import Resampling, mean_interval

SETTINGS = Resampling(resamples=100)
DIRECTED = frozenset({("preference", "t2"), ("preference", "t1"), ("judge", "score")})


def table_of(scores: pd.DataFrame, fluency=()) -> pd.DataFrame:
    return metrics_table(
        scores.assign(job="job", target=VALUE),
        fluency=fluency,
        neurons=neuron_set(),
        edit_site="mid",
        directed=DIRECTED,
        resampling=SETTINGS,
    )


def only(table: pd.DataFrame, **wanted) -> pd.Series:
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1, wanted
    return table.iloc[0]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    return table_of(job_rows(draws=4))


def test_every_arm_has_its_mean_score_with_an_interval(table) -> None:
    row = only(table, arm="edit", direction="towards", strength=1.5, quantity="score", scored_value=VALUE)
    expected = mean_interval(shifted(1.0), [str(n) for n in range(6)], resampling=SETTINGS)
    assert (row["estimate"], row["ci_low"], row["ci_high"]) == pytest.approx(
        (expected.estimate, expected.low, expected.high)
    )
    assert (row["n"], row["unit"], row["split"]) == (6, "nats per token", "eval")
    assert (row["k"], row["k_effective"], row["score_site"], row["edit_site"]) == (4, 2, "gate_act", "mid")
    assert list(table.columns) == COLUMNS
    assert not table.duplicated(["scored_value", "arm", "draw", "direction", "strength", "quantity"]).any()


def test_gains_are_signed_by_direction(table) -> None:
    towards = only(table, arm="edit", direction="towards", strength=1.5, quantity="gain", scored_value=VALUE)
    away = only(table, arm="edit", direction="away", strength=1.5, quantity="gain", scored_value=VALUE)
    assert towards["estimate"] == pytest.approx(1.0) and away["estimate"] == pytest.approx(1.0)
    prompt = only(table, arm="prompt", direction="away", quantity="gain")
    assert prompt["estimate"] == pytest.approx(-0.5)
    other = only(table, arm="edit", direction="away", quantity="gain", scored_value=OTHER)
    assert other["estimate"] == pytest.approx(-0.2)
    assert set(table.loc[table["arm"] == "base", "quantity"]) == {"score"}


def test_arms_at_the_dose_are_held_against_the_draws(table) -> None:
    beyond = table[table["quantity"] == "gain_over_random"]
    assert set(beyond["arm"]) == {"edit", "shuffled_label", "other_value"}
    # Neither another strength nor another value has draws of its own.
    assert set(beyond["strength"]) == {1.5} and set(beyond["scored_value"]) == {VALUE}
    row = only(beyond, arm="edit", direction="away")
    control = -sum(0.1 * math.cos(draw) for draw in range(4)) / 4
    assert row["estimate"] == pytest.approx(1.0 - control)


def test_one_draw_says_nothing_of_how_draws_differ() -> None:
    assert "gain_over_random" not in set(table_of(job_rows(draws=1))["quantity"])


def test_measures_without_a_direction_have_no_gain() -> None:
    mass = job_rows(draws=2, measure=("preference", "t1_mass"))
    assert set(table_of(mass)["quantity"]) == {"score"}


def test_unscored_questions_are_left_out_and_counted() -> None:
    scores = pd.concat(
        [
            rows("base", [math.nan, *BASE[1:]], measure=("preference", "t1")),
            rows(
                "edit",
                [*shifted(1.0)[:5], math.nan],
                direction="towards",
                strength=1.0,
                measure=("preference", "t1"),
            ),
            rows("prompt", math.nan, direction="towards", strength=1.0, measure=("preference", "t1")),
        ]
    )
    table = table_of(scores)
    assert only(table, arm="edit", quantity="score")["n"] == 5
    gain = only(table, arm="edit", quantity="gain")
    assert (gain["n"], gain["estimate"]) == (4, pytest.approx(1.0))
    missing = only(table, arm="prompt", quantity="gain")
    assert missing["n"] == 0 and math.isnan(missing["estimate"]) and math.isnan(missing["ci_low"])


def test_rows_of_a_judge_that_is_not_valid_are_marked() -> None:
    judged = [
        rows("base", 0.5, measure=("judge", "score"), valid=False),
        rows("edit", 0.9, direction="towards", strength=1.5, measure=("judge", "score"), valid=False),
    ]
    table = table_of(pd.concat([job_rows(draws=2), *judged]))
    assert not table.loc[table["evaluator"] == "judge", "valid"].any()
    assert table.loc[table["evaluator"] == "preference", "valid"].all()


def test_without_the_unedited_model_there_are_scores_and_no_gains() -> None:
    scores = job_rows(draws=2)
    assert set(table_of(scores[scores["arm"] != "base"])["quantity"]) == {"score"}


def test_fluency_of_whole_arms_stands_in_rows_of_its_own() -> None:
    found = [fluency_of("towards", 0.93), fluency_of("towards", 0.97, strength=1.0, split="dev")]
    table = table_of(job_rows(draws=2), fluency=found)
    row = only(table, evaluator="fluency", metric="score", split="eval")
    assert (row["estimate"], row["unit"], row["arm"], row["strength"]) == (0.93, "ratio", "edit", 1.5)
    assert only(table, evaluator="fluency", metric="ppl", split="dev")["strength"] == 1.0


def test_a_question_scored_twice_is_an_error() -> None:
    scores = job_rows(draws=2)
    with pytest.raises(ValueError, match="scored twice under one arm"):
        table_of(pd.concat([scores, scores[scores["arm"] == "edit"].head(1)]))
