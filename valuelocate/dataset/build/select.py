"""Selection: of all candidates of the bank, the rows of the full set, exactly to quota."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from valuelocate.dataset.build.compose import Candidate
from valuelocate.dataset.build.quotas import (
    QUESTIONS_PER_VALUE,
    ROWS_PER_SEED,
    rows_per_seed,
    split_evenly,
)
from valuelocate.dataset.records import Question
from valuelocate.dataset.seeds import Seed
from valuelocate.errors import UserError
from valuelocate.values import Theory

NEAR = 0.7
"""Jaccard overlap of word triples from which two questions are too alike to stand in one set."""
NEAR_MASKED = 0.8
"""The same with details and numbers masked: such rows are taken last."""
LEAST_DETAILS = 2
"""Details in which two questions of one seed differ at least."""


class Chosen(NamedTuple):
    """The rows of the set, and why each candidate that was looked at and not taken was not."""

    rows: list[Candidate]
    refused: dict[str, str]
    """By question id: `form used`, `details`, `near-duplicate`, `quota`."""


def select(
    seeds: Sequence[Seed],
    candidates: Mapping[str, Sequence[Candidate]],
    theory: Theory,
    per_value: Mapping[str, int] = QUESTIONS_PER_VALUE,
) -> Chosen:
    """Choose the rows of every split and value: exact numbers by basic value, even over topics and forms.

    A seed's own question comes first. Of the rest, the form that the split and value have least of so far is
    taken, then the candidate least like what its topic and value hold already; ties go by hash.

    Args:
        seeds: the bank.
        candidates: sound candidates by family.
        theory: gives values and their parts.
        per_value: questions of a value, by split.

    Raises:
        UserError: the bank is too small for a cell.
    """
    picker = _Picker(candidates)
    for split, total in per_value.items():
        for value in theory.targets():
            parts: list[str | None] = [member.id for member in theory.members(value.id)] or [None]
            offset = list(per_value).index(split)
            sizes = split_evenly(total, len(parts), offset)
            for place, (part, wanted) in enumerate(zip(parts, sizes, strict=True)):
                cell = [
                    seed
                    for seed in seeds
                    if (seed.split, seed.value) == (split, value.id) and part in (None, seed.basic_value)
                ]
                picker.fill(cell, wanted, f"{value.id}/{part}/{split}", Fraction(place, len(parts)))
    return Chosen(picker.rows, picker.refused)


class _Picker:
    """Takes candidates one by one and remembers what is taken."""

    def __init__(self, candidates: Mapping[str, Sequence[Candidate]]) -> None:
        self.candidates = candidates
        self.rows: list[Candidate] = []
        self.refused: dict[str, str] = {}
        self._forms: dict[tuple[str, str], Counter[str | None]] = defaultdict(Counter)

    def fill(self, seeds: Sequence[Seed], wanted: int, what: str, phase: Fraction) -> None:
        """Take `wanted` rows from the seeds of one cell; cells of other phases round at other seeds."""
        # Topics in turn, so that the running share is even over topics.
        ordered = sorted(seeds, key=lambda seed: (seed.topic, _rank(seed.family)))
        room = [len(self._plan(seed)) for seed in ordered]
        owed = 0
        for seed, share in zip(ordered, rows_per_seed(room, wanted, what, phase), strict=True):
            # Which forms are scarce changes with every row taken, and with it how many a seed can give.
            plan, count = self._plan(seed), share + owed
            for candidate in plan[:count]:
                self._take(candidate)
            for candidate in plan[count:]:
                self.refused[candidate.question.id] = "quota"
            owed = max(0, count - len(plan))
        if owed:
            raise UserError(f"the seed bank is {owed} rows short for {what}: add seeds or asks")

    def _plan(self, seed: Seed) -> list[Candidate]:
        """Return the seed's rows in the order in which they would be taken."""
        left = list(self.candidates.get(seed.family, ()))
        plan: list[Candidate] = []
        while left and len(plan) < ROWS_PER_SEED:
            best = min(left, key=lambda candidate: self._order(candidate, plan))
            plan.append(best)
            left = [c for c in left if c is not best and not self._clash(c, best)]
        return plan

    def _order(
        self, candidate: Candidate, plan: Sequence[Candidate]
    ) -> tuple[bool, bool, int, int, float, str]:
        question = candidate.question
        tellings = sum(other.telling == candidate.telling for other in plan)
        taken = self._forms[question.split, question.value][question.form]
        return (
            not candidate.original,
            any(overlap(candidate.masked, other.masked) >= NEAR_MASKED for other in plan),
            taken,
            tellings,
            self._likeness(candidate, plan),
            _rank(question.id),
        )

    def _likeness(self, candidate: Candidate, plan: Sequence[Candidate]) -> float:
        return max((jaccard(candidate, other) for other in plan), default=0.0)

    def _clash(self, candidate: Candidate, taken: Candidate) -> bool:
        why = None
        if candidate.question.form == taken.question.form:
            why = "form used"
        elif details(candidate.question, taken.question) < LEAST_DETAILS:
            why = "details"
        elif jaccard(candidate, taken) >= NEAR:
            why = "near-duplicate"
        if why:
            self.refused[candidate.question.id] = why
        return why is not None

    def _take(self, candidate: Candidate) -> None:
        question = candidate.question
        self.rows.append(candidate)
        self.refused.pop(question.id, None)
        self._forms[question.split, question.value][question.form] += 1


def jaccard(first: Candidate, second: Candidate) -> float:
    """Return the overlap of two questions' word triples."""
    return overlap(first.shingles, second.shingles)


def overlap(first: frozenset[Any], second: frozenset[Any]) -> float:
    """Return the Jaccard overlap of two sets."""
    both = len(first & second)
    return both / (len(first) + len(second) - both)


def details(first: Question, second: Question) -> int:
    """Return in how many exchangeable details two questions of a seed differ."""
    return sum(first.slots.get(slot) != second.slots.get(slot) for slot in {*first.slots, *second.slots})


def _rank(name: str) -> str:
    return hashlib.sha256(f"valueinsight-1:{name}".encode()).hexdigest()
