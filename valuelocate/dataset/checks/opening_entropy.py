"""Entropy of openings: how unpredictable the first three words of a text are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import log2

from valuelocate.dataset.checks.measured import Measured, at_least
from valuelocate.dataset.text import normalise

LEAST_BITS = 9.0


def opening_entropy(texts: Sequence[str], words: int = 3) -> float:
    """Return the entropy of the first words in bits, as counted; n texts give log2(n) at most."""
    counts = Counter(" ".join(normalise(text).split()[:words]) for text in texts)
    return log2(len(texts)) - sum(count * log2(count) for count in counts.values()) / len(texts)


def check_opening_entropy(texts: Sequence[str]) -> Measured:
    """Measure the entropy of the first three words."""
    return at_least(opening_entropy(texts), LEAST_BITS, "opening entropy")
