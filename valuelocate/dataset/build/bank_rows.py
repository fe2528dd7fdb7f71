"""Rows of text that a set is built from, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valuelocate.dataset.fields import FieldRule, read_fields, shown
from valuelocate.dataset.reading import read_lines
from valuelocate.errors import MistakesError


def bank_rows(path: Path, rules: Mapping[str, FieldRule]) -> list[dict[str, Any]]:
    """Return the rows of a JSON Lines file, defaults filled in.

    Raises:
        MistakesError: one message a bad row, with file, line, field and reason.
    """
    rows: list[dict[str, Any]] = []
    messages: list[str] = []
    for line in read_lines(path):
        found: dict[str, Any] = {}
        if line.mistake is not None:
            mistakes = [line.mistake]
        elif not isinstance(line.row, Mapping):
            mistakes = [f"expected a JSON object, found {shown(line.row)}"]
        else:
            found, mistakes = read_fields(line.row, rules)
        if mistakes:
            messages.append(f"{line.place}: {'; '.join(mistakes)}")
        rows.append(found)
    if messages:
        raise MistakesError(messages, heading=f"{len(messages)} bad rows in {path}:")
    return rows
