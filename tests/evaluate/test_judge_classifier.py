from __future__ import annotations

import numpy as np
import pytest

from tests.evaluate.conftest import VALUE, question_row
from valuelocate.dataset import dataset_of, half, load_dataset, load_seeds, parse_record
from valuelocate.errors import UserError
from valuelocate.evaluate import ClassifierJudge, stance_auroc
from valuelocate.evaluate.judge_classifier import LEAST_FAMILIES, fit_classifier, judge_examples


@pytest.fixture(scope="module")
def mini():
    return load_dataset("mini")


@pytest.fixture(scope="module")
def judge(mini):
    return ClassifierJudge().make(mini)


def test_the_judge_learns_from_the_judge_half_of_locate_alone(mini) -> None:
    for value in (VALUE, "stimulation"):
        families = {example.family for example in judge_examples(mini, value)}
        seeds = {seed.family: seed for seed in load_seeds()}
        assert len(families) >= LEAST_FAMILIES
        assert {(seeds[name].split, half(name)) for name in families} == {("locate", "judge")}
        assert {seeds[name].value for name in families} == {VALUE}


def test_examples_have_as_many_texts_of_each_pole(mini) -> None:
    examples = judge_examples(mini, VALUE)
    assert sum(example.positive for example in examples) * 2 == len(examples)
    assert {sum(other.family == example.family for other in examples) for example in examples} == {6}


def test_it_tells_the_written_answers_of_dev_apart(judge, mini) -> None:
    """A floor under every value; the figures themselves are in the page of each job."""
    for value in mini.theory.targets():
        check = stance_auroc(judge, value.id, mini)
        assert check.auroc.estimate >= 0.85, value.id
        assert check.unscored == 0


@pytest.mark.xfail(strict=True, reason="misread since the bank has grown: .61 for the positive pole")
def test_a_plain_answer_without_a_motive_is_read_rightly(judge) -> None:
    assert judge.score_texts(["I would do it as it was always done."], VALUE)[0] < 0.5


def test_scores_are_probabilities_and_the_same_each_time(judge, mini) -> None:
    texts = [
        "I would try it, since I have never seen one.",
        "The usual one, since new things do nothing for me.",
        "xyzzy",
    ]
    found = judge.score_texts(texts, VALUE)
    assert ((found > 0) & (found < 1)).all() and found[0] > 0.5 > found[1]
    again = ClassifierJudge().make(mini)
    np.testing.assert_array_equal(again.score_texts(texts, VALUE), found)
    examples = judge_examples(mini, VALUE)
    turned = fit_classifier(examples[::-1], ClassifierJudge()).predict_proba(texts)[:, 1]
    np.testing.assert_array_equal(turned, found)
    assert judge.score_texts([], VALUE).shape == (0,)


def own(count: int, theory):
    rows = []
    number = 0
    while len({row["family"] for row in rows}) < count:
        family = f"own-{number}"
        number += 1
        if half(family) == "judge":
            stances = {"pos": f"I try thing {number}, gladly new.", "neg": f"I keep thing {number}, as ever."}
            text = f"Story {number}. What now?"
            rows.append(question_row(VALUE, "locate", number, family=family, stances=stances, text=text))
    rows.append(question_row(VALUE, "eval", 0))
    return dataset_of([parse_record(row, theory) for row in rows], name="own", theory=theory)


def test_a_dataset_of_ones_own_teaches_the_judge_by_its_stances(theory) -> None:
    judge = ClassifierJudge().make(own(LEAST_FAMILIES, theory))
    assert judge.obstacle(VALUE) is None
    found = judge.score_texts(["I try it, gladly new", "I keep it as ever"], VALUE)
    assert found[0] > found[1]


def test_too_few_families_are_an_obstacle_and_not_a_guess(theory) -> None:
    judge = ClassifierJudge().make(own(LEAST_FAMILIES - 1, theory))
    assert "9 families of written answers" in judge.obstacle(VALUE)
    with pytest.raises(UserError, match=r"evaluate=judge value=.*needs 10; add questions with stances"):
        judge.score_texts(["anything"], VALUE)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"smoothing": 0}, "evaluate.evaluators.judge.judge.smoothing=0: must be above 0"),
        ({"word_ngrams": 0}, "word_ngrams=0: must be at least 1"),
        ({"character_ngrams": 2}, "character_ngrams=2: must be at least 3"),
        ({"folds": 1}, "folds=1: must be at least 2"),
    ],
)
def test_settings_are_checked(settings, message) -> None:
    with pytest.raises(UserError, match=message):
        ClassifierJudge(**settings)
