from __future__ import annotations

import pytest

from valuelocate.dataset.matching import matched_pairs
from valuelocate.errors import MistakesError


@pytest.fixture
def rows(description):
    def make(pole, *families):
        kind = None if pole == "pos" else "absence"
        return [
            description(
                family=family, polarity=pole, neg_kind=kind, text=f"I am {pole} {number} of {family}."
            )
            for number, family in enumerate(families)
        ]

    return make


def test_families_of_one_description_of_each_pole_are_pairs(rows) -> None:
    pairs = matched_pairs(rows("pos", "b", "a"), rows("neg", "a", "b"))
    assert [(pair.positive.family, pair.negative.family) for pair in pairs] == [("a", "a"), ("b", "b")]
    assert {(pair.positive.polarity, pair.negative.polarity) for pair in pairs} == {("pos", "neg")}


def test_every_family_that_is_no_pair_is_told(rows) -> None:
    with pytest.raises(MistakesError) as error:
        matched_pairs(rows("pos", "a", "b", "c", "c"), rows("neg", "b", "c", "d"))
    assert [message.split("'")[1] for message in error.value.messages] == ["a", "c", "d"]
    assert "family 'c' has 2 pos and 1 neg descriptions to locate with" in error.value.messages[1]
    assert "dataset.matched=true: expected families of exactly one description of each pole" in str(
        error.value
    )
