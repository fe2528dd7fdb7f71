"""Pairs of prompts that differ in the pole of the description alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from valuelocate.dataset import Description, Question
from valuelocate.dataset.matching import matched_pairs
from valuelocate.errors import UserError

Drawn = TypeVar("Drawn")


@dataclass(frozen=True)
class ContrastPair:
    """A question under one description of each pole."""

    question: Question
    positive: Description
    negative: Description

    def swapped(self, seed: int) -> bool:
        """Whether the shuffled control swaps the poles of this question: a fair coin from its id."""
        return hashlib.sha256(f"{seed}:{self.question.id}".encode()).digest()[0] % 2 == 1


def draw_pairs(
    questions: Sequence[Question],
    positive: Sequence[Description],
    negative: Sequence[Description],
    *,
    seed: int,
    matched: bool = False,
) -> list[ContrastPair]:
    """Give every question one description of each pole, each used about equally often.

    The draw is seeded and paired (Su et al. 2025 draw one of 80 descriptions a question and pole, unseeded).

    Args:
        questions: what is asked.
        positive: descriptions.
        negative: descriptions.
        seed: of the draw.
        matched: draw the two descriptions of one family together; they are then minimal pairs.

    Raises:
        UserError: a pole has no description, there are no questions, or descriptions are to be matched and a
            family does not hold one of each pole.
    """
    for name, rows in (
        ("questions", questions),
        ("positive descriptions", positive),
        ("negative descriptions", negative),
    ):
        if not rows:
            raise UserError(
                f"dataset: no {name} to locate with; check dataset.path, dataset.neg_kinds and the split"
            )
    ordered = sorted(questions, key=lambda question: question.id)
    if matched:
        both = _spread(matched_pairs(positive, negative), len(ordered), f"{seed}:matched")
        return [ContrastPair(question, *pair) for question, pair in zip(ordered, both, strict=True)]
    draws = [
        _spread(sorted(rows, key=lambda row: row.id), len(ordered), f"{seed}:{pole}")
        for pole, rows in enumerate((positive, negative))
    ]
    return [ContrastPair(*row) for row in zip(ordered, *draws, strict=True)]


def _spread(ordered: Sequence[Drawn], count: int, seed: str) -> list[Drawn]:
    """Repeat what is drawn from in newly shuffled rounds until there are `count`."""
    generator = random.Random(seed)
    drawn: list[Drawn] = []
    while len(drawn) < count:
        drawn += generator.sample(ordered, len(ordered))
    return drawn[:count]
