"""The offline judge: a small text classifier per value, fitted on answers written for each pole.

Word and character n-grams (sublinear tf-idf), complement naive Bayes (Rennie et al. 2003), and Platt's
calibration (Platt 1999) on out-of-fold scores, families never split between folds. It needs no network and is
the same on every machine. Its texts are answers of the split locate that the embedded model has never read:
those of the seed bank's `judge` half, or of families that are not in the bank. The kind of classifier and
its settings were chosen by cross-validation over that half's topics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64
from scipy.sparse import spmatrix
from sklearn.calibration import CalibratedClassifierCV
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union

from valuelocate.dataset import ValueDataset, load_seeds
from valuelocate.dataset.shipped import shipped_names
from valuelocate.errors import UserError
from valuelocate.evaluate.judge import Judge, JudgeSource, Probabilities
from valuelocate.values import Theory

LEAST_FAMILIES = 10
"""Fewer families of written answers than this cannot make a judge."""


class Example(NamedTuple):
    """A text known to express one pole."""

    text: str
    positive: bool
    family: str


@dataclass(frozen=True, kw_only=True)
class ClassifierJudge(JudgeSource):
    """Settings of the offline judge."""

    smoothing: float = 0.2
    """Added to the weight of every n-gram under each pole."""
    word_ngrams: int = 2
    """Longest word n-gram."""
    character_ngrams: int = 5
    """Longest character n-gram; the shortest is 3."""
    folds: int = 5
    """Folds of families for calibration."""

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise UserError(f"{_KEY}.smoothing={self.smoothing}: must be above 0")
        for name, least in (("word_ngrams", 1), ("character_ngrams", 3), ("folds", 2)):
            if getattr(self, name) < least:
                raise UserError(f"{_KEY}.{name}={getattr(self, name)}: must be at least {least}")

    def make(self, dataset: ValueDataset) -> FittedClassifierJudge:
        """Return a judge that fits itself to a value when first asked about it."""
        return FittedClassifierJudge(settings=self, dataset=dataset)


_KEY = "evaluate.evaluators.judge.judge"


@dataclass(frozen=True, kw_only=True, eq=False)
class FittedClassifierJudge(Judge):
    """One classifier a value, fitted when first needed."""

    settings: ClassifierJudge
    dataset: ValueDataset
    _fitted: dict[str, Pipeline] = field(default_factory=dict, init=False)

    def obstacle(self, value: str) -> str | None:
        """Return that there are too few written answers for a value, if so."""
        families = {example.family for example in judge_examples(self.dataset, value)}
        if len(families) >= LEAST_FAMILIES:
            return None
        return (
            f"the offline judge has {len(families)} families of written answers for this value in the split "
            f"locate that it may read, and needs {LEAST_FAMILIES}"
        )

    def score_texts(self, texts: Sequence[str], value: str) -> Probabilities:
        """Return the calibrated probability of the positive pole.

        Raises:
            UserError: there are too few written answers to learn the value from.
        """
        if value not in self._fitted:
            obstacle = self.obstacle(value)
            if obstacle is not None:
                raise UserError(
                    f"evaluate=judge value={value}: {obstacle}; add questions with stances or leave judge out"
                )
            self._fitted[value] = fit_classifier(judge_examples(self.dataset, value), self.settings)
        if not texts:
            return np.zeros(0)
        return np.asarray(self._fitted[value].predict_proba(list(texts))[:, 1], dtype=np.float64)


def judge_examples(dataset: ValueDataset, value: str) -> list[Example]:
    """Return the texts that the judge may learn a value from: of locate, unread by the embedded model.

    A shipped dataset's judge learns from the whole seed bank where that is about the value; any other's from
    the dataset's own stances.
    """
    seeds = _seed_examples(dataset.theory, value) if dataset.name in shipped_names() else []
    return seeds or _stance_examples(dataset, value)


def _seed_examples(theory: Theory, value: str) -> list[Example]:
    level = theory.column(value)
    seeds = [seed for seed in load_seeds("locate") if seed.half == "judge" and getattr(seed, level) == value]
    examples = []
    for seed in seeds:
        for positive, stance, more in ((True, seed.pos, seed.pos_more), (False, seed.neg, seed.neg_more)):
            # An answer may be of one sentence or of several.
            examples += [Example(text, positive, seed.family) for text in (stance, more, f"{stance} {more}")]
    return examples


def _stance_examples(dataset: ValueDataset, value: str) -> list[Example]:
    level = dataset.theory.column(value)
    read = {seed.family for seed in load_seeds("locate") if seed.half == "model"}
    return [
        Example(text, positive, row.family)
        for row in dataset.question_rows
        if row.split == "locate" and row.stances is not None and row.family not in read
        if getattr(row, level) == value
        for positive, text in ((True, row.stances.pos), (False, row.stances.neg))
    ]


def features(settings: ClassifierJudge) -> FeatureUnion:
    """Return the text features: word n-grams and character n-grams."""
    return make_union(
        TfidfVectorizer(
            sublinear_tf=True, ngram_range=(1, settings.word_ngrams), token_pattern=r"\b\w[\w']*"
        ),
        TfidfVectorizer(sublinear_tf=True, ngram_range=(3, settings.character_ngrams), analyzer="char"),
    )


class PoleBayes(ComplementNB):
    """Complement naive Bayes that says how far it leans: calibration wants log odds, not probabilities."""

    def decision_function(self, counts: spmatrix) -> Float64[np.ndarray, " text"]:
        """Return the log odds of the positive pole."""
        negative, positive = self.predict_log_proba(counts).T
        return positive - negative


def fit_classifier(examples: Sequence[Example], settings: ClassifierJudge) -> Pipeline:
    """Fit and calibrate a classifier of texts.

    Calibration uses out-of-fold scores over folds of families; the classifier itself is fitted on all texts.
    """
    ordered = sorted(examples)
    texts = [example.text for example in ordered]
    positive = np.array([example.positive for example in ordered])
    families = np.array([example.family for example in ordered])
    splits = list(GroupKFold(n_splits=settings.folds).split(texts, positive, families))
    poles = PoleBayes(alpha=settings.smoothing)
    calibrated = CalibratedClassifierCV(poles, method="sigmoid", cv=splits, ensemble=False)
    return make_pipeline(features(settings), calibrated).fit(texts, positive)
