from __future__ import annotations

import dataclasses

import pytest

from valuelocate.dataset import Description, Question, dataset_of
from valuelocate.errors import MistakesError, UserError

VALUES = ("openness_to_change", "conservation")
BASIC = {"openness_to_change": "stimulation", "conservation": "tradition"}


@pytest.fixture
def rows(description, question):
    records = []
    for value in VALUES:
        for split in ("locate", "dev", "eval"):
            shared = {"value": value, "basic_value": BASIC[value], "split": split}
            for n in range(3):
                records.append(question(**shared, text=f"Story {n} of {value} in {split}. What now?"))
            records.append(
                question(**shared, text=f"Bare story of {value} in {split}. What now?", stances=None)
            )
            for polarity, kind in [
                ("pos", None),
                ("neg", "absence"),
                ("neg", "rejection"),
                ("neg", "opposite_pole"),
            ]:
                text = f"I speak of {value} in {split} as {polarity} and {kind}."
                records.append(description(**shared, polarity=polarity, neg_kind=kind, text=text))
    return records


@pytest.fixture
def dataset(rows, theory):
    return dataset_of(rows, name="made", theory=theory)


def test_frames_have_the_columns_of_the_schema(dataset):
    assert list(dataset.questions.columns) == [field.name for field in dataclasses.fields(Question)]
    assert list(dataset.descriptions.columns) == [field.name for field in dataclasses.fields(Description)]
    assert (len(dataset.questions), len(dataset.descriptions)) == (24, 24)
    assert set(dataset.questions["stances"].dropna().iloc[0]) == {"pos", "neg"}


def test_frames_of_no_rows_still_have_columns(theory):
    assert list(dataset_of([], name="none", theory=theory).questions.columns)[:3] == ["id", "kind", "value"]


def test_records_are_chosen_and_sorted_by_id(dataset):
    found = dataset.question_records("openness", "dev")
    assert len(found) == 4
    assert found == sorted(found, key=lambda row: row.id)
    assert {(row.value, row.split) for row in found} == {("openness_to_change", "dev")}
    assert len(dataset.question_records("openness", "dev", with_stances=True)) == 3
    assert len(dataset.question_records()) == 24
    assert len(dataset.question_records("tradition")) == 12
    kinds = {row.neg_kind for row in dataset.description_records("conservation", "neg", "eval", ["absence"])}
    assert kinds == {"absence"}
    assert len(dataset.description_records(neg_kinds=["absence"])) == 12


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda d: d.question_records("opennes"), "did you mean openness"),
        (lambda d: d.question_records(split="test"), "split=test: expected locate, dev, eval"),
        (
            lambda d: d.question_records("hedonism"),
            "has no question with value=hedonism; it has conservation/dev: 4",
        ),
        (lambda d: d.description_records(polarity="up"), "polarity=up: expected pos, neg"),
        (lambda d: d.description_records(neg_kinds=["none"]), "dataset.neg_kinds=none: expected absence"),
        (lambda d: d.description_records(neg_kinds="absence"), r"expected a list, e.g. \[absence\]"),
    ],
)
def test_unknown_names_and_empty_choices_are_told(dataset, call, message):
    with pytest.raises(UserError, match=message):
        call(dataset)


def test_the_hash_depends_on_rows_and_not_on_their_order(rows, theory):
    whole = dataset_of(rows, name="a", theory=theory)
    assert dataset_of(rows[::-1], name="b", theory=theory).hash == whole.hash
    assert dataset_of(rows[1:], name="a", theory=theory).hash != whole.hash
    changed = [dataclasses.replace(rows[0], stakes="high"), *rows[1:]]
    assert dataset_of(changed, name="a", theory=theory).hash != whole.hash


def test_locating_reads_the_locate_split_only(dataset):
    found = dataset.locating("openness")
    assert {row.split for part in found for row in part} == {"locate"}
    assert (len(found.questions), len(found.positive), len(found.negative)) == (4, 1, 2)
    assert {row.neg_kind for row in found.negative} == {"absence", "rejection"}
    assert dataset.leaks == []


@pytest.mark.parametrize("split", ["dev", "eval"])
def test_locating_refuses_other_splits_and_records_an_override(dataset, split):
    with pytest.raises(UserError, match=r"locating reads rows of 'locate' only.*dataset.allow_leak=true"):
        dataset.locating("openness", splits=["locate", split])
    assert dataset.leaks == []
    found = dataset.locating("openness", splits=["locate", split], allow_leak=True)
    assert {row.split for row in found.questions} == {"locate", split}
    assert dataset.leaks == [f"locating read the split '{split}'"]
    dataset.locating("conservation", splits=[split], allow_leak=True)
    assert len(dataset.leaks) == 1


def test_the_opposite_pole_is_a_named_variant(dataset):
    assert [row.neg_kind for row in dataset.locating("openness", neg_kinds=["opposite_pole"]).negative] == [
        "opposite_pole"
    ]


def test_a_family_in_two_splits_is_recorded_as_a_leak(rows, theory):
    shared = [dataclasses.replace(row, family="f") for row in rows if row.split != "dev"]
    assert dataset_of(shared, name="a", theory=theory).leaks == ["family 'f' lies in the splits eval, locate"]


def test_everything_missing_for_a_value_is_told_at_once(rows, theory):
    kept = [row for row in rows if row.split != "dev" and getattr(row, "polarity", None) != "pos"]
    dataset = dataset_of(kept, name="made", theory=theory)
    with pytest.raises(MistakesError) as error:
        dataset.require("openness")
    assert len(error.value.messages) == 2
    assert "no question with value=openness, split=dev" in error.value.messages[0]
    assert "no description with value=openness, polarity=pos, split=locate" in error.value.messages[1]
    assert all(message.startswith("dataset.path: ") for message in error.value.messages)
    dataset_of(rows, name="made", theory=theory).require("openness")


def pairs_of(description, kinds=("absence", "rejection")):
    return [
        description(
            family=f"pair-{number}",
            polarity=polarity,
            neg_kind=kind if polarity == "neg" else None,
            text=f"I am the {polarity} one of pair {number}, and I say so.",
        )
        for number, kind in enumerate(kinds)
        for polarity in ("pos", "neg")
    ]


def test_a_matched_dataset_reads_whole_pairs(description, question, theory) -> None:
    rows = [question(split=split, text=f"A {split} story. What now?") for split in ("locate", "dev", "eval")]
    records = [*rows, *pairs_of(description)]
    matched = dataset_of(records, name="m", theory=theory, matched=True)
    matched.require("openness")
    assert len(matched.locating("openness").positive) == 2
    some = matched.locating("openness", neg_kinds=["absence"])
    assert [row.family for row in (*some.positive, *some.negative)] == ["pair-0", "pair-0"]
    apart = dataset_of(records, name="a", theory=theory).locating("openness", neg_kinds=["absence"])
    assert (len(apart.positive), len(apart.negative)) == (2, 1)
    lone = dataset_of([row for row in records if row != records[-1]], name="l", theory=theory, matched=True)
    with pytest.raises(MistakesError, match="family 'pair-1' has 1 pos and 0 neg descriptions"):
        lone.require("openness")


def test_questions_without_a_value_are_those_of_any_value(description, question, theory, caplog) -> None:
    free = [
        question(
            value="none",
            basic_value=None,
            stances=None,
            split=split,
            text=f"How long does an egg take ({split})?",
        )
        for split in ("locate", "dev", "eval")
    ]
    told = pairs_of(description)
    dataset = dataset_of([*free, *told], name="free", theory=theory)
    assert dataset.value_free
    assert dataset.question_records("openness", "locate") == dataset.question_records(split="locate")
    assert len(dataset.locating("openness").questions) == 1
    dataset.require("openness")
    assert "preference is not measured and no effect can be claimed" in caplog.text
    with pytest.raises(UserError, match=r"no question with value=openness.*with_stances=True"):
        dataset.question_records("openness", "dev", with_stances=True)
    with pytest.raises(UserError, match="did you mean openness"):
        dataset.question_records("opennes")
    mixed = dataset_of([*free, *told, question()], name="mixed", theory=theory)
    assert not mixed.value_free
    assert len(mixed.question_records("openness")) == 1
