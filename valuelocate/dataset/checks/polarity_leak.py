"""Polarity leak: how well bare words tell the pole of a text about a topic not seen before.

Words that name a value are taken out first. What is left tells the poles apart in part because the speakers
want different things, which is meant; near 1 it means that they also speak differently, which is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import NamedTuple

from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import roc_auc_score
from sklearn.naive_bayes import MultinomialNB

from valuelocate.dataset.checks.value_words import value_word_pattern
from valuelocate.dataset.records import Description, Question
from valuelocate.values import Theory

LIMIT = 0.95
"""Above this the poles differ in style and should be rewritten."""
FOLDS = 5


class PoledText(NamedTuple):
    """A text of one pole."""

    text: str
    positive: bool
    value: str
    topic: str


def described_texts(descriptions: Sequence[Description]) -> list[PoledText]:
    """Return the texts of descriptions with their poles."""
    return [PoledText(d.text, d.polarity == "pos", d.value, str(d.topic)) for d in descriptions]


def answered_texts(questions: Sequence[Question]) -> list[PoledText]:
    """Return the answers of questions with their poles."""
    return [
        PoledText(text, positive, q.value, str(q.topic))
        for q in questions
        if q.stances is not None
        for text, positive in ((q.stances.pos, True), (q.stances.neg, False))
    ]


def polarity_auroc(texts: Sequence[PoledText], theory: Theory) -> float:
    """Return the area under the ROC curve of a naive Bayes classifier of poles, the mean over values.

    Topics are held out in five folds, so that no word of a topic can help. .5 is chance.

    Raises:
        ValueError: a value has texts of fewer than five topics, or of one pole only.
    """
    pattern = value_word_pattern(theory)
    areas = []
    for value in sorted({text.value for text in texts}):
        rows = [text for text in texts if text.value == value]
        fold_of = {topic: i % FOLDS for i, topic in enumerate(sorted({row.topic for row in rows}))}
        if len(fold_of) < FOLDS or len({row.positive for row in rows}) < 2:
            raise ValueError(f"value '{value}' needs texts of both poles about at least {FOLDS} topics")
        words = [pattern.sub(" ", row.text) for row in rows]
        areas.append(
            _held_out_area(words, [row.positive for row in rows], [fold_of[row.topic] for row in rows])
        )
    return mean(areas)


def _held_out_area(words: Sequence[str], positive: Sequence[bool], folds: Sequence[int]) -> float:
    scores = [0.0] * len(words)
    for fold in range(FOLDS):
        kept = [i for i, of in enumerate(folds) if of != fold]
        held = [i for i, of in enumerate(folds) if of == fold]
        vectorizer = CountVectorizer(binary=True)
        counts = vectorizer.fit_transform([words[i] for i in kept])
        model = MultinomialNB().fit(counts, [positive[i] for i in kept])
        found = model.predict_log_proba(vectorizer.transform([words[i] for i in held]))
        for i, (negative, affirmed) in zip(held, found, strict=True):
            scores[i] = float(affirmed - negative)
    return float(roc_auc_score(positive, scores))
