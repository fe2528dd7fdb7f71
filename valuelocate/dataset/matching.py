"""Minimal pairs: families of descriptions that hold exactly one of each pole."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from valuelocate.dataset.records import Description
from valuelocate.errors import MistakesError


class MatchedPair(NamedTuple):
    """The two descriptions of a family."""

    positive: Description
    negative: Description


def matched_pairs(positive: Sequence[Description], negative: Sequence[Description]) -> list[MatchedPair]:
    """Return the descriptions by families, sorted by family.

    Raises:
        MistakesError: a family does not hold exactly one description of each pole.
    """
    families: dict[str, tuple[list[Description], list[Description]]] = defaultdict(lambda: ([], []))
    for pole, rows in enumerate((positive, negative)):
        for row in rows:
            families[row.family][pole].append(row)
    mistakes = [
        f"family '{family}' has {len(held[0])} pos and {len(held[1])} neg descriptions to locate with"
        for family, held in sorted(families.items())
        if (len(held[0]), len(held[1])) != (1, 1)
    ]
    if mistakes:
        raise MistakesError(
            mistakes,
            heading="dataset.matched=true: expected families of exactly one description of each pole; give "
            "the two rows of a pair one `family`, or set dataset.matched=false:",
        )
    return [MatchedPair(*held[0], *held[1]) for _, held in sorted(families.items())]
