from __future__ import annotations

import pytest

from tests.evaluate.scripted_judge import ScriptedJudge, Source
from valuelocate.errors import UserError
from valuelocate.evaluate import EvaluateSettings, FluencyEvaluator, JudgeEvaluator, PreferenceEvaluator
from valuelocate.intervene import ScaleIntervention, ValueLocateIntervention, ZeroIntervention

PREFERENCE, FLUENCY = PreferenceEvaluator(), FluencyEvaluator()
JUDGE = JudgeEvaluator(judge=Source(ScriptedJudge()))


def settings(*evaluators, **changes) -> EvaluateSettings:
    return EvaluateSettings(evaluators={found.name: found for found in evaluators}, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strengths": []}, r"evaluate.strengths=\[\]: expected positive, rising numbers"),
        ({"strengths": [0, 1]}, "expected positive, rising"),
        ({"strengths": [1, 1]}, "expected positive, rising"),
        ({"strengths": [1, float("inf")]}, "expected positive, rising"),
        ({"strengths": [float("nan")]}, "expected positive, rising"),
        ({"max_new_tokens": 0}, "evaluate.max_new_tokens=0: must be at least 1"),
        ({"calibration_questions": 0}, "evaluate.calibration_questions=0: must be at least 1"),
        ({"batch_size": 0}, "evaluate.batch_size=0: must be at least 1"),
        (
            {"evaluators": {"preference": 3}},
            "evaluate.evaluators.preference: expected an evaluator, found int",
        ),
        ({"evaluators": {"other": PREFERENCE}}, "name=preference: expected the evaluator's key, other"),
    ],
)
def test_settings_are_checked(changes, message) -> None:
    with pytest.raises(UserError, match=message):
        EvaluateSettings(**changes)


def test_evaluators_are_told_apart_by_what_they_need() -> None:
    found = settings(PREFERENCE, JUDGE, FLUENCY)
    assert set(found.answer_evaluators) == {"judge", "fluency"}
    assert found.prompt_evaluators(ValueLocateIntervention()) == {"preference": PREFERENCE}
    assert found.directed == {("preference", "t1"), ("preference", "t2"), ("judge", "score")}


def test_the_preset_of_the_paper_is_measured_by_t2() -> None:
    found = settings(PREFERENCE, FLUENCY).prompt_evaluators(ValueLocateIntervention(positions="generated"))
    assert found["preference"].measured == ("t2",)
    by_name = settings(PreferenceEvaluator(metrics=["t1", "t2"]), FLUENCY)
    with pytest.raises(UserError, match="no effect by construction"):
        by_name.prompt_evaluators(ValueLocateIntervention(positions="generated"))


@pytest.mark.parametrize(
    ("evaluators", "intervention", "message"),
    [
        ([JUDGE, FLUENCY], ValueLocateIntervention(), r"evaluate=\['fluency', 'judge'\].*; add preference"),
        ([], ZeroIntervention(strength=1), r"evaluate=\[\].*; add preference"),
        (
            [PREFERENCE, JUDGE],
            ValueLocateIntervention(),
            "strength=dev chooses the dose by fluency; add fluency",
        ),
        ([PREFERENCE, FLUENCY], ScaleIntervention(), r"evaluate.strengths=\[1.0\]: this intervention needs"),
    ],
)
def test_what_could_not_be_claimed_is_refused_without_a_model(evaluators, intervention, message) -> None:
    with pytest.raises(UserError, match=message):
        settings(*evaluators, strengths=[1.0]).prompt_evaluators(intervention)


def test_a_fixed_dose_needs_no_fluency() -> None:
    assert settings(PREFERENCE).prompt_evaluators(ValueLocateIntervention(strength=1.0))
