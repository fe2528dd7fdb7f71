"""Topics: every value has about as many questions of a topic as every other, so that topic tells no value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.records import Question
from valuelocate.dataset.splits import Topics
from valuelocate.values import Theory

ROWS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {"locate": (46, 54), "dev": (28, 34), "eval": (28, 34)}
)
"""Fewest and most questions of a value and topic in the full set, by the topic's split."""


def check_topic_balance(
    questions: Sequence[Question],
    theory: Theory,
    topics: Topics,
    allowed: Mapping[str, tuple[int, int]] = ROWS,
) -> Measured:
    """Count the pairs of value and topic whose number of questions is out of range; it may be none at all."""
    rows = Counter((question.value, question.topic) for question in questions)
    findings = []
    for value in theory.targets():
        for topic in topics.topics.values():
            fewest, most = allowed[topic.split]
            found = rows[value.id, topic.id]
            if not fewest <= found <= most:
                reason = f"{found} rows; expected {fewest} to {most}"
                findings.append(Finding(f"{value.id}/{topic.id}", "topic balance", reason))
    return Measured(len(findings), findings)
