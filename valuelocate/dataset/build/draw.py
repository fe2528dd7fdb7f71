"""Seeded draws from the bank, even over basic values, kinds of negative text, and halves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from valuelocate.dataset.records import Description
from valuelocate.dataset.seeds import Seed
from valuelocate.errors import UserError
from valuelocate.values import Theory

DRAW = "valueinsight-mini-1"
"""Seeds every draw; another word would give another, equally good, selection."""

HALVES = ("model", "judge")
NEG_KINDS = ("absence", "rejection")
"""Negative answers and descriptions that the mini set locates with, each as often as the other."""

HELD_OUT_FORMS = frozenset(
    {"change_mind", "draw_the_line", "regret", "write_note", "finish_story", "diary_line"}
)
"""Forms kept for `eval`, so that it also asks in ways that locating has not seen."""


class _Cell(NamedTuple):
    basic_value: str
    half: str
    neg_kind: str


def draw_seeds(seeds: Sequence[Seed], theory: Theory, per_value: int) -> list[Seed]:
    """Draw seeds of every value, at most one a topic, even over basic values, halves and kinds of negative.

    The topics, then the forms used least so far come first, so that the draw is as broad as the bank allows.

    Raises:
        UserError: the bank is too small.
    """
    topic_uses: Counter[str] = Counter()
    form_uses: Counter[str] = Counter()
    drawn: list[Seed] = []
    for value in theory.targets():
        basics = [member.id for member in theory.members(value.id)]
        cells = [_Cell(*cell) for cell in product(basics, HALVES, NEG_KINDS)]
        taken: set[str] = set()
        for cell in (cells[index % len(cells)] for index in range(per_value)):
            candidates = [seed for seed in seeds if _fits(seed, cell) and seed.topic not in taken]
            if not candidates:
                raise UserError(
                    f"the seed bank has too few seeds for {'/'.join(cell)}: add some in further topics"
                )
            seed = min(candidates, key=lambda s: (topic_uses[s.topic], form_uses[s.form], _rank(s.family)))
            taken.add(seed.topic)
            topic_uses[seed.topic] += 1
            form_uses[seed.form] += 1
            drawn.append(seed)
    return drawn


def draw_descriptions(bank: Sequence[Description], theory: Theory, per_cell: int) -> list[Description]:
    """Draw descriptions of both poles of every value, in pairs about the same topic.

    Of the negative ones, half are absence and half rejection; pairs are spread over basic values. Poles that
    share their topics cannot be told apart by topic.

    Raises:
        UserError: the bank is too small.
    """
    positives = {row.family: row for row in bank if row.polarity == "pos"}
    drawn: list[Description] = []
    for value in theory.targets():
        basic_uses: Counter[str | None] = Counter()
        taken: set[str] = set()
        for neg_kind in (NEG_KINDS[index % len(NEG_KINDS)] for index in range(per_cell)):
            candidates = [
                row
                for row in bank
                if (row.value, row.neg_kind) == (value.id, neg_kind)
                and row.family in positives
                and row.family not in taken
            ]
            if not candidates:
                raise UserError(f"the descriptions have too few pairs for {value.id}/{neg_kind}: add some")
            negative = min(candidates, key=lambda row: (basic_uses[row.basic_value], _rank(row.id)))
            taken.add(negative.family)
            basic_uses[negative.basic_value] += 1
            drawn += [positives[negative.family], negative]
    return drawn


def _fits(seed: Seed, cell: _Cell) -> bool:
    return (seed.basic_value, seed.half, seed.neg_kind) == cell and seed.form not in HELD_OUT_FORMS


def _rank(name: str) -> str:
    return hashlib.sha256(f"{DRAW}:{name}".encode()).hexdigest()
