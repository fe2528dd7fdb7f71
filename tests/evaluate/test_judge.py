from __future__ import annotations

import json
import math

import pytest

from tests.evaluate.conftest import OTHER, VALUE
from tests.evaluate.scripted_judge import ScriptedJudge, Source
from valuelocate.evaluate import JudgeCard, JudgeEvaluator, Resampling, primed_auroc, stance_auroc, text_frame
from valuelocate.evaluate.judge import EMPTY, LEAST_AUROC, NO_WORDS

SETTINGS = Resampling(resamples=100)


def answers_of(questions, texts):
    rows = [(row.value, row.id, row.family) for row in questions[: len(texts)]]
    return text_frame(None, rows, [row.text for row in questions[: len(texts)]], texts)


def test_texts_without_words_are_not_judged(questions, dataset) -> None:
    judge = ScriptedJudge()
    scorer = JudgeEvaluator(judge=Source(judge)).prepare(dataset, None)
    answers = answers_of(questions, ["yes I would", "  ", "?!", "no"])
    found = scorer.score(answers, answers)
    assert found["score"].tolist() == pytest.approx([0.9, math.nan, math.nan, 0.1], nan_ok=True)
    assert found["reason"].tolist() == [None, EMPTY, NO_WORDS, None]
    assert judge.asked == [("yes I would", "no")]
    # Nobody has checked it, so nothing it says is trusted.
    assert not found["valid"].any()


def test_an_obstacle_is_the_reason_of_every_row(questions, dataset) -> None:
    scorer = JudgeEvaluator(judge=Source(ScriptedJudge(silent_on=(VALUE,)))).prepare(dataset, None)
    answers = answers_of(questions, ["yes", "no"])
    assert scorer.score(answers, answers)["reason"].tolist() == ["knows nothing of it"] * 2


def test_each_answer_is_judged_on_its_own_value(questions, dataset) -> None:
    judge = ScriptedJudge(silent_on=(OTHER,))
    scorer = JudgeEvaluator(judge=Source(judge)).prepare(dataset, None)
    answers = answers_of(questions, ["yes", "no", "maybe"])
    answers["scored_value"] = [VALUE, OTHER, VALUE]
    found = scorer.score(answers, answers)
    assert found["score"].tolist() == pytest.approx([0.9, math.nan, 0.5], nan_ok=True)
    assert found["scored_value"].tolist() == [VALUE, OTHER, VALUE]


@pytest.mark.parametrize(
    ("positive", "auroc", "valid"),
    [
        (["yes"] * 7 + ["no"] * 3, 0.85, True),
        (["yes"] * 4 + ["no"] * 6, 0.7, True),
        (["yes"] * 3 + ["no"] * 7, 0.65, False),
    ],
)
def test_a_judge_is_valid_from_the_least_area_on_primed_answers(
    positive, auroc, valid, questions, dataset
) -> None:
    judge = ScriptedJudge()
    families = [f"f{n}" for n in range(10)]
    check = primed_auroc(judge, VALUE, positive, ["no"] * 10, families, resampling=SETTINGS)
    assert check.auroc.estimate == pytest.approx(auroc)
    assert check.valid is valid and LEAST_AUROC == 0.7
    scorer = JudgeEvaluator(judge=Source(judge)).prepare(dataset, None)
    scorer.card = JudgeCard(primed={VALUE: check})
    answers = answers_of(questions, ["yes", "no"])
    assert scorer.score(answers, answers)["valid"].tolist() == [valid] * 2


def test_a_judge_without_readable_answers_is_not_valid() -> None:
    check = primed_auroc(ScriptedJudge(), VALUE, ["", "?"], ["yes", "no"], ["a", "b"])
    assert (check.unscored, check.valid) == (2, False)
    assert math.isnan(check.auroc.estimate)
    assert not JudgeCard(primed={VALUE: check}).valid(VALUE)


def test_a_check_on_written_answers_makes_no_judge_valid(dataset) -> None:
    check = stance_auroc(ScriptedJudge(), VALUE, dataset, resampling=SETTINGS)
    assert check.auroc.n == 6
    card = JudgeCard(dev={VALUE: check})
    assert not card.valid(VALUE)
    content = json.loads(json.dumps(card.content()))
    assert content["dev"][VALUE]["auroc"]["estimate"] == pytest.approx(0.5)
    assert content["primed"] == {}


def test_poles_are_compared_question_by_question() -> None:
    with pytest.raises(ValueError, match=r"must be as many; found \(2, 1, 2\)"):
        primed_auroc(ScriptedJudge(), VALUE, ["yes", "no"], ["no"], ["a", "b"])
