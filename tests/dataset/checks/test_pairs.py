from __future__ import annotations

import pytest

from valuelocate.dataset.checks.pairs import (
    changed_share,
    check_alike_pairs,
    check_change,
    check_kinds,
    check_pairs,
)
from valuelocate.dataset.matching import MatchedPair

TEXT = "On most mornings I take the long road to work, since I {} to see what is new there, and say so."


@pytest.fixture
def pair(description):
    def make(number: int = 0, kind: str = "absence", text: str = TEXT, **negative) -> MatchedPair:
        shared = {"family": f"pair-{number}"}
        told = f"{number} {text}"
        return MatchedPair(
            description(text=told.format("like"), **shared),
            description(
                **{"polarity": "neg", "neg_kind": kind, "text": told.format("hate"), **shared, **negative}
            ),
        )

    return make


def test_the_share_of_words_changed() -> None:
    assert changed_share("one two three four", "One two, THREE four!") == 0
    assert changed_share("one two three four", "one two three five") == 0.25
    assert changed_share("one two", "one two three four") == 0.5
    assert changed_share("one two", "three four") == 1


def test_pairs_that_change_little_pass(pair) -> None:
    pairs = [pair(0), pair(1, "rejection")]
    assert check_pairs(pairs) == check_kinds(pairs) == []
    measured = check_change(pairs)
    assert 0 < measured.figure < 0.1 and measured.findings == []


def test_rows_of_other_topics_or_parts_are_no_pair(pair) -> None:
    found = check_pairs([pair(topic="pets", basic_value="hedonism")])
    assert {finding.reason for finding in found} == {
        "the two rows differ in basic_value",
        "the two rows differ in topic",
    }


def test_kinds_that_are_not_as_many_are_found(pair) -> None:
    (found,) = check_kinds([pair(0), pair(1), pair(2, "rejection")])
    assert (found.row, found.reason) == ("openness_to_change", "absence 2, rejection 1")


def test_a_pair_that_was_written_anew_is_found(pair) -> None:
    measured = check_change([pair(text="I went. ", topic="pets"), pair(1, text="I {0} {0} {0} {0}.")])
    assert [finding.row for finding in measured.findings] == ["pair-1", "all pairs"]


def test_two_pairs_alike_are_found_but_not_the_rows_of_one(pair) -> None:
    assert check_alike_pairs([*pair(0)]) == []
    found = check_alike_pairs([*pair(0), *pair(1)])
    assert [finding.check for finding in found] == ["near-duplicates", "near-duplicates"]
