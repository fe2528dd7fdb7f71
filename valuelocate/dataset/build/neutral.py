"""The set `neutral`: questions and descriptions with no value at stake, for a control."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from valuelocate.dataset import fields as rule
from valuelocate.dataset.build.bank import by_split
from valuelocate.dataset.build.bank_rows import bank_rows
from valuelocate.dataset.build.card import listed, markdown_table, spread
from valuelocate.dataset.build.cuts import Rows
from valuelocate.dataset.build.release import LANGUAGE, LICENSE, VERSION
from valuelocate.dataset.build.sets import Built
from valuelocate.dataset.checks.balance import check_question_mean
from valuelocate.dataset.checks.balance_gates import balance_gates
from valuelocate.dataset.checks.duplicates import check_exact_duplicates, check_near_duplicates
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.first_person import check_first_person
from valuelocate.dataset.checks.form import check_asks, check_form
from valuelocate.dataset.checks.gate import Gate, percent, run_all
from valuelocate.dataset.checks.length import check_description_length, check_question_length
from valuelocate.dataset.checks.openings import check_commonest_opening, check_ten_openings
from valuelocate.dataset.checks.overlap import check_overlap
from valuelocate.dataset.checks.schema import check_schema
from valuelocate.dataset.checks.suite import Checked, CheckRow
from valuelocate.dataset.checks.validity_gates import validity_gates
from valuelocate.dataset.checks.value_words import check_value_words
from valuelocate.dataset.fields import FieldRule
from valuelocate.dataset.records import SPLITS, Description, Kind, Question, Record, record_id, to_row
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.text import count_words, sentences
from valuelocate.values import NO_VALUE, Theory

BANK: Final = DATA / "variants"
FORMS: Final = (
    *("explain", "list", "describe", "convert", "rewrite", "locate_thing", "compare_facts", "how_to"),
)
"""What a question asks for."""
QUESTIONS: Final[Mapping[str, int]] = {"locate": 120, "dev": 20, "eval": 60}
DESCRIPTIONS: Final[Mapping[str, int]] = {"locate": 28, "dev": 4, "eval": 8}

_SHARED: Final[dict[str, FieldRule]] = {
    "text": rule.text(),
    "topic": rule.text(),
    "split": rule.one_of(*SPLITS),
}
_GATES: Final = frozenset(
    {
        "rows outside 12 to 60 words",
        "SD of question length",
        "language as told",
        "brands, living people, parties, wars",
        "harmful subjects",
        "school grade of questions, median",
        "school grade of questions at or below 12",
    }
)
"""Those that mean something for text without a value."""
_OPENINGS: Final = {
    "commonest first two words": ("at most 4 %", check_commonest_opening),
    "ten commonest first two words": ("at most 25 %", check_ten_openings),
}
_TASKS: Final = re.compile(
    r"\b(?:add|change|convert|correct|describe|express|fix|halve|join|list|name|replace|rewrite|shorten"
    r"|summarise)\b",
    re.IGNORECASE,
)
_NOT_RUN: Final = CheckRow("no value at stake", "95 % of rows", "not run: needs two blind readers", None)


def compose_neutral(theory: Theory, bank: Path = BANK) -> Built:
    """Compose the set and check it.

    Raises:
        MistakesError: a row of the bank is bad.
    """
    question_rules = _SHARED | {"form": rule.one_of(*FORMS)}
    rows = Rows(
        [_description(row) for row in bank_rows(bank / "neutral_descriptions.jsonl", _SHARED)],
        [_question(row) for row in bank_rows(bank / "neutral_questions.jsonl", question_rules)],
    )
    for part in rows:
        part.sort(key=lambda row: row.id)
    gates = [
        *balance_gates(*rows, theory, None),
        *validity_gates(*rows, theory),
        *_openings([row.text for row in rows.questions]),
    ]
    ran = run_all([gate for gate in gates if gate.check in {*_GATES, *_OPENINGS}], fast=False)
    return Built(
        "neutral",
        rows,
        check_neutral(rows, theory),
        Checked([*ran.rows, _NOT_RUN], ran.findings),
        card=_card(rows),
    )


def check_neutral(rows: Rows, theory: Theory) -> Checked:
    """Run every check on rows without a value, exact counts included."""
    descriptions, questions = rows
    records: list[Record] = [*descriptions, *questions]
    texts = {row.id: row.text for row in records}
    lengths = [[count_words(row.text) for row in part] for part in rows]
    table: list[tuple[str, str, list[Finding], str | None]] = [
        (
            "descriptions and questions, every split exact",
            f"{sum(DESCRIPTIONS.values())} and {sum(QUESTIONS.values())}",
            [*_counts(descriptions, DESCRIPTIONS), *_counts(questions, QUESTIONS)],
            f"{len(descriptions)} and {len(questions)}",
        ),
        ("schema and ids", "0", check_schema([to_row(row) for row in records], theory), None),
        ("rows with a value", "0", _valued(records), None),
        ("topics and families keep their split", "0", _topics_in_several_splits(records), None),
        ("exact duplicates", "0", check_exact_duplicates(texts), None),
        ("near-duplicates, 3-word Jaccard .7 or more", "0", check_near_duplicates(texts), None),
        ("8-word runs shared between splits", "0", check_overlap(records), None),
        ("value words", "0", check_value_words(records, theory), None),
        ("form: quotes, spacing, a/an, repeats, slots", "0", check_form(texts), None),
        ("description length", "40 to 80 words", check_description_length(descriptions), _range(lengths[0])),
        ("first sentence has I, me or my", "all", check_first_person(descriptions), None),
        ("question length", "10 to 70 words", check_question_length(questions), _range(lengths[1])),
        ("mean question length", "25 to 40 words", check_question_mean(questions), spread(lengths[1])[0]),
        ("holds a question or an instruction", "all", _without_task(questions), None),
    ]
    return Checked(
        [CheckRow(name, limit, found or f"{len(bad)}", not bad) for name, limit, bad, found in table],
        [finding for _, _, bad, _ in table for finding in bad],
    )


def _counts(rows: Sequence[Record], wanted: Mapping[str, int]) -> list[Finding]:
    found = Counter(str(row.split) for row in rows)
    return [
        Finding(split, "counts", f"{found[split]} {rows[0].kind}s; expected {wanted[split]}")
        for split in SPLITS
        if found[split] != wanted[split]
    ]


def _openings(texts: Sequence[str]) -> list[Gate]:
    return [
        Gate(
            check=check,
            limit=limit,
            rows=len(texts),
            fewest=100,
            measure=partial(measure, texts),
            show=percent,
        )
        for check, (limit, measure) in _OPENINGS.items()
    ]


def _without_task(questions: Sequence[Question]) -> list[Finding]:
    """Find texts that ask for nothing; unlike a situation, a task may come before what it is about."""
    return [
        Finding(row.id, "asks", "neither a question nor an instruction in any sentence")
        for row in questions
        if not _TASKS.search(row.text)
        and all(check_asks([replace(row, text=sentence)]) for sentence in sentences(row.text))
    ]


def _valued(records: Sequence[Record]) -> list[Finding]:
    return [Finding(row.id, "no value", f"value is {row.value}") for row in records if row.value != NO_VALUE]


def _topics_in_several_splits(records: Sequence[Record]) -> list[Finding]:
    splits: dict[str, set[str]] = {}
    for row in records:
        splits.setdefault(str(row.topic), set()).add(row.split)
    return [
        Finding(topic, "splits", f"the topic is in {', '.join(sorted(found))}")
        for topic, found in sorted(splits.items())
        if len(found) > 1
    ]


def _range(words: Sequence[int]) -> str:
    return f"{min(words)} to {max(words)}"


def _description(row: Mapping[str, Any]) -> Description:
    return Description(**_own("description", row), polarity=None, neg_kind=None)


def _question(row: Mapping[str, Any]) -> Question:
    own = _own("question", row)
    return Question(
        **own,
        domain=None,
        tension=None,
        stances=None,
        stakes="low",
        person="open",
        seed_id=own["family"],
    )


def _own(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "id": record_id(kind, LANGUAGE, row["text"]),
        "value": NO_VALUE,
        "basic_value": None,
        "refined_value": None,
        "lang": LANGUAGE,
        "family": f"neutral-{kind}-{row['topic']}",
        "source": "llm",
        "generator": None,
        "license": LICENSE,
        "version": VERSION,
    }


def _card(rows: Rows) -> str:
    parts: dict[str, Sequence[Record]] = {"questions": rows.questions, "descriptions": rows.descriptions}
    counts = [
        [
            name,
            *(len(by_split(part, split)) for split in SPLITS),
            *spread([count_words(row.text) for row in part]),
        ]
        for name, part in parts.items()
    ]
    header = ["rows", *SPLITS, "words, mean", "SD", "least", "most"]
    return f"""# ValueInsight neutral {VERSION}

{len(rows.questions)} everyday questions and instructions with no value at stake (how to boil an egg, \
convert this, describe a chair) and {len(rows.descriptions)} first-person descriptions that say where a \
person lives and what they own, and nothing of what they want. In both the field `value` is `{NO_VALUE}`; \
descriptions have no pole, questions neither tension nor answers.

A control. Neurons that are located with these questions in place of a value's own (`python run.py \
dataset=neutral value=openness`, which reads the value's descriptions of the full set) are those that the \
description alone sets apart; an edit asked on them shows what it does where no value is at stake: how \
fluent the text stays, and whether a judge reads the value into it.

- Files: descriptions and questions (JSON Lines), `manifest.json` (counts, SHA-256 of each split)
- Language: {LANGUAGE}. Licence of the text: {LICENSE}
- Rebuild: `python -m valuelocate.dataset.build neutral`. The same bank gives the same bytes

## How it was made

**All text was written by a large language model** to written rules, and without material of other \
datasets; a program checked it. No person wrote these texts and **none was validated on people**: that no \
value is at stake is what they were written for, and no reader has confirmed it. Model, prompts and \
sampling of the writing are not recorded, so `generator` is null.

## Counts

{markdown_table(header, counts)}
Forms of questions: {listed(Counter(str(row.form) for row in rows.questions))}.
Every row has a topic of its own, and a topic lies in one split. Unlike a situation, a task may come \
before what it is about; that something is asked is therefore looked for in every sentence and not in the \
last alone.

## What it cannot measure

- Preference (`t1`, `t2`): there are no answers of two poles to prefer between. A job on these questions \
tells this for every question, and claims no effect.
- The judge's score is measured, and is no claim either; its limit on this text is not known, for no \
written answers check it here.
- Specificity and the control `other_value`: the questions are no other value's.

## Limits

- Few topics can be wholly free of values; a question on cooking can still be answered with care for guests.
- One language, and the habits of one writer. Not for judging people.
"""
