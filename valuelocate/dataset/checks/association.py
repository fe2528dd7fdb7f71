"""Association: how much topic, form or person tell about the value of a question, in bits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from math import log, log2

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.records import Question

LIMIT = 0.01
"""Bits; the mutual information must stay below."""


def mutual_information(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """Return the mutual information of two paired variables in bits, with the correction of Miller (1955).

    The plug-in estimate of an entropy is too low by about (outcomes seen - 1) / (2 n ln 2), which is added to
    each of the three. Independent variables can thereby give a figure slightly below zero.

    Raises:
        ValueError: the variables differ in length.
    """
    pairs = list(zip(first, second, strict=True))
    return _entropy(first) + _entropy(second) - _entropy(pairs)


def check_association(questions: Sequence[Question], field: str) -> Measured:
    """Measure what a field of the questions (`topic`, `form`, `person`) tells about their value."""
    bits = mutual_information([getattr(q, field) for q in questions], [q.value for q in questions])
    if bits < LIMIT:
        return Measured(bits, [])
    reason = f"tells {bits:.4f} bit about the value; below {LIMIT}"
    return Measured(bits, [Finding(field, "association", reason)])


def _entropy(outcomes: Sequence[Hashable]) -> float:
    counts = Counter(outcomes).values()
    total = len(outcomes)
    plug_in = log2(total) - sum(count * log2(count) for count in counts) / total
    return plug_in + (len(counts) - 1) / (2 * total * log(2))
