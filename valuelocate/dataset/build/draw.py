"""Seeded draws of small sets, even over parts of a value, topics, kinds of negative text, and halves."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction

from valuelocate.dataset.records import Description
from valuelocate.dataset.seeds import Seed
from valuelocate.errors import UserError
from valuelocate.values import Theory

DRAW = "valueinsight-mini-1"
"""Seeds every draw; another word would give another, equally good, selection."""

Shares = Mapping[str, Fraction]
"""Of the kinds of negative description; they sum to 1."""


def draw_seeds(
    seeds: Sequence[Seed], theory: Theory, per_value: int, start: Sequence[Seed] = ()
) -> list[Seed]:
    """Draw seeds of every value, even over basic values, halves, kinds of negative, topics and forms.

    Args:
        seeds: the bank of a split.
        theory: gives the values.
        per_value: seeds of each value in the result.
        start: seeds that the result begins with, so that a larger draw holds a smaller one.

    Raises:
        UserError: the bank is too small.
    """
    drawn = list(start)
    topic_uses = Counter(seed.topic for seed in drawn)
    form_uses = Counter(seed.form for seed in drawn)
    taken = {seed.family for seed in drawn}
    for value in theory.targets():
        own = [seed for seed in drawn if seed.value == value.id]
        left = [seed for seed in seeds if seed.value == value.id and seed.family not in taken]
        if len(own) + len(left) < per_value:
            raise UserError(f"the seed bank has too few seeds for {value.id}: {per_value} are wanted")
        basics = Counter(seed.basic_value for seed in own)
        cells = Counter((seed.basic_value, seed.half, seed.neg_kind) for seed in own)
        topics = Counter(seed.topic for seed in own)
        for _ in range(per_value - len(own)):
            seed = min(
                left,
                key=lambda s: (
                    basics[s.basic_value],
                    cells[s.basic_value, s.half, s.neg_kind],
                    topics[s.topic],
                    topic_uses[s.topic],
                    form_uses[s.form],
                    _rank(s.family),
                ),
            )
            left.remove(seed)
            basics[seed.basic_value] += 1
            cells[seed.basic_value, seed.half, seed.neg_kind] += 1
            for uses, name in ((topics, seed.topic), (topic_uses, seed.topic), (form_uses, seed.form)):
                uses[name] += 1
            drawn.append(seed)
    return drawn


def draw_descriptions(
    bank: Sequence[Description],
    theory: Theory,
    per_cell: int,
    shares: Shares,
    start: Sequence[Description] = (),
) -> list[Description]:
    """Draw descriptions of both poles of every value, in pairs about the same topic.

    Poles that share their topics cannot be told apart by topic.

    Args:
        bank: the descriptions of a split.
        theory: gives the values.
        per_cell: descriptions of each value and pole in the result.
        shares: of the kinds of negative description; a kind with share 0 is not drawn.
        start: descriptions that the result begins with.

    Raises:
        UserError: the bank is too small.
    """
    drawn = list(start)
    taken = {row.id for row in drawn}
    for value in theory.targets():
        own = [row for row in drawn if row.value == value.id and row.polarity == "neg"]
        kinds = Counter(row.neg_kind for row in own)
        basics = Counter(row.basic_value for row in own)
        for _ in range(per_cell - len(own)):
            pairs = [pair for pair in _pairs(bank, value.id, taken) if shares.get(str(pair[1].neg_kind))]
            if not pairs:
                raise UserError(f"the descriptions have too few pairs for {value.id}: {per_cell} are wanted")
            pair = min(
                pairs,
                key=lambda pair: (
                    Fraction(kinds[pair[1].neg_kind] + 1) / shares[str(pair[1].neg_kind)],
                    basics[pair[1].basic_value],
                    _rank(pair[1].id),
                ),
            )
            kinds[pair[1].neg_kind] += 1
            basics[pair[1].basic_value] += 1
            taken |= {row.id for row in pair}
            drawn += pair
    return drawn


def _pairs(bank: Sequence[Description], value: str, taken: set[str]) -> list[tuple[Description, Description]]:
    """Return for each negative description left a positive one of its topic, if possible its basic value."""
    left = [row for row in bank if row.value == value and row.id not in taken]
    positives = [row for row in left if row.polarity == "pos"]
    pairs = []
    for negative in (row for row in left if row.polarity == "neg"):
        same = [row for row in positives if row.family == negative.family]
        if same:
            best = min(same, key=lambda row: (row.basic_value != negative.basic_value, _rank(row.id)))
            pairs.append((best, negative))
    return pairs


def _rank(name: str) -> str:
    return hashlib.sha256(f"{DRAW}:{name}".encode()).hexdigest()
