"""Spread of lengths: short and long questions, few of them very short or very long."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import stdev

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured, at_least
from valuelocate.dataset.records import Question
from valuelocate.dataset.text import count_words

LEAST_DEVIATION = 9.0
"""Words."""
USUAL_WORDS = (12, 60)
UNUSUAL_SHARE = 0.01
"""Share of the questions that may be outside the usual lengths."""


def check_length_deviation(questions: Sequence[Question]) -> Measured:
    """Measure the standard deviation of the questions' words."""
    words = [count_words(question.text) for question in questions]
    return at_least(stdev(words), LEAST_DEVIATION, "length deviation", "all questions")


def check_unusual_lengths(questions: Sequence[Question]) -> Measured:
    """Measure the share of questions outside 12 to 60 words."""
    outside = [
        Finding(
            question.id, "unusual lengths", f"{words} words; usual are {USUAL_WORDS[0]} to {USUAL_WORDS[1]}"
        )
        for question in questions
        if not USUAL_WORDS[0] <= (words := count_words(question.text)) <= USUAL_WORDS[1]
    ]
    share = len(outside) / len(questions)
    return Measured(share, outside if share > UNUSUAL_SHARE else [])
