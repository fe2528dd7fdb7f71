"""Checks of single rows: each finds a row that is wrong and passes one that is right."""

from __future__ import annotations

import pytest

from valuelocate.dataset import to_row
from valuelocate.dataset.checks.first_person import check_first_person
from valuelocate.dataset.checks.form import check_asks, check_form
from valuelocate.dataset.checks.leading import check_leading
from valuelocate.dataset.checks.length import (
    check_description_length,
    check_question_length,
    check_stance_length,
)
from valuelocate.dataset.checks.schema import check_schema
from valuelocate.dataset.checks.topic_splits import check_splits
from valuelocate.dataset.checks.value_words import check_value_words


def test_right_rows_pass_every_check(description, question, theory, topics):
    records = [description(), question()]
    texts = {record.id: record.text for record in records}
    assert check_schema([to_row(record) for record in records], theory) == []
    assert check_splits(records, topics) == []
    assert check_value_words(records, theory) == []
    assert check_form(texts) == []
    assert check_asks([question()]) == []
    assert check_leading([question()]) == []
    assert check_question_length([question()]) == []
    assert check_description_length([description()]) == []
    assert check_stance_length([question()]) == []
    assert check_first_person([description()]) == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"split": "train"}, "field 'split': expected one of locate, dev, eval"),
        ({"id": "vi-q0000000000"}, "id is not that of its text, vi-q"),
        ({"value": "openness"}, "value or basic_value is not named by its id"),
        ({"basic_value": None}, "basic_value is null"),
        ({"colour": "red"}, "field 'colour': unknown"),
    ],
)
def test_schema_finds_wrong_fields(changes, reason, question, theory):
    row = to_row(question()) | changes
    (finding,) = check_schema([row], theory)
    assert finding.row == row["id"]
    assert finding.check == "schema"
    assert reason in finding.reason


def test_schema_finds_missing_fields_and_ids_that_occur_twice(question, theory):
    row = to_row(question())
    short = {name: found for name, found in row.items() if name not in ("license", "slots")}
    assert [finding.reason for finding in check_schema([short], theory)] == ["fields missing: slots, license"]
    assert [finding.reason for finding in check_schema([row, row], theory)] == ["id occurs 2 times"]


def test_splits_finds_rows_outside_their_topics_split(question, description, topics):
    (finding,) = check_splits([question(split="eval")], topics)
    assert finding.reason == "split is 'eval', but topic 'pets' belongs to 'locate'"
    (finding,) = check_splits([description(split="dev")], topics)
    assert finding.reason == "split is 'dev', but topic 'commuting' belongs to 'locate'"
    (finding,) = check_splits([question(topic="parrots")], topics)
    assert finding.reason == "topic 'parrots' is not in topics.yaml"
    (finding,) = check_splits([question(domain="work")], topics)
    assert finding.reason == "domain is 'work', but topic 'pets' belongs to 'home'"


def test_splits_finds_a_family_in_two_splits(question, description, topics):
    pair = [question(family="f"), description(family="f", topic="debts", split="eval")]
    assert [finding.reason for finding in check_splits(pair, topics)] == [
        "family 'f' is in 'locate' and in 'eval'"
    ]


@pytest.mark.parametrize(
    "word",
    [
        *("openness", "free", "freely", "freedoms", "Independently", "novelty", "curiosities", "creativity"),
        *(
            "Self-Direction",
            "self enhancement",
            "powerful",
            "powerless",
            "statuses",
            "successes",
            "ambitiously",
        ),
        *(
            "traditional",
            "traditions",
            "insecure",
            "unsafe",
            "safest",
            "obeyed",
            "obeys",
            "unfairly",
            "equally",
        ),
        *("disloyal", "loyalties", "adventurers"),
    ],
)
def test_value_words_finds_names_and_inflected_lexicon_words(word, question, description, theory):
    (finding,) = check_value_words([question(text=f"A {word} thing occurs. What now?")], theory)
    assert finding.reason == f"'{word}' gives a value away"
    assert check_value_words([description(text=f"I know {word} well.")], theory)


@pytest.mark.parametrize(
    "word", ["freeze", "affair", "airfare", "open", "safari", "care", "stating", "freight"]
)
def test_value_words_passes_other_words(word, question, theory):
    assert check_value_words([question(text=f"A {word} thing occurs. What now?")], theory) == []


@pytest.mark.parametrize("words", [9, 71])
def test_question_length_finds_short_and_long(words, question):
    (finding,) = check_question_length([question(text="word " * (words - 1) + "word?")])
    assert finding.reason == f"{words} words; expected 10 to 70"


@pytest.mark.parametrize("words", [10, 70])
def test_question_length_passes_the_limits_themselves(words, question):
    assert check_question_length([question(text="word " * (words - 1) + "word?")]) == []


@pytest.mark.parametrize("words", [39, 81])
def test_description_length_finds_short_and_long(words, description):
    (finding,) = check_description_length([description(text="I " * words)])
    assert finding.reason == f"{words} words; expected 40 to 80"


def test_stance_length_finds_answers_that_differ(question):
    wrong = question(stances={"pos": "one two three four five", "neg": "one two three"})
    (finding,) = check_stance_length([wrong])
    assert finding.reason == "answers of 5 and 3 words differ by more than 20%"
    assert check_stance_length([question(stances={"pos": "one two three four five", "neg": "a b c d"})]) == []
    assert check_stance_length([question(stances=None)]) == []


def test_first_person_finds_a_first_sentence_without_the_speaker(description):
    (finding,) = check_first_person([description(text="The canal is long. I walk along it.")])
    assert finding.reason == "first sentence has no I, me or my"
    assert check_first_person([description(text="The canal makes me walk. It is long.")]) == []
    assert check_first_person([description(text="In Italy it is hot. I stay.")]) != []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("She said the the word.", "repeated word 'the the'"),
        ('He says "come and leaves.', "double quotes do not match"),
        ("He says \u201ccome and leaves.", "double quotes do not match"),
        ("A note says 'come at nine.", "a single quote opens and does not close"),
        ("A note (from him is here.", "brackets do not match"),
        ("Two  spaces.", "spaces doubled"),
        (" Early.", "spaces doubled, at an end"),
        ("A comma , here.", "before a punctuation mark"),
        ("Ask a aunt.", "'a aunt' should begin with an"),
        ("Wait a hour.", "'a hour' should begin with an"),
        ("A letter for a 18 year old.", "'a 18' should begin with an"),
        ("Ask an friend.", "'an friend' should begin with a"),
        ("Ask an university.", "'an university' should begin with a"),
        ("Meet {person} at noon.", "slot '{person}' is not filled"),
        ("Meet [name] at noon.", "slot '[name]' is not filled"),
        ("Meet <name> at noon.", "slot '<name>' is not filled"),
        ("Meet XXX at noon.", "slot 'XXX' is not filled"),
    ],
)
def test_form_finds_slips(text, reason):
    (finding,) = check_form({"row": text})
    assert reason in finding.reason


@pytest.mark.parametrize(
    "text",
    [
        "The brothers' house is a one-storey house by a university, an hour away.",
        "A note says 'come at nine', and it's theirs.",
        'She says "come", then "go".',
        "An MRI takes an honest nurse, a usual day and an X on a form.",
        "A European, a unique ewe and an eighth ukulele (his) in '98.",
        "A plan B with a U-turn.",
    ],
)
def test_form_passes_good_english(text):
    assert check_form({"row": text}) == []


@pytest.mark.parametrize("text", ["A dog barks. He sleeps.", "What a dog!", "It is late."])
def test_asks_finds_texts_that_ask_nothing(text, question):
    assert "neither a question nor an instruction" in check_asks([question(text=text)])[0].reason


@pytest.mark.parametrize(
    "text", ["It rains. Where do you go?", "Three dogs. Rank them and say why.", 'Do you say "no?"']
)
def test_asks_passes_questions_and_instructions(text, question):
    assert check_asks([question(text=text)]) == []


@pytest.mark.parametrize(
    "words", ["Surely", "of course", "just", "merely", "brave enough", "a waste of time", "only"]
)
def test_leading_finds_words_that_take_sides(words, question):
    text = f"You could {words} stay at home. What now?"
    assert [finding.check for finding in check_leading([question(text=text)])] == ["leading wording"]


def test_leading_passes_words_that_contain_them(question):
    assert check_leading([question(text="An adjusted justice, a course of waste paper. What now?")]) == []
