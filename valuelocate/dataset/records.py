"""The two kinds of record: value descriptions, and situational questions that may carry two answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any, Final, Literal, get_args

from valuelocate.dataset import fields as rule
from valuelocate.dataset.fields import FieldRule, read_fields, shown
from valuelocate.dataset.text import normalise
from valuelocate.errors import MistakesError, UserError
from valuelocate.values import LEVEL_FIELDS, NO_VALUE, Theory

Split = Literal["locate", "dev", "eval"]
Polarity = Literal["pos", "neg"]
NegKind = Literal["absence", "rejection", "opposite_pole"]
"""How a text stands against a value: the goal does not matter to the speaker; the speaker argues against it;
the speaker's motives come from across the circle."""
Kind = Literal["description", "question"]
Source = Literal["handwritten", "composed", "llm"]
Stakes = Literal["low", "medium", "high"]
Person = Literal["you", "third", "open"]

SPLITS: tuple[str, ...] = get_args(Split)
POLARITIES: tuple[str, ...] = get_args(Polarity)
NEG_KINDS: tuple[str, ...] = get_args(NegKind)


@dataclass(frozen=True, kw_only=True)
class Stances:
    """Two answers to one question, alike in length and tone, one of each pole."""

    pos: str
    neg: str


@dataclass(frozen=True, kw_only=True)
class Generator:
    """The language model that wrote a text, where it is known to that detail."""

    model: str
    revision: str
    prompt_sha256: str
    temperature: float
    seed: int


@dataclass(frozen=True, kw_only=True)
class Description:
    """A first-person paragraph by someone for whom a value matters (`pos`) or does not (`neg`).

    One with no value at stake has the value `none` and no pole.
    """

    id: str
    kind: Literal["description"] = "description"
    value: str
    """Id of a value of the theory's top level; `none` where no value is at stake."""
    basic_value: str | None
    refined_value: str | None
    polarity: Polarity | None
    """None exactly where no value is at stake."""
    neg_kind: NegKind | None
    """None exactly where the polarity is not `neg`."""
    text: str
    topic: str | None
    lang: str
    split: Split
    family: str
    """Rows grown from one seed; a family never crosses splits."""
    source: Source
    generator: Generator | None
    license: str
    version: str


@dataclass(frozen=True, kw_only=True)
class Question:
    """A situation in which a value may or may not guide the answer; it has no polarity of its own.

    A question with no value at stake has the value `none`, and neither tension nor stances.
    """

    id: str
    kind: Literal["question"] = "question"
    value: str
    basic_value: str | None
    refined_value: str | None
    text: str
    topic: str | None
    domain: str | None
    form: str | None
    """The kind of answer asked for, e.g. two_options or rank_three."""
    tension: tuple[str, str] | None
    """The value the question is about, and the one it is traded off against."""
    stances: Stances | None
    stakes: Stakes
    person: Person
    """Whom the situation happens to: the reader, someone else, or nobody in particular."""
    lang: str
    split: Split
    family: str
    """The seed this row grew from; the unit of resampling."""
    seed_id: str
    slots: Mapping[str, str] = field(default_factory=dict)
    source: Source
    generator: Generator | None
    license: str
    version: str


Record = Description | Question

_SHARED: Final[dict[str, FieldRule]] = {
    "id": rule.text_or_null(),
    "value": rule.text(),
    "basic_value": rule.text_or_null(),
    "refined_value": rule.text_or_null(),
    "text": rule.text(),
    "topic": rule.text_or_null(),
    "lang": rule.text("en"),
    "split": rule.one_of(*SPLITS),
    "family": rule.text_or_null(),
    "source": rule.one_of(*get_args(Source), default="handwritten"),
    "generator": rule.object_with("model", "revision", "prompt_sha256", "temperature", "seed"),
    "license": rule.text("unspecified"),
    "version": rule.text("0.0.0"),
}
_RULES: Final[dict[str, dict[str, FieldRule]]] = {
    "description": {
        "kind": rule.one_of("description"),
        **_SHARED,
        "polarity": rule.one_of(*POLARITIES),
        "neg_kind": rule.one_of(*NEG_KINDS, None, default=None),
    },
    "question": {
        "kind": rule.one_of("question"),
        **_SHARED,
        "domain": rule.text_or_null(),
        "form": rule.text_or_null(),
        "tension": rule.pair(),
        "stances": rule.texts_under("pos", "neg"),
        "stakes": rule.one_of(*get_args(Stakes), default="medium"),
        "person": rule.one_of(*get_args(Person), default="open"),
        "seed_id": rule.text_or_null(),
        "slots": rule.mapping(),
    },
}

_OF_A_VALUE: Final = frozenset({"basic_value", "refined_value", "polarity", "neg_kind", "tension", "stances"})
_NULL: Final = rule.null(f"where value is {NO_VALUE}")
_RULES_WITHOUT_VALUE: Final[dict[str, dict[str, FieldRule]]] = {
    kind: {name: _NULL if name in _OF_A_VALUE else found for name, found in rules.items()}
    for kind, rules in _RULES.items()
}


def record_id(kind: Kind, lang: str, text: str) -> str:
    """Return `vi-`, the kind's first letter and ten hex digits of the SHA-256 of lang + normalised text."""
    content = f"{lang}\n{normalise(text)}"
    return f"vi-{kind[0]}{hashlib.sha256(content.encode()).hexdigest()[:10]}"


def to_row(record: Record) -> dict[str, Any]:
    """Return the record as a JSON object, fields in the order of the schema."""
    return asdict(record)


def parse_record(row: object, theory: Theory) -> Record:
    """Read a JSON object as a record.

    Values may be named by id, short name or display name; a value of a lower level stands for its parent with
    itself as `basic_value`; `none` stands for no value. Left out, `id` follows from the text, `family` from
    the id and `seed_id` from the family.

    Raises:
        MistakesError: names every field that is wrong, with what was expected and what was found.
    """
    if not isinstance(row, Mapping):
        raise MistakesError([f"expected a JSON object, found {shown(row)}"])
    kind = row.get("kind")
    if not isinstance(kind, str) or kind not in _RULES:
        found = shown(kind) if "kind" in row else "no such field"
        raise MistakesError([f"field 'kind': expected one of {', '.join(_RULES)}, found {found}"])
    if row.get("value") == NO_VALUE:
        found_fields, mistakes = read_fields(row, _RULES_WITHOUT_VALUE[kind])
    else:
        found_fields, mistakes = read_fields(row, _RULES[kind])
        mistakes += _resolve_values(found_fields, theory)
        if kind == "description":
            mistakes += _polarity_mistakes(found_fields)
    if mistakes:
        raise MistakesError(mistakes)
    return _BUILDERS[kind](_completed(found_fields))


def _resolve_values(found: dict[str, Any], theory: Theory) -> list[str]:
    mistakes: list[str] = []

    def resolved(name: str, label: str) -> str:
        try:
            return theory.resolve(name).id
        except UserError as error:
            mistakes.append(f"field '{label}': {str(error).partition(': ')[2]} (found {shown(name)})")
            return name

    for label in LEVEL_FIELDS:
        if found.get(label) is not None:
            found[label] = resolved(found[label], label)
    if found.get("tension") is not None:
        found["tension"] = tuple(resolved(name, "tension") for name in found["tension"])
    if not mistakes and "value" in found:
        mistakes += _level_mistakes(found, theory)
    return mistakes


def _level_mistakes(found: dict[str, Any], theory: Theory) -> list[str]:
    """Place a value of a lower level where it belongs, and see that each level is a part of the one above."""
    named = theory.value(found["value"])
    for level in reversed(LEVEL_FIELDS[1 : theory.depth(named.id) + 1]):
        if found.get(level) not in (None, named.id):
            return [
                f"field '{level}': expected {named.id}, as the row's value is, found {shown(found[level])}"
            ]
        found[level] = named.id
        named = theory.value(str(named.parent))
    found["value"] = named.id
    for above, level in pairwise(LEVEL_FIELDS):
        part = found.get(level)
        if part is None:
            continue
        whole = found.get(above)
        if whole is None or theory.value(part).parent != whole:
            members = ", ".join(member.id for member in theory.members(whole or "")) or "null"
            return [f"field '{level}': expected a part of {whole} ({members}), found {shown(part)}"]
    return []


def _polarity_mistakes(found: dict[str, Any]) -> list[str]:
    if "polarity" not in found or "neg_kind" not in found:
        return []
    if found["polarity"] == "neg" and found["neg_kind"] is None:
        return [f"field 'neg_kind': expected one of {', '.join(NEG_KINDS)} where polarity is neg, found null"]
    if found["polarity"] == "pos" and found["neg_kind"] is not None:
        return [f"field 'neg_kind': expected null where polarity is pos, found {shown(found['neg_kind'])}"]
    return []


def _completed(found: dict[str, Any]) -> dict[str, Any]:
    found["id"] = found["id"] or record_id(found["kind"], found["lang"], found["text"])
    found["family"] = found["family"] or found["id"]
    if found["generator"] is not None:
        found["generator"] = Generator(**found["generator"])
    return found


def _build_question(found: dict[str, Any]) -> Question:
    stances = found["stances"]
    found["stances"] = None if stances is None else Stances(**stances)
    found["seed_id"] = found["seed_id"] or found["family"]
    return Question(**found)


_BUILDERS: Final[dict[str, Callable[[dict[str, Any]], Record]]] = {
    "description": lambda found: Description(**found),
    "question": _build_question,
}
