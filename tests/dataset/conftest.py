"""Rows that are right, for tests to make one mistake in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from valuelocate.dataset import Description, Question, Topics, load_topics, parse_record
from valuelocate.values import Theory, load_theory

QUESTION = (
    "A neighbour offers you her allotment for the summer while she is away, with water, tools and a shed "
    "full of seeds. What do you do with it?"
)
DESCRIPTION = (
    "On most mornings I take the long road to work, since I like to see what is new along the canal. "
    "My sister laughs at me for it. Last year I gave up a good seat on the early bus to keep walking, and "
    "my feet were wet for a month. I was happy."
)


@pytest.fixture(scope="session")
def theory() -> Theory:
    return load_theory()


@pytest.fixture(scope="session")
def topics() -> Topics:
    return load_topics()


@pytest.fixture
def description_row() -> Callable[..., dict[str, Any]]:
    def make(**changes: Any) -> dict[str, Any]:
        row = {
            "kind": "description",
            "value": "openness_to_change",
            "basic_value": "stimulation",
            "polarity": "pos",
            "neg_kind": None,
            "text": DESCRIPTION,
            "topic": "commuting",
            "split": "locate",
        }
        return row | changes

    return make


@pytest.fixture
def question_row() -> Callable[..., dict[str, Any]]:
    def make(**changes: Any) -> dict[str, Any]:
        row = {
            "kind": "question",
            "value": "openness_to_change",
            "basic_value": "self_direction",
            "text": QUESTION,
            "topic": "pets",
            "domain": "home",
            "form": "open_intention",
            "split": "locate",
            "stances": {
                "pos": "I would plant what nobody here has ever grown.",
                "neg": "I would water it and keep the lawn short.",
            },
        }
        return row | changes

    return make


@pytest.fixture
def description(description_row: Callable[..., dict[str, Any]], theory: Theory) -> Callable[..., Description]:
    def make(**changes: Any) -> Description:
        record = parse_record(description_row(**changes), theory)
        assert isinstance(record, Description)
        return record

    return make


@pytest.fixture
def question(question_row: Callable[..., dict[str, Any]], theory: Theory) -> Callable[..., Question]:
    def make(**changes: Any) -> Question:
        record = parse_record(question_row(**changes), theory)
        assert isinstance(record, Question)
        return record

    return make


@pytest.fixture
def write_jsonl(tmp_path: Path) -> Callable[..., Path]:
    def write(rows: Iterable[Any], name: str = "rows.jsonl") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return path

    return write
