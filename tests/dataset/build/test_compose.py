from __future__ import annotations

from itertools import combinations

import pytest

from valuelocate.dataset.build.compose import compose
from valuelocate.dataset.build.quotas import EVAL_FORMS, SHARED_FORMS
from valuelocate.dataset.build.select import details


def test_every_ask_follows_both_tellings(seed) -> None:
    found = compose(seed(), SHARED_FORMS)
    assert len(found) == 12
    assert {(row.question.form, row.telling) for row in found} == {
        (form, telling)
        for form in (
            "two_options",
            "how_decide",
            "weighs_most",
            "advise_friend",
            "first_reaction",
            "rank_three",
        )
        for telling in ("scene", "retold")
    }


def test_the_seed_as_written_is_among_them_and_says_so(seed) -> None:
    (original,) = [row for row in compose(seed(), SHARED_FORMS) if row.original]
    assert original.question.text == seed().question
    assert original.question.stances.pos == seed().pos
    assert original.question.source == "llm"
    assert original.question.slots == {"name": "Zainab", "place": "Malmo", "day": "Friday"}


def test_details_are_exchanged_in_question_and_answers_alike(seed) -> None:
    for row in compose(seed(), SHARED_FORMS):
        question = row.question
        for slot, filler in question.slots.items():
            others = set(seed().slots[slot]) - {filler}
            assert filler in question.text
            assert not any(other in question.text for other in others)
        if question.stances and "place" in question.slots:
            assert question.slots["place"] in question.stances.pos


def test_rows_of_one_seed_differ_in_at_least_two_details(seed) -> None:
    rows = [row.question for row in compose(seed(), SHARED_FORMS)]
    for first, second in combinations(rows, 2):
        if first.form != second.form:
            assert details(first, second) >= 2


def test_a_form_that_the_answers_do_not_fit_has_none(seed) -> None:
    rows = {row.question.form: row.question for row in compose(seed(), SHARED_FORMS)}
    assert rows["rank_three"].stances is None
    assert rows["advise_friend"].stances is not None


def test_forms_that_the_split_does_not_have_are_left_out(seed) -> None:
    forms = {row.question.form for row in compose(seed(), EVAL_FORMS)}
    assert forms == {"two_options", "how_decide", "weighs_most", "advise_friend", "first_reaction"}


def test_a_bare_seed_gives_itself_alone(seed) -> None:
    (row,) = compose(seed(retold=None, slots={}, asks={}), SHARED_FORMS)
    assert row.original and row.question.slots == {}


def test_articles_follow_their_word(seed) -> None:
    scene = "Zainab has a dog in Malmo on Friday."
    rows = compose(
        seed(
            scene=scene,
            slots={"animal": ["dog", "otter", "eagle"], "name": ["Zainab", "Ines", "Marta"]},
            retold=None,
        ),
        SHARED_FORMS,
    )
    texts = {row.question.slots["animal"]: row.question.text for row in rows}
    assert (
        "has an otter" in texts["otter"] and "has an eagle" in texts["eagle"] and "has a dog" in texts["dog"]
    )


def test_the_end_of_a_name_is_no_article(seed) -> None:
    rows = compose(seed(scene="Zainab leaves Xi'an by train on Friday.", retold=None), SHARED_FORMS)
    assert all("Xi'an by train" in row.question.text for row in rows)


def test_a_filler_that_is_part_of_a_word_is_left_alone(seed) -> None:
    rows = compose(
        seed(scene="Ann has an annual card on Friday.", slots={"name": ["Ann", "Bo", "Cy"]}, retold=None),
        SHARED_FORMS,
    )
    assert all("annual" in row.question.text for row in rows)


def test_changing_one_seed_changes_only_its_own_candidates(seed) -> None:
    first, second = seed(family="seed-pets-1"), seed(family="seed-pets-2")
    before = [row.question for row in compose(second, SHARED_FORMS)]
    compose(seed(family="seed-pets-1", scene="Another scene with Zainab."), SHARED_FORMS)
    assert [row.question for row in compose(second, SHARED_FORMS)] == before
    assert {row.question.family for row in compose(first, SHARED_FORMS)} == {"seed-pets-1"}


def test_more_asks_than_words_are_refused(seed) -> None:
    asks = {form: f"Number {place}?" for place, form in enumerate(SHARED_FORMS[2:12])}
    with pytest.raises(ValueError, match="at most 9"):
        compose(seed(asks=asks), SHARED_FORMS)
