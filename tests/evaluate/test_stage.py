from __future__ import annotations

from dataclasses import replace

import pytest

from tests.evaluate.conftest import OTHER, VALUE
from tests.evaluate.scripted_judge import ScriptedJudge, Source
from valuelocate.costs import CostMeter
from valuelocate.errors import UserError
from valuelocate.evaluate import EvaluateSettings, FluencyEvaluator, JudgeEvaluator, PreferenceEvaluator
from valuelocate.evaluate.arms import NeuronSets
from valuelocate.evaluate.stage import EvaluateStage
from valuelocate.intervene import DosePoint, ValueLocateIntervention, ZeroIntervention, choose_dose

EVALUATORS = {
    "preference": PreferenceEvaluator(least_mass=0.0),
    "judge": JudgeEvaluator(judge=Source(ScriptedJudge())),
    "fluency": FluencyEvaluator(),
}
SETTINGS = EvaluateSettings(strengths=[1.0, 2.0], max_new_tokens=5, evaluators=EVALUATORS)
SCORED_ALONE = replace(SETTINGS, evaluators={"preference": EVALUATORS["preference"]})


def stage_of(lm, dataset, store, **changes) -> EvaluateStage:
    settings = {
        "value": VALUE,
        "intervention": ValueLocateIntervention(),
        "settings": SETTINGS,
        "draws": 2,
        "level": 0.95,
        "resamples": 100,
        "seed": 0,
    }
    return EvaluateStage(lm=lm, dataset=dataset, store=store, meter=CostMeter(), **{**settings, **changes})


def sets_of(lm, neurons_in, **changes) -> NeuronSets:
    return NeuronSets(*(neurons_in(lm, seed=seed, **changes) for seed in range(3)))


@pytest.fixture(scope="module")
def whole(random_lm, dataset, neurons_in, tmp_path_factory):
    """A stage with everything on, and what it found."""
    from valuelocate.store import Store

    store = Store(tmp_path_factory.mktemp("store"))
    stage = stage_of(random_lm, dataset, store)
    return stage, stage.run(sets_of(random_lm, neurons_in))


def arms_of(frame) -> set[tuple[str, str, float, int]]:
    return set(frame[["arm", "direction", "strength", "draw"]].itertuples(index=False, name=None))


def test_every_arm_is_scored_on_the_targets_questions(whole) -> None:
    _, found = whole
    own = found.scores[(found.scores["scored_value"] == VALUE) & (found.scores["evaluator"] == "preference")]
    expected = {("base", "none", 0.0, -1)}
    for direction in ("towards", "away"):
        dose = found.doses[direction].strength
        expected |= {("edit", direction, strength, -1) for strength in {1.0, 2.0, dose}}
        parts = ("edit:clamp", "edit:add", "shuffled_label", "other_value")
        expected |= {(name, direction, dose, -1) for name in parts}
        expected |= {("random_matched", direction, dose, draw) for draw in (0, 1)}
        expected |= {("prompt", direction, 1.0, -1)}
    assert arms_of(own) == expected
    assert len(own) == len(expected) * 6 * 3
    assert not own.duplicated(["arm", "direction", "strength", "draw", "metric", "question_id"]).any()


def test_the_edit_at_its_dose_is_scored_on_the_other_values_too(whole) -> None:
    _, found = whole
    other = found.scores[found.scores["scored_value"] == OTHER]
    edits = {("edit", direction, found.doses[direction].strength, -1) for direction in ("towards", "away")}
    assert arms_of(other) == {("base", "none", 0.0, -1), *edits}
    assert other["question_id"].nunique() == 6


def test_few_arms_are_answered(whole) -> None:
    _, found = whole
    expected = {("base", "none", 0.0, -1)}
    for direction in ("towards", "away"):
        dose = found.doses[direction].strength
        expected |= {("edit", direction, dose, -1), ("random_matched", direction, dose, 0)}
        expected |= {("prompt", direction, 1.0, -1)}
    assert arms_of(found.answers) == expected
    judged = found.scores[found.scores["evaluator"] != "preference"]
    assert arms_of(judged) == expected
    assert set(judged["metric"]) == {"score", "nll", "length", "empty", "repetition"}
    assert {(arm.name, split) for arm, split, _ in found.fluency if split == "eval"} == {
        (name, "eval") for name in ("base", "edit", "random_matched", "prompt")
    }


def test_the_dose_is_chosen_on_dev(whole) -> None:
    stage, found = whole
    assert found.calibrated
    for direction in ("towards", "away"):
        points = [
            DosePoint(arm.strength, report.score.estimate)
            for arm, split, report in found.fluency
            if split == "dev" and arm.direction == direction
        ]
        assert [point.strength for point in points] == [1.0, 2.0]
        assert found.doses[direction] == choose_dose(points)
    dev = {row.id for row in stage.dataset.question_records(VALUE, "dev")}
    assert not dev & set(found.scores["question_id"]) and not dev & set(found.answers["question_id"])


@pytest.mark.parametrize(("wanted", "own", "others"), [(2, 2, 0), (5, 3, 2), (32, 3, 3)])
def test_fluency_on_dev_is_read_from_the_target_first(whole, wanted, own, others) -> None:
    stage, _ = whole
    asked = replace(stage, settings=replace(stage.settings, calibration_questions=wanted))
    rows = asked._calibration_questions()
    assert [row.value == VALUE for row in rows] == [True] * own + [False] * others
    assert len({row.id for row in rows}) == len(rows) and {row.split for row in rows} == {"dev"}


def test_the_judge_is_checked_on_dev_and_on_primed_answers(whole) -> None:
    _, found = whole
    assert found.judge.dev[VALUE].auroc.n == 6
    primed = found.judge.primed[VALUE]
    assert primed.auroc.n + primed.unscored == 12
    judged = found.scores[found.scores["evaluator"] == "judge"]
    assert set(judged["valid"]) == {primed.valid}


def test_the_model_is_left_as_it_was_and_the_cost_is_known(whole, random_lm) -> None:
    stage, _ = whole
    assert random_lm.edits_in_force == 0 and random_lm.reading is None
    assert set(stage.meter.stages) == {"calibrate", "evaluate", "answer", "judge"}


def test_a_second_run_takes_scores_from_the_store(
    random_lm, dataset, store, neurons_in, forwards, tmp_path
) -> None:
    stage = stage_of(
        random_lm, dataset, store, settings=SCORED_ALONE, intervention=ValueLocateIntervention(strength=1.5)
    )
    first = stage.run(sets_of(random_lm, neurons_in))
    assert forwards
    forwards.clear()
    again = stage.run(sets_of(random_lm, neurons_in))
    assert not forwards
    assert again.scores.equals(first.scores)


def test_a_dose_of_the_config_is_taken_and_stands_beside_the_grid(
    random_lm, dataset, store, neurons_in
) -> None:
    rule = ValueLocateIntervention(strength=1.5)
    found = stage_of(random_lm, dataset, store, settings=SCORED_ALONE, intervention=rule).run(
        sets_of(random_lm, neurons_in)
    )
    assert not found.calibrated
    assert {dose.strength for dose in found.doses.values()} == {1.5}
    edits = found.scores[found.scores["arm"] == "edit"]
    assert set(edits["strength"]) == {1.0, 1.5, 2.0}
    assert set(edits.loc[edits["scored_value"] == OTHER, "strength"]) == {1.5}
    # Nothing was asked for that needs answers.
    assert found.answers.empty and not found.fluency and found.judge is None


def test_edits_of_generated_tokens_are_measured_by_t2(random_lm, dataset, store, neurons_in, caplog) -> None:
    rule = ValueLocateIntervention(strength=1.0, positions="generated", layers_with_targets_only=True)
    found = stage_of(random_lm, dataset, store, settings=SCORED_ALONE, intervention=rule).run(
        sets_of(random_lm, neurons_in)
    )
    assert set(found.scores["metric"]) == {"t2"}
    told = (
        "intervene.positions=generated: such edits cannot show in all that preference reads; it measures t2"
    )
    assert caplog.text.count(told) == 1


def test_an_intervention_of_one_dose_has_one_point_of_a_curve(random_lm, dataset, store, neurons_in) -> None:
    found = stage_of(
        random_lm, dataset, store, settings=SCORED_ALONE, intervention=ZeroIntervention(strength=1)
    ).run(sets_of(random_lm, neurons_in))
    assert set(found.scores.loc[found.scores["arm"] == "edit", "strength"]) == {1.0}
    assert "edit:clamp" not in set(found.scores["arm"])


def test_a_dataset_without_eval_descriptions_has_no_prompt_arm(
    random_lm, make_dataset, store, neurons_in, caplog
) -> None:
    bare = make_dataset(described=("locate",))
    rule = ValueLocateIntervention(strength=1.0)
    found = stage_of(random_lm, bare, store, intervention=rule).run(sets_of(random_lm, neurons_in))
    assert "no prompt arm towards: " in caplog.text and "no prompt arm away: " in caplog.text
    assert "prompt" not in set(found.scores["arm"])
    # A judge that was not checked on this model is not valid.
    assert VALUE in found.judge.dev and not found.judge.primed
    assert not found.scores.loc[found.scores["evaluator"] == "judge", "valid"].any()


def test_questions_without_stances_are_left_unscored_and_still_answered(
    random_lm, make_dataset, store, neurons_in
) -> None:
    bare = make_dataset(stances=None)
    rule = ValueLocateIntervention(strength=1.0)
    found = stage_of(random_lm, bare, store, intervention=rule).run(sets_of(random_lm, neurons_in))
    asked = found.scores[found.scores["evaluator"] == "preference"]
    assert asked["score"].isna().all() and set(asked["reason"]) == {"the question has no stances"}
    assert found.judge.dev == {} and len(found.answers) == 42


def test_a_value_of_the_lower_level_is_held_against_others_of_its_level(
    random_lm, dataset, store, neurons_in
) -> None:
    rule = ValueLocateIntervention(strength=1.0)
    found = stage_of(
        random_lm, dataset, store, value="stimulation", settings=SCORED_ALONE, intervention=rule
    ).run(sets_of(random_lm, neurons_in))
    assert set(found.scores["scored_value"]) == {"stimulation", "tradition"}


def test_a_set_that_cannot_be_matched_is_told_before_anything_runs(
    random_lm, dataset, store, neurons_in, forwards
) -> None:
    with pytest.raises(UserError, match="too few are left to draw as many at random"):
        stage_of(random_lm, dataset, store).run(sets_of(random_lm, neurons_in, per_pole=30))
    assert not forwards


def test_one_draw_is_enough_to_run(random_lm, dataset, store, neurons_in) -> None:
    rule = ValueLocateIntervention(strength=1.0)
    found = stage_of(random_lm, dataset, store, draws=1, settings=SCORED_ALONE, intervention=rule).run(
        sets_of(random_lm, neurons_in)
    )
    assert set(found.scores.loc[found.scores["arm"] == "random_matched", "draw"]) == {0}
