"""Splits: a topic, a family and everything grown from it stay in one split."""

from __future__ import annotations

from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Question, Record
from valuelocate.dataset.splits import Topics


def check_splits(records: Sequence[Record], topics: Topics) -> list[Finding]:
    """Find descriptions and questions outside their topic's split or domain, and families in two splits."""
    findings: list[Finding] = []
    split_of_family: dict[str, str] = {}
    for record in records:
        findings += [Finding(record.id, "splits", reason) for reason in _topic_reasons(record, topics)]
        earlier = split_of_family.setdefault(record.family, record.split)
        if earlier != record.split:
            reason = f"family '{record.family}' is in '{earlier}' and in '{record.split}'"
            findings.append(Finding(record.id, "splits", reason))
    return findings


def _topic_reasons(record: Record, topics: Topics) -> list[str]:
    if record.topic is None or record.topic not in topics.topics:
        return [f"topic '{record.topic}' is not in topics.yaml"]
    topic = topics.topic(record.topic)
    reasons = []
    if record.split != topic.split:
        reasons.append(f"split is '{record.split}', but topic '{topic.id}' belongs to '{topic.split}'")
    if isinstance(record, Question) and record.domain != topic.domain:
        reasons.append(f"domain is '{record.domain}', but topic '{topic.id}' belongs to '{topic.domain}'")
    return reasons
