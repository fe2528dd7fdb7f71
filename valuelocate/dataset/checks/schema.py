"""Fields: a row has exactly the fields of the schema, and its id follows from its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Description, Question, parse_record, record_id
from valuelocate.errors import MistakesError
from valuelocate.values import Theory


def check_schema(rows: Sequence[Mapping[str, Any]], theory: Theory) -> list[Finding]:
    """Find rows, as JSON objects, with fields missing or wrong, or without the id of their text."""
    findings: list[Finding] = []
    for row_id, count in Counter(str(row.get("id")) for row in rows).items():
        if count > 1:
            findings.append(Finding(row_id, "schema", f"id occurs {count} times"))
    for row in rows:
        findings += [Finding(str(row.get("id")), "schema", reason) for reason in _reasons(row, theory)]
    return findings


def _reasons(row: Mapping[str, Any], theory: Theory) -> list[str]:
    kind = Question if row.get("kind") == "question" else Description
    missing = [column.name for column in fields(kind) if column.name not in row]
    if missing:
        return [f"fields missing: {', '.join(missing)}"]
    try:
        record = parse_record(row, theory)
    except MistakesError as error:
        return list(error.messages)
    reasons = []
    if record.id != (expected := record_id(record.kind, record.lang, record.text)):
        reasons.append(f"id is not that of its text, {expected}")
    if record.value != row["value"] or record.basic_value != row["basic_value"]:
        reasons.append("value or basic_value is not named by its id")
    if record.basic_value is None and theory.members(record.value):
        reasons.append("basic_value is null")
    return reasons
