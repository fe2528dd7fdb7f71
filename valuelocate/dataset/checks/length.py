"""Length: words of questions and descriptions, and answers of like length."""

from __future__ import annotations

from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Description, Question
from valuelocate.dataset.text import count_words

QUESTION_WORDS = (10, 70)
DESCRIPTION_WORDS = (40, 80)
STANCE_TOLERANCE = 0.2
"""Allowed difference of the two answers' words, as a share of the longer one."""


def check_question_length(questions: Sequence[Question]) -> list[Finding]:
    """Find questions outside 10 to 70 words."""
    return [_outside(row, QUESTION_WORDS) for row in questions if _is_outside(row, QUESTION_WORDS)]


def check_description_length(descriptions: Sequence[Description]) -> list[Finding]:
    """Find descriptions outside 40 to 80 words."""
    return [_outside(row, DESCRIPTION_WORDS) for row in descriptions if _is_outside(row, DESCRIPTION_WORDS)]


def check_stance_length(questions: Sequence[Question]) -> list[Finding]:
    """Find questions whose two answers differ in length by more than 20 percent of the longer one."""
    findings: list[Finding] = []
    for question in questions:
        if question.stances is None:
            continue
        words = count_words(question.stances.pos), count_words(question.stances.neg)
        if abs(words[0] - words[1]) > STANCE_TOLERANCE * max(words):
            reason = f"answers of {words[0]} and {words[1]} words differ by more than {STANCE_TOLERANCE:.0%}"
            findings.append(Finding(question.id, "stance length", reason))
    return findings


def _is_outside(record: Question | Description, limits: tuple[int, int]) -> bool:
    return not limits[0] <= count_words(record.text) <= limits[1]


def _outside(record: Question | Description, limits: tuple[int, int]) -> Finding:
    reason = f"{count_words(record.text)} words; expected {limits[0]} to {limits[1]}"
    return Finding(record.id, f"{record.kind} length", reason)
