"""The manifest of a built dataset: counts, and hashes by which a changed row is seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from valuelocate.dataset.build.bank import by_split
from valuelocate.dataset.build.release import LANGUAGE, LICENSE, VERSION
from valuelocate.dataset.records import SPLITS, Description, Question, Record, to_row
from valuelocate.store import digest


def split_hash(records: Sequence[Record]) -> str:
    """Return the SHA-256 over the sorted rows of a split."""
    return digest(sorted(digest(to_row(record)) for record in records))


def manifest_of(
    name: str, descriptions: Sequence[Description], questions: Sequence[Question]
) -> dict[str, Any]:
    """Return name, version, licence, counts by split and by value, and the SHA-256 of each split."""
    records: list[Record] = [*descriptions, *questions]
    cells = Counter(f"{row.value}/{row.kind}/{row.split}" for row in records)
    return {
        "name": name,
        "version": VERSION,
        "license": LICENSE,
        "lang": LANGUAGE,
        "counts": {
            "descriptions": {split: len(by_split(descriptions, split)) for split in SPLITS},
            "questions": {split: len(by_split(questions, split)) for split in SPLITS},
            "cells": dict(sorted(cells.items())),
        },
        "sha256": {split: split_hash(by_split(records, split)) for split in SPLITS},
    }


def jsonl(records: Sequence[Record]) -> str:
    """Return records as JSON Lines, sorted by id."""
    ordered = sorted(records, key=lambda record: record.id)
    return "".join(f"{json.dumps(to_row(record), ensure_ascii=False)}\n" for record in ordered)
