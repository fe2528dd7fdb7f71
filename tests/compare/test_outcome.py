from __future__ import annotations

import json
import math

import pandas as pd
import pytest

from tests.compare.score_rows import OTHER, VALUE, fluency_of, job_rows, neuron_set, rows
from valuelocate.compare import CompareSettings
from valuelocate.compare.outcome import job_outcome
from valuelocate.errors import UserError
from valuelocate.evaluate import Interval, JudgeCard, JudgeCheck
from valuelocate.evaluate.stage import Evaluated
from valuelocate.intervene import Dose

DIRECTED = frozenset({("preference", "t2"), ("preference", "t1"), ("judge", "score")})
FLUENT = (fluency_of("towards", 0.95), fluency_of("away", 0.93))


def outcome_of(
    scores: pd.DataFrame, *, fluency=FLUENT, judge=None, usable: bool = True, calibrated: bool = True
):
    evaluated = Evaluated(
        doses={"towards": Dose(1.5, usable), "away": Dose(1.5, usable)},
        calibrated=calibrated,
        scores=scores,
        answers=pd.DataFrame(),
        fluency=fluency,
        judge=judge,
    )
    return job_outcome(
        evaluated,
        job="job",
        target=VALUE,
        neurons=neuron_set(),
        edit_site="mid",
        directed=DIRECTED,
        settings=CompareSettings(resamples=200),
        seed=0,
    )


def check_of(auroc: float) -> JudgeCheck:
    found = Interval(estimate=auroc, low=auroc - 0.1, high=auroc + 0.1, n=12, method="made")
    return JudgeCheck(value=VALUE, auroc=found, unscored=0)


def test_the_headline_says_what_moved_in_each_direction() -> None:
    result = outcome_of(job_rows()).result
    assert (result["target"], result["metric"]) == (VALUE, "preference/t2")
    control = sum(0.1 * math.cos(draw) for draw in range(19)) / 19
    for part, sign in ((result, 1), (result["away"], -1)):
        assert part["verdict"] == "moved" and part["reasons"] == []
        assert part["gain"] == pytest.approx(1.0)
        assert part["random_mean"] == pytest.approx(sign * control)
        assert part["estimate"] == pytest.approx(1.0 - sign * control)
        assert part["ci_low"] < part["estimate"] < part["ci_high"]
        assert (part["n"], part["n_draws"], part["p_rank"]) == (6, 19, 0.05)
        assert part["prompt_estimate"] == pytest.approx(sign * 0.5)
        assert part["shuffled_label_estimate"] == pytest.approx(sign * 0.1)
        assert part["other_value_estimate"] == pytest.approx(sign * 0.05)
        assert part["specificity"] == pytest.approx(1.0 - 0.2)
        assert (part["strength"], part["dose_usable"]) == (1.5, True)
    assert (result["direction"], result["away"]["direction"]) == ("towards", "away")
    assert (result["fluency"], result["away"]["fluency"]) == (0.95, 0.93)


def test_a_result_is_json_without_nan() -> None:
    bare = outcome_of(job_rows(draws=1), fluency=()).result
    text = json.dumps(bare, allow_nan=False)
    part = json.loads(text)
    assert part["random_sd"] is None and part["fluency"] is None and part["judge"] is None
    assert part["verdict"] == "not_moved" and any(
        "fluency was not measured" in why for why in part["reasons"]
    )


def test_the_gain_is_read_at_the_dose() -> None:
    scores = job_rows()
    at_dose = (scores["arm"] == "edit") & (scores["strength"] == 1.5)
    assert outcome_of(scores).result["gain"] == pytest.approx(1.0)
    assert outcome_of(scores[~at_dose]).result["gain"] is None


def test_broken_text_is_degenerate() -> None:
    broken = (fluency_of("towards", 0.5), fluency_of("away", 0.93), fluency_of("towards", 0.99, split="dev"))
    result = outcome_of(job_rows(), fluency=broken).result
    assert (result["verdict"], result["away"]["verdict"]) == ("degenerate", "moved")


def test_why_fluency_is_missing_is_told() -> None:
    unknown = (fluency_of("towards", math.nan, reason="there are no answers"), FLUENT[1])
    reasons = outcome_of(job_rows(), fluency=unknown).result["reasons"]
    assert "fluency: there are no answers" in reasons


def test_a_dose_that_is_not_usable_is_told_and_one_of_the_config_is_not_judged() -> None:
    forced = outcome_of(job_rows(), usable=False).result
    assert forced["dose_usable"] is False
    assert forced["reasons"][-1].startswith("no strength of the grid left the text usable on the dev split")
    given = outcome_of(job_rows(), usable=True, calibrated=False).result
    assert given["dose_usable"] is None and given["reasons"] == []


def test_a_job_measured_by_t1_alone_claims_by_t1() -> None:
    result = outcome_of(job_rows(measure=("preference", "t1"))).result
    assert (result["metric"], result["verdict"]) == ("preference/t1", "moved")
    both = pd.concat([job_rows(measure=("preference", "t1")), job_rows(towards=0.0)])
    assert outcome_of(both).result["metric"] == "preference/t2"


@pytest.mark.parametrize("valid", [True, False])
def test_a_judge_never_makes_the_headline(valid) -> None:
    judged = job_rows(measure=("judge", "score"), valid=valid)
    card = JudgeCard(dev={VALUE: check_of(0.9)}, primed={VALUE: check_of(0.8 if valid else 0.6)})
    result = outcome_of(pd.concat([judged, job_rows(towards=0.0)]), judge=card).result
    assert (result["metric"], result["verdict"]) == ("preference/t2", "not_moved")
    assert result["judge"]["valid"] is valid
    assert (result["judge"]["auroc_dev"], result["judge"]["auroc_primed_n"]) == (0.9, 12)
    with pytest.raises(UserError, match="none of preference/t2, preference/t1 was measured"):
        outcome_of(judged, judge=card)


def test_a_judge_that_could_not_be_checked_is_not_valid() -> None:
    judge = outcome_of(job_rows(), judge=JudgeCard()).result["judge"]
    assert judge == {
        "valid": False,
        "auroc_dev": None,
        "auroc_dev_ci": None,
        "auroc_dev_n": 0,
        "auroc_primed": None,
        "auroc_primed_ci": None,
        "auroc_primed_n": 0,
    }


def test_without_other_values_prompt_or_controls_they_are_missing() -> None:
    scores = job_rows()
    scores = scores[(scores["scored_value"] != OTHER) & ~scores["arm"].isin(["prompt", "other_value"])]
    result = outcome_of(scores).result
    assert result["specificity"] is None and result["specificity_ci_low"] is None
    assert result["prompt_estimate"] is None and result["other_value_estimate"] is None
    assert result["verdict"] == "moved"


def test_unscored_questions_cost_nothing_but_themselves() -> None:
    scores = job_rows()
    lost = (scores["arm"] == "edit") & (scores["question_id"] == f"{VALUE}-q0")
    scores.loc[lost, "score"] = math.nan
    assert (outcome_of(scores).result["n"], outcome_of(scores).result["verdict"]) == (5, "moved")
    nothing = scores.assign(score=math.nan)
    result = outcome_of(nothing).result
    assert (result["verdict"], result["n"], result["estimate"]) == ("not_moved", 0, None)


def test_tables_carry_job_and_target() -> None:
    found = outcome_of(pd.concat([job_rows(draws=2), rows("base", 0.1, measure=("preference", "t1_mass"))]))
    assert set(found.scores["job"]) == {"job"} and set(found.scores["target"]) == {VALUE}
    assert set(found.metrics["metric"]) >= {"t2", "t1_mass", "score"}


def test_a_measure_that_scored_nothing_claims_nothing_and_says_why() -> None:
    why = "the question has no stances"
    scores = job_rows().assign(score=math.nan, reason=why)
    result = outcome_of(scores).result
    for part in (result, result["away"]):
        assert (part["verdict"], part["estimate"], part["n"]) == ("not_moved", None, 0)
        assert f"not scored: {why}" in part["reasons"]
