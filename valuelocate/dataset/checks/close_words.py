"""Close words: how often the questions of a value use words close in meaning to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.lexicons import inflected_pattern, load_lists
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.records import Question
from valuelocate.values import Theory

LIMIT = 0.03
"""Share of a value's questions that may hold one of its close words."""


def close_words(theory: Theory, value_id: str) -> list[str]:
    """Return the words close to a value and to its parts; none where the lexicon knows none of them."""
    lists = load_lists("close_words")
    ids = [value_id, *(member.id for member in theory.members(value_id))]
    return sorted({word for found in ids for word in lists.get(found, [])})


def known_values(theory: Theory) -> list[str]:
    """Return the values of the top level that the lexicon has close words for."""
    return [value.id for value in theory.targets() if close_words(theory, value.id)]


def close_word_shares(questions: Sequence[Question], theory: Theory) -> Mapping[str, float]:
    """Return the share of a value's questions with one of its close words, by value."""
    found = _found(questions, theory)
    return {value: len(found[value]) / _rows(questions, value) for value in found if _rows(questions, value)}


def check_close_words(questions: Sequence[Question], theory: Theory) -> Measured:
    """Measure the largest share over values."""
    found = _found(questions, theory)
    shares = close_word_shares(questions, theory)
    findings = [hit for value, share in shares.items() if share > LIMIT for hit in found[value]]
    return Measured(max(shares.values(), default=0.0), findings)


def _rows(questions: Sequence[Question], value: str) -> int:
    return sum(question.value == value for question in questions)


def _found(questions: Sequence[Question], theory: Theory) -> dict[str, list[Finding]]:
    patterns = {value: inflected_pattern(close_words(theory, value)) for value in known_values(theory)}
    found: dict[str, list[Finding]] = {value: [] for value in patterns}
    for question in questions:
        if question.value in patterns and (match := patterns[question.value].search(question.text.lower())):
            reason = f"'{match.group()}' is close to {question.value}"
            found[question.value].append(Finding(question.id, "close words", reason))
    return found
