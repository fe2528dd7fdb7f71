"""Vocabulary: how many different words a set really uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from valuelocate.dataset.checks.measured import Measured, at_least
from valuelocate.dataset.text import normalise

LEAST_USES = 3
LEAST_TYPES = 6_000


def vocabulary(texts: Sequence[str], uses: int = LEAST_USES) -> int:
    """Return the number of different words used at least `uses` times."""
    counts = Counter(word for text in texts for word in normalise(text).split())
    return sum(count >= uses for count in counts.values())


def check_vocabulary(texts: Sequence[str]) -> Measured:
    """Measure the number of words with three or more uses."""
    return at_least(vocabulary(texts), LEAST_TYPES, "vocabulary")
