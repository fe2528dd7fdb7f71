"""Judging which pole of a value an answer expresses, and how good the judge is at it.

A judge is blind: it sees a text and the name of a value, never the arm it came from. How far it is to be
trusted is measured twice: on answers written for each pole (dev split), and on the unedited model's own
answers under descriptions of each pole. A judge whose AUROC on the latter is below `LEAST_AUROC`
is not valid.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from jaxtyping import Float64

from valuelocate.dataset import ValueDataset
from valuelocate.evaluate.base import AnswerEvaluator, AnswerScorer, answer_rows, score_frame
from valuelocate.evaluate.bootstrap import DEFAULT, Interval, Resampling, auroc_interval
from valuelocate.model import LanguageModel

logger = logging.getLogger(__name__)

LEAST_AUROC = 0.7

EMPTY = "empty answer"
NO_WORDS = "no words in the answer"

Probabilities = Float64[np.ndarray, " text"]


class Judge(ABC):
    """A fitted or connected judge."""

    @abstractmethod
    def score_texts(self, texts: Sequence[str], value: str) -> Probabilities:
        """Return for each text the probability, from 0 to 1, that it expresses the value's positive pole."""

    def obstacle(self, value: str) -> str | None:
        """Return why texts cannot be judged on a value, or None where they can."""
        return None


class JudgeSource(ABC):
    """A component that makes a judge."""

    @abstractmethod
    def make(self, dataset: ValueDataset) -> Judge:
        """Return a judge for the values of the dataset's theory; it never reads dev or eval rows."""


@dataclass(frozen=True, kw_only=True)
class JudgeCheck:
    """How well a judge tells texts of the two poles of one value apart."""

    value: str
    auroc: Interval
    """0.5 is chance; NaN where no texts of both poles could be judged."""
    unscored: int
    """Texts left out because they hold no words."""

    @property
    def valid(self) -> bool:
        """Whether the judge's scores on this value mean what they say."""
        return self.auroc.estimate >= LEAST_AUROC


@dataclass(frozen=True, kw_only=True)
class JudgeCard:
    """What is known of a judge, by value id."""

    dev: Mapping[str, JudgeCheck] = field(default_factory=dict)
    """On the answers written for each pole in the dev split."""
    primed: Mapping[str, JudgeCheck] = field(default_factory=dict)
    """On the unedited model's answers under descriptions of each pole."""

    def valid(self, value: str) -> bool:
        """Whether scores on a value are to be trusted; False where the judge has not been checked on it."""
        return value in self.primed and self.primed[value].valid

    def content(self) -> dict[str, Any]:
        """Return the card as plain data, for judge_card.json."""
        return {
            part: {value: {**asdict(check), "valid": check.valid} for value, check in checks.items()}
            for part, checks in (("dev", self.dev), ("primed", self.primed))
        }


def unjudgeable(text: str) -> str | None:
    """Return why a text cannot be judged, or None where it can."""
    if not text.strip():
        return EMPTY
    return None if any(character.isalpha() for character in text) else NO_WORDS


def judge_texts(judge: Judge, texts: Sequence[str], value: str) -> tuple[Probabilities, list[str | None]]:
    """Return the judge's probabilities, NaN with a reason where a text or the value cannot be judged."""
    obstacle = judge.obstacle(value)
    reasons = [obstacle or unjudgeable(text) for text in texts]
    scores = np.full(len(texts), math.nan)
    asked = [place for place, reason in enumerate(reasons) if reason is None]
    if asked:
        scores[asked] = judge.score_texts([texts[place] for place in asked], value)
    return scores, reasons


def primed_auroc(
    judge: Judge,
    value: str,
    positive: Sequence[str],
    negative: Sequence[str],
    families: Sequence[str],
    *,
    resampling: Resampling = DEFAULT,
) -> JudgeCheck:
    """Check a judge on two answers to each question, under a description of each pole.

    Args:
        judge: the judge.
        value: id of the value that the descriptions are of.
        positive: the answers under the positive description, an entry a question.
        negative: the answers under the negative description, to the same questions.
        families: the seed family of each question, the unit of resampling.
        resampling: of the interval.

    Raises:
        ValueError: different numbers of answers.
    """
    if not len(positive) == len(negative) == len(families):
        sizes = len(positive), len(negative), len(families)
        raise ValueError(f"answers of both poles and families must be as many; found {sizes}")
    scores, reasons = judge_texts(judge, [*positive, *negative], value)
    poles = [True] * len(positive) + [False] * len(negative)
    interval = auroc_interval(scores, poles, [*families, *families], resampling=resampling)
    return JudgeCheck(value=value, auroc=interval, unscored=sum(reason is not None for reason in reasons))


def stance_auroc(
    judge: Judge,
    value: str,
    dataset: ValueDataset,
    *,
    split: str = "dev",
    resampling: Resampling = DEFAULT,
) -> JudgeCheck:
    """Check a judge on the answers written for each pole of a split's questions.

    Raises:
        UserError: the dataset has no such answers.
    """
    questions = dataset.question_records(value, split=split, with_stances=True)
    pairs = [(row.stances, row.family) for row in questions if row.stances is not None]
    return primed_auroc(
        judge,
        value,
        [stances.pos for stances, _ in pairs],
        [stances.neg for stances, _ in pairs],
        [family for _, family in pairs],
        resampling=resampling,
    )


@dataclass(frozen=True, kw_only=True)
class JudgeEvaluator(AnswerEvaluator):
    """The metric `score`: the probability that an answer expresses the value's positive pole."""

    name: str = "judge"
    judge: JudgeSource

    directed: ClassVar[frozenset[str]] = frozenset({"score"})

    def prepare(self, dataset: ValueDataset, lm: LanguageModel | None) -> JudgeScorer:
        """Make the judge; the model is not used."""
        return JudgeScorer(name=self.name, judge=self.judge.make(dataset))


@dataclass(kw_only=True)
class JudgeScorer(AnswerScorer):
    """A judge with its card; until `card` holds a check of a value, scores on it are marked not valid."""

    name: str
    judge: Judge
    card: JudgeCard = field(default_factory=JudgeCard)

    def score(self, answers: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
        """Return the metric `score` of each answer on its `scored_value`; the baseline is not looked at."""
        texts, values = list(answers["answer"]), list(answers["scored_value"])
        scores = np.full(len(texts), math.nan)
        reasons: list[str | None] = [None] * len(texts)
        for value in sorted(set(values)):
            places = [place for place, found in enumerate(values) if found == value]
            scores[places], why = judge_texts(self.judge, [texts[place] for place in places], value)
            for place, reason in zip(places, why, strict=True):
                reasons[place] = reason
        return score_frame(
            answer_rows(answers),
            evaluator=self.name,
            metric="score",
            scores=scores.tolist(),
            reasons=reasons,
            valid=[self.card.valid(value) for value in values],
        )
