"""Pairs of prompts that differ in the pole of the description alone."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass

from valuelocate.dataset import Description, Question
from valuelocate.errors import UserError


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
) -> list[ContrastPair]:
    """Give every question one description of each pole, each used about equally often.

    The draw is seeded and paired (Su et al. 2025 draw one of 80 descriptions a question and pole, unseeded).

    Raises:
        UserError: a pole has no description, or there are no questions.
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
    draws = [
        _spread(descriptions, len(ordered), seed, pole)
        for pole, descriptions in enumerate((positive, negative))
    ]
    return [ContrastPair(*row) for row in zip(ordered, *draws, strict=True)]


def _spread(descriptions: Sequence[Description], count: int, seed: int, pole: int) -> list[Description]:
    """Repeat the descriptions in newly shuffled rounds until there are `count`."""
    generator = random.Random(f"{seed}:{pole}")
    drawn: list[Description] = []
    while len(drawn) < count:
        drawn += generator.sample(sorted(descriptions, key=lambda row: row.id), len(descriptions))
    return drawn[:count]
