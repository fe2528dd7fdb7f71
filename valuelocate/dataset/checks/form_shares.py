"""Form shares: no kind of question crowds out the others, and none is a rarity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.records import Question

COMMONEST = 0.07
"""Largest share of all questions that may be of one form."""
RAREST = 0.015
"""Smallest share of all questions that a form used outside `eval` may have."""
COMMONEST_EVAL = 0.12
"""Largest share of the questions of `eval` that may be of one form."""


def check_commonest_form(questions: Sequence[Question]) -> Measured:
    """Measure the share of the most frequent form."""
    return _commonest(questions, COMMONEST)


def check_commonest_eval_form(questions: Sequence[Question]) -> Measured:
    """Measure the share of the most frequent form within `eval`."""
    return _commonest([question for question in questions if question.split == "eval"], COMMONEST_EVAL)


def check_rarest_form(questions: Sequence[Question]) -> Measured:
    """Measure the smallest share, among all questions, of a form that is used outside `eval`."""
    used = {question.form for question in questions if question.split != "eval"}
    shares = {form: share for form, share in _shares(questions).items() if form in used}
    findings = [
        Finding(form, "form shares", f"{share:.2%} of the questions; at least {RAREST:.1%}")
        for form, share in shares.items()
        if share < RAREST
    ]
    return Measured(min(shares.values(), default=1.0), findings)


def _commonest(questions: Sequence[Question], limit: float) -> Measured:
    shares = _shares(questions)
    findings = [
        Finding(form, "form shares", f"{share:.2%} of the questions; at most {limit:.0%}")
        for form, share in shares.items()
        if share > limit
    ]
    return Measured(max(shares.values(), default=0.0), findings)


def _shares(questions: Sequence[Question]) -> dict[str, float]:
    counts = Counter(str(question.form) for question in questions)
    return {form: count / len(questions) for form, count in sorted(counts.items())}
