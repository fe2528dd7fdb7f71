from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.collect.conftest import contrast_pair
from valuelocate.collect import draw_pairs
from valuelocate.errors import UserError


def rows(kind: str, count: int) -> list[Any]:
    return [SimpleNamespace(id=f"{kind}{number:02}", text=f"{kind} {number}") for number in range(count)]


QUESTIONS, POSITIVE, NEGATIVE = rows("q", 17), rows("p", 5), rows("n", 3)


def test_every_question_has_one_description_of_each_pole() -> None:
    pairs = draw_pairs(QUESTIONS, POSITIVE, NEGATIVE, seed=0)
    assert [pair.question.id for pair in pairs] == [row.id for row in QUESTIONS]
    assert {pair.positive.id[0] for pair in pairs} == {"p"}
    assert {pair.negative.id[0] for pair in pairs} == {"n"}


def test_descriptions_are_used_about_equally_often() -> None:
    pairs = draw_pairs(QUESTIONS, POSITIVE, NEGATIVE, seed=0)
    assert sorted(Counter(pair.positive.id for pair in pairs).values()) == [3, 3, 3, 4, 4]
    assert sorted(Counter(pair.negative.id for pair in pairs).values()) == [5, 6, 6]


def test_the_draw_depends_on_the_seed_and_not_on_the_order() -> None:
    drawn = draw_pairs(QUESTIONS, POSITIVE, NEGATIVE, seed=0)
    assert drawn == draw_pairs(QUESTIONS[::-1], POSITIVE[::-1], NEGATIVE[::-1], seed=0)
    assert drawn != draw_pairs(QUESTIONS, POSITIVE, NEGATIVE, seed=1)


@pytest.mark.parametrize(
    ("lists", "missing"),
    [
        (([], POSITIVE, NEGATIVE), "questions"),
        ((QUESTIONS, [], NEGATIVE), "positive descriptions"),
        ((QUESTIONS, POSITIVE, []), "negative descriptions"),
    ],
)
def test_an_empty_list_is_told(lists: tuple[Any, Any, Any], missing: str) -> None:
    with pytest.raises(UserError, match=f"no {missing} to locate with"):
        draw_pairs(*lists, seed=0)


def test_the_control_swaps_about_half_and_depends_on_seed_and_id_alone() -> None:
    swapped = [contrast_pair(number).swapped(0) for number in range(400)]
    assert swapped == [contrast_pair(number).swapped(0) for number in range(400)]
    assert swapped != [contrast_pair(number).swapped(1) for number in range(400)]
    assert 150 < sum(swapped) < 250
