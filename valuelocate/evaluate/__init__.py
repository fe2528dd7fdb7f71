"""Evaluation: how far an edit moved a model's values, and whether its text is still text."""

from valuelocate.evaluate.base import (
    ANSWER_COLUMNS,
    SCORE_COLUMNS,
    AnswerEvaluator,
    AnswerScorer,
    PreparedPrompts,
    PromptEvaluator,
    answer_frame,
    text_frame,
)
from valuelocate.evaluate.bootstrap import Interval, Resampling, auroc_interval, mean_interval
from valuelocate.evaluate.fluency import (
    DEGENERATE,
    USABLE,
    ArmAnswers,
    FluencyEvaluator,
    FluencyReport,
    FluencyScorer,
    fluency,
)
from valuelocate.evaluate.judge import (
    Judge,
    JudgeCard,
    JudgeCheck,
    JudgeEvaluator,
    JudgeScorer,
    JudgeSource,
    primed_auroc,
    stance_auroc,
)
from valuelocate.evaluate.judge_classifier import ClassifierJudge
from valuelocate.evaluate.preference import PreferenceEvaluator, PreparedPreference
from valuelocate.evaluate.settings import EvaluateSettings, Evaluator

__all__ = [
    "ANSWER_COLUMNS",
    "DEGENERATE",
    "SCORE_COLUMNS",
    "USABLE",
    "AnswerEvaluator",
    "AnswerScorer",
    "ArmAnswers",
    "ClassifierJudge",
    "EvaluateSettings",
    "Evaluator",
    "FluencyEvaluator",
    "FluencyReport",
    "FluencyScorer",
    "Interval",
    "Judge",
    "JudgeCard",
    "JudgeCheck",
    "JudgeEvaluator",
    "JudgeScorer",
    "JudgeSource",
    "PreferenceEvaluator",
    "PreparedPreference",
    "PreparedPrompts",
    "PromptEvaluator",
    "Resampling",
    "answer_frame",
    "auroc_interval",
    "fluency",
    "mean_interval",
    "primed_auroc",
    "stance_auroc",
    "text_frame",
]
