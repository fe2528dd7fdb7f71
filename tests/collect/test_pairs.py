from __future__ import annotations

from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from tests.collect.conftest import contrast_pair
from valuelocate.collect import draw_pairs
from valuelocate.dataset import DatasetSource
from valuelocate.errors import UserError
from valuelocate.values import load_theory


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


def families(count: int, pole: str) -> list[Any]:
    return [SimpleNamespace(id=f"{pole}{n:02}", family=f"f{n:02}") for n in range(count)]


def test_matched_descriptions_are_drawn_by_family_and_about_equally_often() -> None:
    pairs = draw_pairs(QUESTIONS, families(5, "p"), families(5, "n"), seed=0, matched=True)
    assert [pair.question.id for pair in pairs] == [row.id for row in QUESTIONS]
    assert all(pair.positive.family == pair.negative.family for pair in pairs)
    assert sorted(Counter(pair.positive.family for pair in pairs).values()) == [3, 3, 3, 4, 4]
    again = draw_pairs(QUESTIONS[::-1], families(5, "p")[::-1], families(5, "n")[::-1], seed=0, matched=True)
    assert pairs == again
    assert pairs != draw_pairs(QUESTIONS, families(5, "p"), families(5, "n"), seed=1, matched=True)


def test_a_family_without_its_partner_is_told() -> None:
    with pytest.raises(UserError, match="family 'f04' has 1 pos and 0 neg descriptions"):
        draw_pairs(QUESTIONS, families(5, "p"), families(4, "n"), seed=0, matched=True)


def test_the_shipped_pairs_are_matched_before_questions() -> None:
    dataset = DatasetSource(name="paired", questions="mini", matched=True).load(load_theory())
    for value in dataset.theory.targets():
        found = dataset.locating(value.id)
        pairs = draw_pairs(*found, seed=0, matched=dataset.matched)
        assert len(pairs) == 24
        assert all(pair.positive.family == pair.negative.family for pair in pairs)
        assert len({pair.positive.family for pair in pairs}) == 24
    unmatched = draw_pairs(*found, seed=0)
    assert any(pair.positive.family != pair.negative.family for pair in unmatched)
