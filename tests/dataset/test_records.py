from __future__ import annotations

import dataclasses
import hashlib
import re
from typing import Any

import pytest

from valuelocate.dataset import Description, Generator, Question, Stances, parse_record, record_id, to_row
from valuelocate.errors import MistakesError

DESCRIPTION_FIELDS = (
    "id kind value basic_value refined_value polarity neg_kind text topic lang split family source generator "
    "license version"
)
QUESTION_FIELDS = (
    "id kind value basic_value refined_value text topic domain form tension stances stakes person lang split "
    "family seed_id slots source generator license version"
)


def test_records_have_exactly_the_fields_of_the_schema():
    assert [field.name for field in dataclasses.fields(Description)] == DESCRIPTION_FIELDS.split()
    assert [field.name for field in dataclasses.fields(Question)] == QUESTION_FIELDS.split()


def test_an_id_is_of_kind_language_and_normalised_text():
    expected = hashlib.sha256(b"en\nwhat now").hexdigest()[:10]
    assert record_id("question", "en", "What,  now?") == f"vi-q{expected}"
    assert record_id("description", "en", "what now") == f"vi-d{expected}"
    assert record_id("question", "de", "what now") != f"vi-q{expected}"


def test_a_row_left_short_is_completed(question_row, theory):
    found = parse_record(question_row(), theory)
    assert isinstance(found, Question)
    assert re.fullmatch(r"vi-q[0-9a-f]{10}", found.id)
    assert found.family == found.seed_id == found.id
    assert found.stances == Stances(
        pos=question_row()["stances"]["pos"], neg="I would water it and keep the lawn short."
    )
    assert (found.lang, found.slots, found.generator) == ("en", {}, None)


@pytest.mark.parametrize("kind", ["description_row", "question_row"])
def test_a_record_survives_writing_and_reading(kind, theory, request):
    generator: dict[str, Any] = {
        "model": "m",
        "revision": "r",
        "prompt_sha256": "0",
        "temperature": 0.7,
        "seed": 1,
    }
    found = parse_record(request.getfixturevalue(kind)(generator=generator), theory)
    assert found.generator == Generator(**generator)
    assert parse_record(to_row(found), theory) == found


def test_values_go_by_any_name_and_a_basic_value_stands_for_its_parent(question_row, theory):
    short = parse_record(question_row(value="openness", tension=["Self-Direction", "security"]), theory)
    assert isinstance(short, Question)
    assert (short.value, short.tension) == ("openness_to_change", ("self_direction", "security"))
    basic = parse_record(question_row(value="hedonism", basic_value=None), theory)
    assert (basic.value, basic.basic_value) == ("openness_to_change", "hedonism")


MISTAKES = [
    ({"kind": "essay"}, "field 'kind': expected one of description, question, found 'essay'"),
    ({"kind": ["question"]}, "field 'kind': expected one of"),
    ({"value": "opennes"}, "field 'value': .*did you mean openness.*found 'opennes'"),
    ({"value": 3}, "field 'value': expected a text that is not empty, found 3"),
    ({"text": "  "}, "field 'text': expected a text that is not empty, found '  '"),
    (
        {"text": "x" * 100 + "\n", "split": "train"},
        "field 'split': expected one of locate, dev, eval, found 'train'",
    ),
    (
        {"basic_value": "power"},
        r"field 'basic_value': expected a part of openness_to_change \(self_direction",
    ),
    ({"value": "hedonism", "basic_value": "stimulation"}, "expected hedonism, as the row's value is"),
    ({"colour": 1}, "field 'colour': unknown"),
    ({"stakes": "huge"}, "field 'stakes': expected one of low, medium, high"),
    ({"stances": {"pos": "yes"}}, "field 'stances': expected null or an object {pos, neg} of texts"),
    ({"stances": {"pos": "yes", "neg": ""}}, "field 'stances'"),
    ({"tension": ["security"]}, "field 'tension': expected null or a list of two texts"),
    ({"tension": ["security", "secutity"]}, "field 'tension': .*did you mean security"),
    ({"slots": []}, "field 'slots': expected an object"),
    ({"generator": {"model": "m"}}, "field 'generator': expected null or an object {model, revision"),
    ({"source": None}, "field 'source': expected one of handwritten, composed, llm, found None"),
]


@pytest.mark.parametrize(("changes", "message"), MISTAKES)
def test_a_mistake_in_a_question_names_field_expected_and_found(changes, message, question_row, theory):
    with pytest.raises(MistakesError) as error:
        parse_record(question_row(**changes), theory)
    assert len(error.value.messages) == 1
    assert re.search(message, error.value.messages[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"polarity": "up"}, "field 'polarity': expected one of pos, neg, found 'up'"),
        ({"polarity": "neg"}, "field 'neg_kind': expected one of absence, rejection, opposite_pole where"),
        ({"neg_kind": "absence"}, "field 'neg_kind': expected null where polarity is pos, found 'absence'"),
        ({"stances": None}, "field 'stances': unknown"),
    ],
)
def test_a_mistake_in_a_description_is_told(changes, message, description_row, theory):
    with pytest.raises(MistakesError, match=message):
        parse_record(description_row(**changes), theory)


def test_every_mistake_of_a_row_is_told(question_row, theory):
    row = question_row(split="train", stakes="huge", person="me")
    del row["text"]
    with pytest.raises(MistakesError) as error:
        parse_record(row, theory)
    assert {message.split("'")[1] for message in error.value.messages} == {
        "text",
        "split",
        "stakes",
        "person",
    }
    assert "field 'text': expected a text that is not empty, but it is missing" in error.value.messages


@pytest.mark.parametrize("row", [None, [], "text", 3])
def test_a_row_that_is_no_object_is_refused(row, theory):
    with pytest.raises(MistakesError, match="expected a JSON object, found"):
        parse_record(row, theory)


def test_a_refined_value_stands_for_the_values_above_it(theory, question_row) -> None:
    record = parse_record(question_row(value="power_resources", basic_value=None), theory)
    assert (record.value, record.basic_value, record.refined_value) == (
        "self_enhancement",
        "power",
        "power_resources",
    )


def test_a_refined_value_of_another_basic_value_is_refused(theory, question_row) -> None:
    row = question_row(refined_value="power_resources")
    with pytest.raises(MistakesError, match="field 'refined_value': expected a part of self_direction"):
        parse_record(row, theory)


@pytest.mark.parametrize("kind", ["description_row", "question_row"])
def test_a_row_with_no_value_at_stake_has_nothing_of_a_value(kind, theory, request) -> None:
    make = request.getfixturevalue(kind)
    rest = {"basic_value", "polarity", "neg_kind", "stances"} & set(make())
    row = {name: found for name, found in make(value="none").items() if name not in rest}
    record = parse_record(row, theory)
    assert (record.value, record.basic_value, record.refined_value) == ("none", None, None)
    assert getattr(record, "polarity", None) is None and getattr(record, "stances", None) is None
    assert parse_record(to_row(record), theory) == record
    with pytest.raises(MistakesError) as error:
        parse_record(make(value="none"), theory)
    told = "\n".join(error.value.messages)
    assert "field 'basic_value': expected null where value is none, found" in told
    assert ("field 'polarity'" in told) == ("polarity" in rest)
    assert ("field 'stances'" in told) == ("stances" in rest)


def test_a_row_with_a_value_needs_a_pole(theory, description_row) -> None:
    with pytest.raises(MistakesError, match="field 'polarity': expected one of pos, neg, found None"):
        parse_record(description_row(polarity=None), theory)
