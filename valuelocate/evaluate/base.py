"""What an evaluator is, and the frame of scores that every evaluator returns."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from valuelocate.dataset import Description, Question, ValueDataset
from valuelocate.model import LanguageModel
from valuelocate.model.positions import EditPositions

SCORE_COLUMNS = ("scored_value", "question_id", "family", "evaluator", "metric", "score", "reason", "valid")
"""`score` is raw (no sign of a direction); `reason` says why it is NaN; `valid` is false where the
evaluator is not known to measure what it should."""

ANSWER_COLUMNS = ("scored_value", "question_id", "family", "question", "answer", "prompt_ids", "answer_ids")
"""`prompt_ids` hold the question without any description; `answer_ids` are the generated tokens."""


class PreparedPrompts(ABC):
    """Questions made ready for one model, to be scored under as many edits as wanted."""

    @abstractmethod
    def score(self, *, edit_positions: EditPositions | None = None) -> pd.DataFrame:
        """Score the model as it stands now, with the edit in force.

        Args:
            edit_positions: where the edit in force acts; None where there is none.

        Returns:
            A frame with `SCORE_COLUMNS`.

        Raises:
            UserError: a metric cannot see an edit at these positions.
            ValueError: the questions were made ready for edits at other positions.
        """


class PromptEvaluator(ABC):
    """Reads what it wants from the model's probabilities; nothing is generated."""

    name: str
    """Key in `evaluate.evaluators`, and the first part of a metric's name."""
    directed: ClassVar[frozenset[str]]
    """Metrics that are larger the more the positive pole is expressed, so that a gain is defined for them."""

    @property
    @abstractmethod
    def measured(self) -> tuple[str, ...]:
        """Names of what is measured."""

    @abstractmethod
    def for_positions(self, positions: EditPositions) -> PromptEvaluator:
        """Return the evaluator without the measures that cannot see an edit at these positions.

        Raises:
            UserError: the config asks for such a measure by name.
        """

    @abstractmethod
    def prepare(
        self,
        lm: LanguageModel,
        questions: Sequence[Question],
        descriptions: Mapping[str, Description] | None = None,
        *,
        edit_positions: EditPositions | None = None,
    ) -> PreparedPrompts:
        """Tokenise and batch questions.

        Args:
            lm: the model.
            questions: what is asked.
            descriptions: by question id: what goes before the question.
            edit_positions: where all edits to come act; None where it is not known. Where they leave prompts
                alone, the prompts may be read now, once for all edits.
        """

    def score(
        self,
        lm: LanguageModel,
        questions: Sequence[Question],
        descriptions: Mapping[str, Description] | None = None,
        *,
        edit_positions: EditPositions | None = None,
    ) -> pd.DataFrame:
        """Prepare and score once, with the edit in force."""
        return self.prepare(lm, questions, descriptions).score(edit_positions=edit_positions)


class AnswerScorer(ABC):
    """An answer evaluator made ready for one dataset and model."""

    @abstractmethod
    def score(self, answers: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
        """Score answers (`ANSWER_COLUMNS`), with those of the unedited model to the same questions at hand.

        Returns:
            A frame with `SCORE_COLUMNS`.
        """


class AnswerEvaluator(ABC):
    """Scores generated answers."""

    name: str
    """Key in `evaluate.evaluators`, and the first part of a metric's name."""
    directed: ClassVar[frozenset[str]]
    """Metrics that are larger the more the positive pole is expressed, so that a gain is defined for them."""

    @abstractmethod
    def prepare(self, dataset: ValueDataset, lm: LanguageModel | None) -> AnswerScorer:
        """Fit or load whatever the scores need; nothing of the split `eval` may be looked at."""


def score_frame(
    rows: Sequence[tuple[str, str, str]],
    *,
    evaluator: str,
    metric: str,
    scores: Sequence[float],
    reasons: Sequence[str | None],
    valid: Sequence[bool] | bool = True,
) -> pd.DataFrame:
    """Return scores with their reasons; `rows` are (scored value, question id, family).

    Raises:
        ValueError: a score is missing without a reason.
    """
    for row, score, reason in zip(rows, scores, reasons, strict=True):
        if math.isnan(score) and reason is None:
            raise ValueError(f"{evaluator}/{metric} of question {row[1]} is missing without a reason")
    columns: dict[str, Any] = {
        name: [row[place] for row in rows] for place, name in enumerate(SCORE_COLUMNS[:3])
    }
    columns |= {"evaluator": evaluator, "metric": metric}
    columns["score"] = pd.Series(list(scores), dtype="float64")
    # Object, so that a missing reason stays None and does not become a float.
    columns["reason"] = pd.Series(list(reasons), dtype=object)
    columns["valid"] = pd.Series([valid] * len(rows) if isinstance(valid, bool) else list(valid), dtype=bool)
    return pd.DataFrame(columns, columns=list(SCORE_COLUMNS))


def question_rows(questions: Sequence[Question]) -> list[tuple[str, str, str]]:
    """Return (value, id, family) of each question."""
    return [(question.value, question.id, question.family) for question in questions]


def answer_rows(answers: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return (value, id, family) of each answer."""
    return list(answers[list(SCORE_COLUMNS[:3])].itertuples(index=False, name=None))


def answer_frame(
    lm: LanguageModel, questions: Sequence[Question], answers: Sequence[Sequence[int]]
) -> pd.DataFrame:
    """Return generated answers as a frame with `ANSWER_COLUMNS`, each beside its question's bare prompt."""
    rows = [
        (*row, question.text, lm.decode(ids), lm.prompt_ids(question.text), list(ids))
        for row, question, ids in zip(question_rows(questions), questions, answers, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(ANSWER_COLUMNS))


def text_frame(
    lm: LanguageModel | None,
    rows: Sequence[tuple[str, str, str]],
    questions: Sequence[str],
    texts: Sequence[str],
) -> pd.DataFrame:
    """Return answers given as text as a frame with `ANSWER_COLUMNS`; without a model they have no tokens.

    Args:
        lm: tokenises questions and answers for the measures of fluency.
        rows: (scored value, question id, family) of each answer.
        questions: the question of each answer.
        texts: the answers.
    """
    records = [
        (
            *row,
            question,
            text,
            lm.prompt_ids(question) if lm else None,
            lm.encode_answer(text) if lm else None,
        )
        for row, question, text in zip(rows, questions, texts, strict=True)
    ]
    return pd.DataFrame(records, columns=list(ANSWER_COLUMNS))
