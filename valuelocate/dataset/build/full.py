"""ValueInsight in full: every description of the bank, and the questions grown from its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from valuelocate.dataset.build.bank import description_bank
from valuelocate.dataset.build.compose import Candidate, compose
from valuelocate.dataset.build.lint import lint
from valuelocate.dataset.build.quotas import FORMS_OF
from valuelocate.dataset.build.select import select
from valuelocate.dataset.records import Description, Question
from valuelocate.dataset.seeds import Seed, load_seeds
from valuelocate.values import Theory


class Rejected(NamedTuple):
    """A candidate that is not in the set."""

    id: str
    family: str
    reason: str
    text: str


class Full(NamedTuple):
    """The rows of the full set and what became of the rest."""

    seeds: list[Seed]
    descriptions: list[Description]
    questions: list[Question]
    originals: dict[str, Question]
    """By family: the row that is the seed as written, where the set has it."""
    rejected: list[Rejected]


def compose_full(theory: Theory, seeds: Sequence[Seed] | None = None) -> Full:
    """Compose, lint and select; the same bank gives the same rows.

    Args:
        theory: Schwartz's theory.
        seeds: the bank; the shipped one by default.

    Raises:
        UserError: the bank is too small for a cell.
    """
    bank = load_seeds() if seeds is None else list(seeds)
    candidates = [candidate for seed in bank for candidate in compose(seed, FORMS_OF[seed.split])]
    linted = lint(candidates, theory)
    chosen = select(bank, linted.sound, theory)
    reasons = dict(chosen.refused)
    for finding in linted.rejected:
        reasons[finding.row] = f"{finding.check}: {finding.reason}"
    return Full(
        seeds=bank,
        descriptions=description_bank(),
        questions=sorted((row.question for row in chosen.rows), key=lambda question: question.id),
        originals={row.question.family: row.question for row in chosen.rows if row.original},
        rejected=rejected_rows(candidates, reasons),
    )


def rejected_rows(candidates: Sequence[Candidate], reasons: dict[str, str]) -> list[Rejected]:
    """Return the candidates that a reason is told for, sorted by id."""
    found = [
        Rejected(row.question.id, row.question.family, reasons[row.question.id], row.question.text)
        for row in candidates
        if row.question.id in reasons
    ]
    return sorted(found)
