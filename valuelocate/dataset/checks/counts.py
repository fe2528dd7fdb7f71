"""Counts: every cell of value, pole and split has exactly the rows it should have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import POLARITIES, Description, Question
from valuelocate.values import Theory

Cells = dict[tuple[str, ...], int]
"""Rows by value, pole and split."""


def check_description_counts(
    descriptions: Sequence[Description], theory: Theory, per_cell: Mapping[str, int]
) -> list[Finding]:
    """Find cells (value, pole, split) with another number of descriptions than `per_cell` gives by split."""
    found: Cells = _counted((row.value, str(row.polarity), row.split) for row in descriptions)
    expected: Cells = {
        (value.id, polarity, split): count
        for value in theory.targets()
        for polarity in POLARITIES
        for split, count in per_cell.items()
    }
    return _differences(found, expected, "description counts")


def check_question_counts(
    questions: Sequence[Question], theory: Theory, per_value: Mapping[str, int]
) -> list[Finding]:
    """Find cells (value, split) with another number of questions than `per_value` gives by split."""
    found: Cells = _counted((row.value, row.split) for row in questions)
    expected: Cells = {
        (value.id, split): count for value in theory.targets() for split, count in per_value.items()
    }
    return _differences(found, expected, "question counts")


def _counted(cells: Iterable[tuple[str, ...]]) -> Cells:
    return dict(Counter(cells))


def _differences(found: Cells, expected: Cells, check: str) -> list[Finding]:
    return [
        Finding("/".join(cell), check, f"{found.get(cell, 0)} rows; expected {expected.get(cell, 0)}")
        for cell in sorted({*found, *expected})
        if found.get(cell, 0) != expected.get(cell, 0)
    ]
