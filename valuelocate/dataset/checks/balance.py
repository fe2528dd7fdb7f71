"""Balance: lengths over the whole set, where single rows can be right and the set lopsided."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Description, Question
from valuelocate.dataset.text import count_words

POLE_DIFFERENCE = 2.0
"""Words by which the mean lengths of positive and negative descriptions may differ; a larger difference would
let length tell the pole."""
QUESTION_MEAN = (25.0, 40.0)


def pole_length_difference(descriptions: Sequence[Description]) -> float:
    """Return mean words of positive minus mean words of negative descriptions."""
    words = {
        polarity: [count_words(row.text) for row in descriptions if row.polarity == polarity]
        for polarity in ("pos", "neg")
    }
    return mean(words["pos"]) - mean(words["neg"])


def check_pole_lengths(descriptions: Sequence[Description]) -> list[Finding]:
    """Find that positive and negative descriptions differ in mean length by two words or more."""
    difference = pole_length_difference(descriptions)
    if abs(difference) < POLE_DIFFERENCE:
        return []
    return [Finding("all descriptions", "pole lengths", f"means differ by {difference:+.2f} words")]


def check_question_mean(questions: Sequence[Question]) -> list[Finding]:
    """Find that the mean length of the questions is outside 25 to 40 words."""
    found = mean(count_words(row.text) for row in questions)
    if QUESTION_MEAN[0] <= found <= QUESTION_MEAN[1]:
        return []
    return [Finding("all questions", "question mean", f"mean of {found:.1f} words")]
