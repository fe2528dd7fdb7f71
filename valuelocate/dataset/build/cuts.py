"""The smaller sets cut from the full one: each holds the next smaller one, row for row."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final, NamedTuple

from valuelocate.dataset.build.draw import Shares, draw_descriptions, draw_seeds
from valuelocate.dataset.build.full import Full
from valuelocate.dataset.build.quotas import DESCRIPTIONS_PER_CELL, QUESTIONS_PER_VALUE
from valuelocate.dataset.records import SPLITS, Description, Question
from valuelocate.dataset.seeds import Seed
from valuelocate.values import Theory


class Counts(NamedTuple):
    """Rows by split."""

    descriptions_per_cell: Mapping[str, int]
    """For every value and pole."""
    questions_per_value: Mapping[str, int]


class Rows(NamedTuple):
    """The rows of a set."""

    descriptions: list[Description]
    questions: list[Question]


MINI: Final = Counts({"locate": 4, "dev": 1, "eval": 3}, {"locate": 24, "dev": 8, "eval": 18})
SMALL: Final = Counts({"locate": 16, "dev": 3, "eval": 5}, {"locate": 360, "dev": 40, "eval": 100})
FULL: Final = Counts(DESCRIPTIONS_PER_CELL, QUESTIONS_PER_VALUE)
COUNTS: Final[Mapping[str, Counts]] = MappingProxyType(
    {"mini": MINI, "small": SMALL, "full": FULL, "moral_foundations_mini": MINI}
)
"""Of the sets over a theory's values: those of the main bank, smallest first, then those of other banks."""

_LOCATED_WITH: Final[Shares] = {"absence": Fraction(1, 2), "rejection": Fraction(1, 2)}
"""Negative descriptions of the mini set: those that locating reads."""
_ALL_KINDS: Final[Shares] = {
    "absence": Fraction(3, 10),
    "rejection": Fraction(3, 10),
    "opposite_pole": Fraction(4, 10),
}


def cut(full: Full, theory: Theory, name: str) -> Rows:
    """Return the rows of `mini`, `small` or `full`, or of a set with the counts of `mini` of another bank.

    Questions of the smaller sets are seeds as they were written, each of its own family.

    Raises:
        UserError: the bank is too small.
    """
    if name == "full":
        return Rows(full.descriptions, full.questions)
    drawn = Rows([], [])
    for split in SPLITS:
        seeds: list[Seed] = []
        descriptions: list[Description] = []
        bank = [row for row in full.descriptions if row.split == split]
        originals = [seed for seed in full.seeds if seed.split == split and seed.family in full.originals]
        steps = ((MINI, _LOCATED_WITH), (SMALL, _ALL_KINDS))[: 2 if name == "small" else 1]
        for counts, shares in steps:
            seeds = draw_seeds(originals, theory, counts.questions_per_value[split], seeds)
            descriptions = draw_descriptions(
                bank, theory, counts.descriptions_per_cell[split], shares, descriptions
            )
        drawn.descriptions.extend(descriptions)
        drawn.questions.extend(full.originals[seed.family] for seed in seeds)
    return drawn
