"""The bank: every shipped seed as a question, and every shipped description as a record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from valuelocate.dataset import fields as rule
from valuelocate.dataset.fields import FieldRule, read_fields, shown
from valuelocate.dataset.reading import read_lines
from valuelocate.dataset.records import (
    NEG_KINDS,
    POLARITIES,
    SPLITS,
    Description,
    Question,
    Stances,
    record_id,
)
from valuelocate.dataset.seeds import Seed, load_seeds
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import load_topics
from valuelocate.errors import MistakesError

VERSION: Final = "0.1.0"
LICENSE: Final = "CC-BY-4.0"
LANGUAGE: Final = "en"

_RULES: Final[dict[str, FieldRule]] = {
    "value": rule.text(),
    "basic_value": rule.text(),
    "polarity": rule.one_of(*POLARITIES),
    "neg_kind": rule.one_of(*NEG_KINDS, None),
    "topic": rule.text(),
    "text": rule.text(),
}


def question_of(seed: Seed) -> Question:
    """Return the question that a seed stands for, with both answers."""
    return Question(
        id=record_id("question", LANGUAGE, seed.question),
        value=seed.value,
        basic_value=seed.basic_value,
        refined_value=None,
        text=seed.question,
        topic=seed.topic,
        domain=load_topics().domain_of(seed.topic),
        form=seed.form,
        tension=(seed.basic_value, seed.against),
        stances=Stances(pos=seed.pos, neg=seed.neg),
        stakes=seed.stakes,
        person=seed.person,
        lang=LANGUAGE,
        split=seed.split,
        family=seed.family,
        seed_id=seed.family,
        source="llm",
        generator=None,
        license=LICENSE,
        version=VERSION,
    )


def question_bank() -> list[Question]:
    """Return all seeds as questions, sorted by id."""
    return sorted((question_of(seed) for seed in load_seeds()), key=lambda question: question.id)


def description_bank(folder: Path = DATA / "descriptions") -> list[Description]:
    """Return the descriptions of all splits, sorted by id; descriptions of a value and topic are one family.

    Raises:
        MistakesError: one message a bad row, with file, line, field and reason.
    """
    records: list[Description] = []
    messages: list[str] = []
    for split in SPLITS:
        for line in read_lines(folder / f"{split}.jsonl"):
            mistakes = [line.mistake] if line.mistake else _row_mistakes(line.row)
            if mistakes:
                messages.append(f"{line.place}: {'; '.join(mistakes)}")
            else:
                records.append(_description(line.row, split))
    if messages:
        raise MistakesError(messages, heading=f"{len(messages)} bad descriptions in {folder}:")
    return sorted(records, key=lambda record: record.id)


def described_family(value: str, topic: str) -> str:
    """Return the family of the descriptions of a value about a topic."""
    return f"description-{topic}-{hashlib.sha256(f'{value}/{topic}'.encode()).hexdigest()[:8]}"


def by_split(records: Sequence[Any], split: str) -> list[Any]:
    """Return the records of a split."""
    return [record for record in records if record.split == split]


def _row_mistakes(row: Any) -> list[str]:
    if not isinstance(row, Mapping):
        return [f"expected a JSON object, found {shown(row)}"]
    return read_fields(row, _RULES)[1]


def _description(row: Mapping[str, Any], split: Any) -> Description:
    return Description(
        **row,
        id=record_id("description", LANGUAGE, row["text"]),
        refined_value=None,
        lang=LANGUAGE,
        split=split,
        family=described_family(row["value"], row["topic"]),
        source="llm",
        generator=None,
        license=LICENSE,
        version=VERSION,
    )
