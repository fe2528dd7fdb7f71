from __future__ import annotations

import dataclasses
import math

import pandas as pd
import pytest
import torch

from tests.evaluate.conftest import VALUE, question_row
from tests.reference.evaluate_preference import Reader
from valuelocate.dataset import Stances, parse_record
from valuelocate.errors import UserError
from valuelocate.evaluate import SCORE_COLUMNS, PreferenceEvaluator
from valuelocate.evaluate.preference import choice_margin
from valuelocate.intervene import ShiftIntervention

ANY_MASS = PreferenceEvaluator(least_mass=0.0)


def scores(frame: pd.DataFrame, metric: str) -> torch.Tensor:
    return torch.tensor(frame.loc[frame["metric"] == metric, "score"].to_numpy(), dtype=torch.float64)


def close(found: torch.Tensor, expected: list[float]) -> None:
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("described", [False, True])
def test_t1_and_t2_are_those_of_single_rows(random_lm, questions, dataset, described) -> None:
    reader = Reader(random_lm)
    row = dataset.description_records(VALUE, "pos", "eval")[0]
    said = {question.id: row for question in questions[::2]} if described else {}
    texts = [said[question.id].text if question.id in said else None for question in questions]
    frame = ANY_MASS.score(random_lm, questions, said)
    t1 = [reader.t1(question, text) for question, text in zip(questions, texts, strict=True)]
    close(scores(frame, "t1"), [margin for margin, _ in t1])
    close(scores(frame, "t1_mass"), [mass for _, mass in t1])
    close(scores(frame, "t2"), [reader.t2(q, text) for q, text in zip(questions, texts, strict=True)])
    assert list(frame.columns) == list(SCORE_COLUMNS)
    assert list(frame["question_id"].unique()) == [question.id for question in questions]
    assert frame["reason"].isna().all() and frame["valid"].all()


@pytest.mark.parametrize("changes", [{"batch_tokens": 1}, {"batch_tokens": 700}, {"prompt_memory_mb": 0}])
def test_batching_and_kept_prompts_change_nothing(random_lm, questions, changes) -> None:
    plain = ANY_MASS.score(random_lm, questions)
    evaluator = dataclasses.replace(ANY_MASS, **changes)
    found = evaluator.prepare(random_lm, questions, edit_positions="response").score()
    torch.testing.assert_close(
        torch.tensor(found["score"]), torch.tensor(plain["score"]), rtol=1e-4, atol=1e-4
    )


def test_the_letter_itself_earns_nothing() -> None:
    letters = torch.tensor([[[3.0, 1.0], [3.0, 1.0]], [[2.0, 1.0], [0.0, 5.0]]], dtype=torch.float64)
    torch.testing.assert_close(choice_margin(letters), torch.tensor([0.0, 3.0], dtype=torch.float64))


def test_swapping_the_stances_turns_every_score_round(random_lm, questions) -> None:
    turned = [
        dataclasses.replace(question, stances=Stances(pos=question.stances.neg, neg=question.stances.pos))
        for question in questions
    ]
    one, other = (ANY_MASS.score(random_lm, rows) for rows in (questions, turned))
    for metric in ("t1", "t2"):
        torch.testing.assert_close(scores(other, metric), -scores(one, metric), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scores(other, "t1_mass"), scores(one, "t1_mass"), rtol=1e-4, atol=1e-6)


def test_without_option_mass_there_is_no_t1_but_its_mass(random_lm, questions) -> None:
    mass = scores(ANY_MASS.score(random_lm, questions), "t1_mass")
    between = float(mass.sort().values[2:4].mean())
    frame = PreferenceEvaluator(least_mass=between).score(random_lm, questions).set_index("metric")
    kept = mass >= between
    assert 0 < int(kept.sum()) < len(kept)
    assert frame.loc["t1", "score"].isna().tolist() == (~kept).tolist()
    reasons = frame.loc["t1", "reason"][frame.loc["t1", "score"].isna()]
    assert set(reasons) == {f"option mass below {f'{between:g}'.lstrip('0')}"}
    assert frame.loc["t1_mass", "score"].notna().all() and frame.loc["t2", "score"].notna().all()
    random = PreferenceEvaluator().score(random_lm, questions)
    assert set(random.loc[random["metric"] == "t1", "reason"]) == {"option mass below .5"}


def test_the_options_own_appeal_is_subtracted_where_asked(random_lm, questions) -> None:
    reader = Reader(random_lm)
    evaluator = PreferenceEvaluator(least_mass=0.0, content_free=True, metrics=["t1"])
    found = evaluator.score(random_lm, questions[:2])
    expected = [
        reader.t1(row)[0] - reader.t1(dataclasses.replace(row, text="N/A"))[0] for row in questions[:2]
    ]
    close(scores(found, "t1"), expected)
    close(scores(found, "t1_mass"), [reader.t1(row)[1] for row in questions[:2]])


def test_what_cannot_be_asked_carries_a_reason(random_lm, questions, theory) -> None:
    bare = parse_record(question_row(VALUE, "eval", 7, stances=None, text="A bare story. What now?"), theory)
    long = parse_record(question_row(VALUE, "eval", 8, text="And then? " * 200), theory)
    frame = ANY_MASS.score(random_lm, [questions[0], bare, long, questions[1]])
    rows = frame.set_index(["metric", "question_id"])
    for metric in ("t1", "t1_mass", "t2"):
        assert rows.loc[(metric, bare.id), "reason"] == "the question has no stances"
        told = rows.loc[(metric, long.id), "reason"]
        assert told.endswith(f"tokens are more than the model's {random_lm.max_positions} positions")
        known = rows.loc[metric].loc[[questions[0].id, questions[1].id], "score"]
        assert known.notna().all()
    close(scores(frame, "t2")[[0, 3]], scores(ANY_MASS.score(random_lm, questions[:2]), "t2").tolist())


def test_no_question_that_can_be_asked_is_no_error(random_lm, theory, forwards) -> None:
    bare = parse_record(question_row(VALUE, "eval", 7, stances=None), theory)
    frame = ANY_MASS.prepare(random_lm, [bare], edit_positions="response").score()
    assert len(frame) == 3 and frame["score"].isna().all()
    assert not forwards


def test_one_target_alone_costs_one(random_lm, questions) -> None:
    assert set(PreferenceEvaluator(metrics=["t2"]).score(random_lm, questions)["metric"]) == {"t2"}
    assert set(PreferenceEvaluator(metrics=["t1"]).score(random_lm, questions)["metric"]) == {"t1", "t1_mass"}


def test_t1_is_left_out_where_edits_do_not_reach_it_and_refused_by_name() -> None:
    default = PreferenceEvaluator()
    assert default.for_positions("response") is default and default.for_positions("all") is default
    assert default.for_positions("generated").measured == ("t2",)
    alone = PreferenceEvaluator(metrics=["t2"])
    assert alone.for_positions("generated") is alone
    with pytest.raises(
        UserError, match=r"positions=response, or evaluate.evaluators.preference.metrics=\[t2\]"
    ):
        PreferenceEvaluator(metrics=["t2", "t1"]).for_positions("generated")


def test_scoring_checks_the_edit_in_force(random_lm, questions) -> None:
    prepared = ANY_MASS.prepare(random_lm, questions, edit_positions="response")
    with pytest.raises(UserError, match="no effect by construction"):
        prepared.score(edit_positions="generated")
    with pytest.raises(ValueError, match="prepare with edit_positions='all'"):
        prepared.score(edit_positions="all")
    ANY_MASS.prepare(random_lm, questions, edit_positions="all").score(edit_positions="all")


def test_t1_does_not_see_edits_of_generated_tokens_and_t2_sees_both(random_lm, questions, neurons_in) -> None:
    base = ANY_MASS.score(random_lm, questions)
    moved = {}
    for positions in ("generated", "response", "all"):
        rule = ShiftIntervention(positions=positions)
        with rule.edit(neurons_in(random_lm), direction="towards", strength=4.0).applied(random_lm):
            frame = ANY_MASS.prepare(random_lm, questions).score()
        moved[positions] = (frame["score"] - base["score"]).abs().groupby(frame["metric"]).max()
    assert moved["generated"]["t1"] < 1e-5 < 1e-3 < moved["generated"]["t2"]
    assert moved["response"]["t1"] > 1e-3 and moved["all"]["t1"] > 1e-3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"metrics": []}, r"evaluate.evaluators.preference.metrics=\[\]: expected a list of t1, t2"),
        ({"metrics": "t1"}, "metrics=t1: expected a list"),
        ({"metrics": ["t3"]}, "expected a list of t1, t2"),
        ({"least_mass": 1.0}, "least_mass=1.0: expected a probability below 1"),
        ({"batch_tokens": 0}, "batch_tokens=0: must be at least 1"),
        ({"prompt_memory_mb": -1}, "prompt_memory_mb=-1: must be at least 0"),
    ],
)
def test_settings_are_checked(settings, message) -> None:
    with pytest.raises(UserError, match=message):
        PreferenceEvaluator(**settings)


def test_a_score_is_missing_only_with_a_reason() -> None:
    from valuelocate.evaluate.base import score_frame

    row = [("value", "question", "family")]
    with pytest.raises(ValueError, match="e/m of question question is missing without a reason"):
        score_frame(row, evaluator="e", metric="m", scores=[math.nan], reasons=[None])
    assert score_frame(row, evaluator="e", metric="m", scores=[1.0], reasons=[None])["valid"].all()
