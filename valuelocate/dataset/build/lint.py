"""Lint: which candidates may not enter the set, and why, told row by row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from valuelocate.dataset.build.compose import Candidate
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.form import check_asks, check_form
from valuelocate.dataset.checks.leading import check_leading
from valuelocate.dataset.checks.length import check_question_length, check_stance_length
from valuelocate.dataset.checks.suite import stance_texts
from valuelocate.dataset.checks.value_words import check_value_words
from valuelocate.dataset.records import SPLITS, Question
from valuelocate.dataset.text import count_words, ngrams, normalise
from valuelocate.values import Theory

USUAL_WORDS = (12, 60)
"""Words of nearly all questions; a built set goes without the others."""


_RUN = 8
"""Words in a row that no two splits may share."""


class Linted(NamedTuple):
    """Candidates by family that broke no rule, and the reasons of the others."""

    sound: dict[str, list[Candidate]]
    rejected: list[Finding]


def lint(candidates: Sequence[Candidate], theory: Theory) -> Linted:
    """Split candidates into sound and rejected ones; every reason of a rejection is kept."""
    questions = [candidate.question for candidate in candidates]
    found = [
        *check_form({question.id: question.text for question in questions}),
        *check_form(stance_texts(questions)),
        *check_question_length(questions),
        *check_stance_length(questions),
        *check_asks(questions),
        *check_leading(questions),
        *check_value_words(questions, theory),
    ]
    found += [
        Finding(question.id, "usual length", f"{count_words(question.text)} words; expected 12 to 60")
        for question in questions
        if not USUAL_WORDS[0] <= count_words(question.text) <= USUAL_WORDS[1]
    ]
    # A finding about an answer is filed under `id:pole`.
    rejected = [finding._replace(row=finding.row.partition(":")[0]) for finding in found]
    rejected += _shared_runs(questions)
    broken = {finding.row for finding in rejected}
    sound: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.question.id not in broken:
            sound[candidate.question.family].append(candidate)
    return Linted(dict(sound), rejected)


def _shared_runs(questions: Sequence[Question]) -> list[Finding]:
    """Find questions with a run of words in common with an earlier split, which keeps its own."""
    findings: list[Finding] = []
    earlier: set[tuple[str, ...]] = set()
    for split in SPLITS:
        own: set[tuple[str, ...]] = set()
        for question in (question for question in questions if question.split == split):
            runs = {run for run in ngrams(normalise(question.text).split(), _RUN) if len(run) == _RUN}
            shared = runs & earlier
            if shared:
                reason = f"'{' '.join(min(shared))}' stands in an earlier split too"
                findings.append(Finding(question.id, "shared run", reason))
            else:
                own |= runs
        earlier |= own
    return findings
