"""Share of answers: most questions of `eval` come with the two answers that choosing between them needs."""

from __future__ import annotations

from collections.abc import Sequence

from valuelocate.dataset.checks.measured import Measured, at_least
from valuelocate.dataset.records import Question

LEAST = 0.8


def check_stance_share(questions: Sequence[Question]) -> Measured:
    """Measure the share of questions of `eval` that carry stances."""
    rows = [question for question in questions if question.split == "eval"]
    share = sum(question.stances is not None for question in rows) / len(rows)
    return at_least(share, LEAST, "stance share", "questions of eval")
