"""The bank of descriptions: every one that the package ships, as a record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from valuelocate.dataset import fields as rule
from valuelocate.dataset.build.release import LANGUAGE, LICENSE, VERSION
from valuelocate.dataset.fields import FieldRule, read_fields, shown
from valuelocate.dataset.reading import Line, read_lines
from valuelocate.dataset.records import (
    NEG_KINDS,
    POLARITIES,
    SPLITS,
    Description,
    record_id,
)
from valuelocate.dataset.shipped import DATA
from valuelocate.errors import MistakesError

_RULES: Final[dict[str, FieldRule]] = {
    "value": rule.text(),
    "basic_value": rule.text_or_null(rule.REQUIRED),
    "refined_value": rule.text_or_null(),
    "polarity": rule.one_of(*POLARITIES),
    "neg_kind": rule.one_of(*NEG_KINDS, None),
    "topic": rule.text(),
    "text": rule.text(),
}


def description_bank(folder: Path = DATA / "descriptions") -> list[Description]:
    """Return the descriptions of all splits, sorted by id; descriptions of a value and topic are one family.

    Raises:
        MistakesError: one message a bad row, with file, line, field and reason.
    """
    lines = ((line, split) for split in SPLITS for line in read_lines(folder / f"{split}.jsonl"))
    return _described(lines, folder)


def description_file(path: Path) -> list[Description]:
    """Return the descriptions of one file whose rows tell their split, as `description_bank` does.

    Raises:
        MistakesError: one message a bad row, with file, line, field and reason.
    """
    return _described(((line, None) for line in read_lines(path)), path)


def described_family(value: str, topic: str) -> str:
    """Return the family of the descriptions of a value about a topic."""
    return f"description-{topic}-{hashlib.sha256(f'{value}/{topic}'.encode()).hexdigest()[:8]}"


def by_split(records: Sequence[Any], split: str) -> list[Any]:
    """Return the records of a split."""
    return [record for record in records if record.split == split]


def _described(lines: Iterable[tuple[Line, str | None]], place: Path) -> list[Description]:
    """Read lines of a known split, or, where that is None, lines that have a field for it."""
    records: list[Description] = []
    messages: list[str] = []
    for line, split in lines:
        rules = _RULES if split else {**_RULES, "split": rule.one_of(*SPLITS)}
        mistakes = [line.mistake] if line.mistake else _row_mistakes(line.row, rules)
        if mistakes:
            messages.append(f"{line.place}: {'; '.join(mistakes)}")
        else:
            records.append(_description({"split": split, **line.row}))
    if messages:
        raise MistakesError(messages, heading=f"{len(messages)} bad descriptions in {place}:")
    return sorted(records, key=lambda record: record.id)


def _row_mistakes(row: Any, rules: Mapping[str, FieldRule]) -> list[str]:
    if not isinstance(row, Mapping):
        return [f"expected a JSON object, found {shown(row)}"]
    return read_fields(row, rules)[1]


def _description(row: Mapping[str, Any]) -> Description:
    return Description(
        **{"refined_value": None, **row},
        id=record_id("description", LANGUAGE, row["text"]),
        lang=LANGUAGE,
        family=described_family(row["value"], row["topic"]),
        source="llm",
        generator=None,
        license=LICENSE,
        version=VERSION,
    )
