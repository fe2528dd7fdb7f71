"""Families: the questions of one seed are few, ask for different things, and differ in their details."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.records import Question

MOST_ROWS = 6
"""Questions that may grow from one seed."""
LEAST_DETAILS = 2
"""Slots in which any two of them differ at least."""


def check_family_size(questions: Sequence[Question]) -> Measured:
    """Measure the number of questions of the largest family."""
    sizes = Counter(question.family for question in questions)
    findings = [
        Finding(family, "family size", f"{size} rows; at most {MOST_ROWS}")
        for family, size in sorted(sizes.items())
        if size > MOST_ROWS
    ]
    return Measured(max(sizes.values(), default=0), findings)


def check_family_forms(questions: Sequence[Question]) -> Measured:
    """Count the questions whose form another question of their family has."""
    findings = [
        Finding(row.id, "family forms", f"{family} asks for '{row.form}' more than once")
        for family, rows in _families(questions)
        for row in rows
        if sum(other.form == row.form for other in rows) > 1
    ]
    return Measured(len(findings), findings)


def check_family_details(questions: Sequence[Question]) -> Measured:
    """Count the pairs of a family that differ in fewer than two slots; one slot missing is a difference."""
    findings = []
    for family, rows in _families(questions):
        for first, second in combinations(rows, 2):
            slots = {*first.slots, *second.slots}
            different = sum(first.slots.get(slot) != second.slots.get(slot) for slot in slots)
            if different < LEAST_DETAILS:
                reason = f"differs from {first.id} of {family} in {different} slots; at least {LEAST_DETAILS}"
                findings.append(Finding(second.id, "family details", reason))
    return Measured(len(findings), findings)


def _families(questions: Sequence[Question]) -> Iterator[tuple[str, list[Question]]]:
    families: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        families[question.family].append(question)
    yield from sorted(families.items())
