from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest
import torch

from tests.evaluate.conftest import VALUE
from valuelocate.collect import GenerationSettings
from valuelocate.errors import UserError
from valuelocate.evaluate import PreferenceEvaluator
from valuelocate.evaluate.arms import BASE, Arm, ArmRunner, NeuronSets, edit_arms, prompt_arm, random_arms
from valuelocate.intervene import ShiftIntervention, ValueLocateIntervention, ZeroIntervention

RULE = ValueLocateIntervention()
MEASURED = {"preference": PreferenceEvaluator(least_mass=0.0)}


@pytest.fixture
def runner(random_lm, store) -> ArmRunner:
    return ArmRunner(
        random_lm,
        evaluators=MEASURED,
        generation=GenerationSettings(max_new_tokens=3),
        store=store,
        edit_positions="response",
    )


def edited(lm, neurons_in, strength: float = 2.0, **settings) -> Arm:
    edit = ShiftIntervention(**settings).edit(neurons_in(lm), direction="towards", strength=strength)
    return Arm(name="edit", direction="towards", strength=strength, edit=edit)


def touched(arm: Arm) -> Counter[tuple[int, str]]:
    """How many neurons of each layer an arm clamps and adds to."""
    assert arm.edit is not None
    return Counter(
        {
            (layer, part): len(getattr(operator, part))
            for layer, operator in arm.edit.operators.items()
            for part in ("clamp", "add")
            if len(getattr(operator, part))
        }
    )


def columns(arm: Arm) -> set[tuple[int, int]]:
    assert arm.edit is not None
    return {
        (layer, int(column)) for layer, operator in arm.edit.operators.items() for column in operator.columns
    }


def test_the_edit_has_its_dose_its_curve_its_parts_and_its_controls(random_lm, neurons_in) -> None:
    sets = NeuronSets(*(neurons_in(random_lm, seed=seed) for seed in range(3)))
    arms = edit_arms(RULE, sets, direction="away", dose=1.5, grid=(1.0, 2.0))
    assert [(arm.name, arm.strength) for arm in arms] == [
        ("edit", 1.0),
        ("edit", 1.5),
        ("edit", 2.0),
        ("edit:clamp", 1.5),
        ("edit:add", 1.5),
        ("shuffled_label", 1.5),
        ("other_value", 1.5),
    ]
    assert {arm.direction for arm in arms} == {"away"} and {arm.draw for arm in arms} == {-1}
    assert len({arm.edit.digest() for arm in arms}) == len(arms)


def test_a_dose_on_the_grid_stands_once_and_a_theory_of_one_value_has_no_other(random_lm, neurons_in) -> None:
    sets = NeuronSets(neurons_in(random_lm), neurons_in(random_lm, seed=1), None)
    arms = edit_arms(ZeroIntervention(), sets, direction="towards", dose=1.0, grid=(1.0,))
    assert [arm.name for arm in arms] == ["edit", "shuffled_label"]


def test_random_draws_match_the_edit_layer_by_layer(random_lm, neurons_in) -> None:
    neurons = neurons_in(random_lm, per_pole=4)
    arms = list(random_arms(RULE, neurons, direction="towards", dose=1.0, draws=5, seed=0))
    edit = Arm(name="edit", edit=RULE.edit(neurons, direction="towards", strength=1.0))
    assert [arm.draw for arm in arms] == [0, 1, 2, 3, 4]
    for arm in arms:
        assert touched(arm) == touched(edit)
        assert not columns(arm) & columns(edit)
        for layer, operator in arm.edit.operators.items():
            amounts = edit.edit.operators[layer].add_by
            torch.testing.assert_close(operator.add_by.sort().values, amounts.sort().values)
    assert len({frozenset(columns(arm)) for arm in arms}) == 5


def test_draws_depend_on_the_seed_alone(random_lm, neurons_in) -> None:
    def drawn(seed: int, draws: int) -> list[str]:
        arms = random_arms(RULE, neurons_in(random_lm), direction="towards", dose=1.0, draws=draws, seed=seed)
        return [arm.edit.digest() for arm in arms]

    assert drawn(0, 2) == drawn(0, 4)[:2]
    assert not set(drawn(0, 4)) & set(drawn(1, 4))


def test_a_prompt_arm_says_one_description_of_the_right_pole_before_each_question(dataset, questions) -> None:
    rows = dataset.description_records(VALUE, split="eval")
    for direction, pole in (("towards", "pos"), ("away", "neg")):
        arm = prompt_arm(questions, rows, direction=direction, seed=0)
        assert set(arm.descriptions) == {question.id for question in questions}
        assert {row.polarity for row in arm.descriptions.values()} == {pole}
        assert prompt_arm(questions[::-1], rows, direction=direction, seed=0) == arm
    seeds = [prompt_arm(questions, rows, direction="towards", seed=seed).key() for seed in range(6)]
    assert len({str(key) for key in seeds}) > 1


def test_a_pole_without_descriptions_is_refused(dataset, questions) -> None:
    rows = dataset.description_records(VALUE, "pos", "eval")
    with pytest.raises(UserError, match="no neg description to put before the questions"):
        prompt_arm(questions, rows, direction="away", seed=0)


def test_an_arm_is_scored_once_and_then_comes_from_the_store(
    runner, random_lm, questions, neurons_in, forwards
) -> None:
    first = runner.score(BASE, questions, VALUE)
    # Prompts once, then what is left of them: of T1 and of T2.
    assert len(forwards) == 4
    forwards.clear()
    arm = edited(random_lm, neurons_in)
    changed = runner.score(arm, questions, VALUE)
    assert len(forwards) == 2
    forwards.clear()
    pd.testing.assert_frame_equal(runner.score(BASE, questions, VALUE), first)
    pd.testing.assert_frame_equal(runner.score(arm, questions, VALUE), changed)
    other = ArmRunner(
        random_lm,
        evaluators=MEASURED,
        generation=GenerationSettings(),
        store=runner.store,
        edit_positions="response",
    )
    pd.testing.assert_frame_equal(other.score(arm, questions, VALUE), changed)
    assert not forwards
    assert (changed["arm"] == "edit").all() and (changed["strength"] == 2.0).all()
    assert not changed["score"].equals(first["score"])


def test_what_the_model_does_decides_what_is_reused(
    runner, random_lm, questions, neurons_in, forwards
) -> None:
    runner.score(edited(random_lm, neurons_in), questions, VALUE)
    forwards.clear()
    same = edited(random_lm, neurons_in)
    renamed = Arm(name="random_matched", draw=3, edit=same.edit)
    found = runner.score(renamed, questions, "another")
    assert not forwards
    assert set(found["arm"]) == {"random_matched"} and set(found["scored_value"]) == {"another"}
    for arm, asked in ((edited(random_lm, neurons_in, 3.0), questions), (same, questions[:3])):
        runner.score(arm, asked, VALUE)
        assert forwards
        forwards.clear()


def test_whole_prompts_are_read_under_edits_of_whole_prompts(random_lm, store, questions, neurons_in) -> None:
    scores = {}
    for positions in ("response", "all"):
        runner = ArmRunner(
            random_lm,
            evaluators=MEASURED,
            generation=GenerationSettings(),
            store=store,
            edit_positions=positions,
        )
        base = runner.score(BASE, questions, VALUE)["score"]
        arm = edited(random_lm, neurons_in, positions=positions)
        scores[positions] = runner.score(arm, questions, VALUE)["score"]
        with arm.applied(random_lm):
            expected = MEASURED["preference"].prepare(random_lm, questions).score()["score"]
        pd.testing.assert_series_equal(scores[positions], expected, rtol=1e-4, atol=1e-4)
        assert not base.equals(scores[positions])
    assert not scores["all"].equals(scores["response"])


def test_descriptions_are_put_before_the_questions(runner, random_lm, dataset, questions) -> None:
    arm = prompt_arm(questions, dataset.description_records(VALUE, split="eval"), direction="away", seed=0)
    found = runner.score(arm, questions, VALUE)
    expected = MEASURED["preference"].score(random_lm, questions, arm.descriptions)
    pd.testing.assert_series_equal(found["score"], expected["score"], rtol=1e-4, atol=1e-4)
    answers = runner.answer(arm, questions, VALUE)
    said = [
        random_lm.decode(random_lm.generate_ids([prompt], max_new_tokens=3)[0])
        for prompt in (
            random_lm.prompt_ids(row.text, description=arm.descriptions[row.id].text) for row in questions[:2]
        )
    ]
    assert list(answers["answer"][:2]) == said
    # Fluency reads an answer after the bare question.
    assert answers["prompt_ids"][0] == random_lm.prompt_ids(questions[0].text)


def test_answers_come_with_their_arm_and_from_the_store(
    runner, random_lm, questions, neurons_in, forwards
) -> None:
    arm = edited(random_lm, neurons_in, 4.0)
    answers = runner.answer(arm, questions, VALUE)
    assert list(answers["question_id"]) == [question.id for question in questions]
    assert set(answers["arm"]) == {"edit"} and set(answers["scored_value"]) == {VALUE}
    forwards.clear()
    pd.testing.assert_frame_equal(runner.answer(arm, questions, VALUE), answers)
    assert not forwards
    assert not runner.answer(BASE, questions, VALUE)["answer"].equals(answers["answer"])


def test_an_error_while_scoring_leaves_no_edit_behind(
    runner, random_lm, questions, neurons_in, monkeypatch
) -> None:
    def fail(self, **_):
        raise RuntimeError("stop")

    monkeypatch.setattr("valuelocate.evaluate.preference.PreparedPreference.score", fail)
    with pytest.raises(RuntimeError, match="stop"):
        runner.score(edited(random_lm, neurons_in), questions, VALUE)
    assert random_lm.edits_in_force == 0
