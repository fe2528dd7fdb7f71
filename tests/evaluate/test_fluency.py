from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from tests.reference.evaluate_preference import Reader
from valuelocate.errors import UserError
from valuelocate.evaluate import FluencyEvaluator, Resampling, fluency
from valuelocate.evaluate.base import answer_frame, text_frame
from valuelocate.evaluate.fluency import EMPTY, NO_TOKENS, TOO_SHORT, ArmAnswers
from valuelocate.intervene import ShiftIntervention

SETTINGS = Resampling(resamples=100)


def arm(tokens, nll, spoken=None) -> ArmAnswers:
    spoken = [bool(ids) for ids in tokens] if spoken is None else spoken
    return ArmAnswers(tokens, np.array(nll, dtype=np.float64), spoken)


BASE = arm([[1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11]], [4.0, 3.0, 4.0])
NAMES = ["a", "b", "c"]


def test_perplexity_is_pooled_over_tokens_and_variety_over_equal_counts() -> None:
    edited = arm([[1, 1, 1, 1, 1, 1], [5, 6, 7], [8, 9]], [9.0, 3.0, 6.0])
    found = fluency(edited, BASE, NAMES, resampling=SETTINGS)
    assert found.ppl.estimate == pytest.approx(math.exp(18 / 11))
    assert found.base_ppl == pytest.approx(math.exp(11 / 11))
    # Cut to 4, 3 and 2 tokens: {111, 567} of 3 trigrams against {123, 234, 567} of 3.
    assert found.distinct3.estimate == pytest.approx(2 / 3)
    assert found.base_distinct3 == pytest.approx(1)
    assert found.score.estimate == pytest.approx(min(1, math.exp(1 - 18 / 11), 2 / 3))
    assert (found.length, found.base_length, found.nonempty) == (
        pytest.approx(11 / 3),
        pytest.approx(11 / 3),
        1,
    )
    assert found.repetition == pytest.approx((3 / 4 + 0) / 2)
    assert found.reason is None and found.degenerate and not found.usable


def test_the_unedited_model_is_as_fluent_as_itself_and_nothing_is_more() -> None:
    found = fluency(BASE, BASE, NAMES, resampling=SETTINGS)
    assert (found.score.estimate, found.score.low, found.score.high) == (1, 1, 1)
    assert found.usable and not found.degenerate
    plainer = arm(BASE.tokens, [0.4, 0.3, 0.4])
    assert fluency(plainer, BASE, NAMES, resampling=SETTINGS).score.estimate == 1


def test_empty_answers_count_against_an_arm() -> None:
    edited = arm([[1, 2, 3, 4], [], [8, 9, 10, 11]], [4.0, 0.0, 4.0])
    found = fluency(edited, BASE, NAMES, resampling=SETTINGS)
    assert (found.nonempty, found.base_nonempty) == (pytest.approx(2 / 3), 1)
    assert found.score.estimate == pytest.approx(2 / 3)


def test_nothing_at_all_is_not_fluent() -> None:
    silent = arm([[], [], []], [0, 0, 0])
    assert fluency(silent, BASE, NAMES, resampling=SETTINGS).score.estimate == 0


@pytest.mark.parametrize(
    ("edited", "base", "names", "reason"),
    [
        (BASE, arm([[], [], []], [0, 0, 0]), NAMES, "the unedited model gave only empty answers"),
        (arm([[1, 2]], [1.0]), arm([[1, 2]], [1.0]), ["a"], "fewer than three tokens in common length"),
        (arm([], []), arm([], []), [], "there are no answers"),
    ],
)
def test_what_cannot_be_compared_has_a_reason_and_is_not_usable(edited, base, names, reason) -> None:
    found = fluency(edited, base, names, resampling=SETTINGS)
    assert math.isnan(found.score.estimate) and reason in found.reason
    assert not found.usable and not found.degenerate


def test_answers_of_different_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must be as many; found \[1, 3\]"):
        fluency(BASE, arm([[1]], [1.0]), NAMES)


@pytest.fixture(scope="module")
def answered(random_lm, questions) -> pd.DataFrame:
    texts = ["I would go at once.", "", "No.", "It is what I know, and I know what it is."]
    return answer_frame(random_lm, questions[:4], [random_lm.encode_answer(t) if t else [] for t in texts])


def test_perplexity_is_that_of_single_rows_and_each_answer_is_read_once(
    random_lm, answered, forwards
) -> None:
    scorer = FluencyEvaluator(batch_tokens=200).prepare(None, random_lm)
    report = scorer.report(answered, answered, resampling=SETTINGS)
    expected = Reader(random_lm).perplexity(list(answered["prompt_ids"]), list(answered["answer_ids"]))
    assert report.ppl.estimate == pytest.approx(expected, rel=1e-4)
    read = len(forwards)
    assert read > 0
    scorer.report(answered, answered, resampling=SETTINGS)
    assert len(forwards) == read


def test_single_answers_have_their_measures_or_reasons(random_lm, answered) -> None:
    rows = FluencyEvaluator().prepare(None, random_lm).score(answered, answered)
    table = rows.pivot(index="question_id", columns="metric", values="score").reindex(answered["question_id"])
    lengths = [len(ids) for ids in answered["answer_ids"]]
    assert table["length"].tolist() == lengths
    assert table["empty"].tolist() == [0, 1, 0, 0]
    assert table["nll"].isna().tolist() == [False, True, False, False]
    told = rows.set_index(["metric", "question_id"])["reason"]
    empty = answered["question_id"][1]
    assert (told["nll", empty], told["repetition", empty]) == (EMPTY, TOO_SHORT)
    assert told["empty"].isna().all() and told["length"].isna().all()


def test_arms_are_compared_over_the_questions_that_both_answered(random_lm, answered) -> None:
    scorer = FluencyEvaluator().prepare(None, random_lm)
    shuffled = answered.iloc[[3, 0, 2]]
    report = scorer.report(shuffled, answered, resampling=SETTINGS)
    assert report.score.n == 3 and report.score.estimate == 1


def test_answers_without_a_model_are_counted_but_not_read(questions) -> None:
    rows = [(row.value, row.id, row.family) for row in questions[:2]]
    texts = text_frame(None, rows, ["Why?", "Who?"], ["So.", " "])
    scorer = FluencyEvaluator().prepare(None, None)
    found = scorer.score(texts, texts)
    assert found.loc[found["metric"] == "empty", "score"].tolist() == [0, 1]
    assert set(found.loc[found["metric"] == "nll", "reason"]) == {NO_TOKENS}
    with pytest.raises(UserError, match="perplexity needs a model"):
        scorer.report(texts, texts)


def test_fluency_is_not_measured_under_an_edit(random_lm, answered, neurons_in) -> None:
    scorer = FluencyEvaluator().prepare(None, random_lm)
    edit = ShiftIntervention().edit(neurons_in(random_lm), direction="towards", strength=1.0)
    with edit.applied(random_lm), pytest.raises(RuntimeError, match="under the unedited model"):
        scorer.nll(answered)


def test_settings_are_checked() -> None:
    with pytest.raises(UserError, match=r"evaluate.evaluators.fluency.batch_tokens=0"):
        FluencyEvaluator(batch_tokens=0)
