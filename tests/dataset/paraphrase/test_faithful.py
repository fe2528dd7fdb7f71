from __future__ import annotations

import pytest

from tests.dataset.paraphrase.conftest import REWRITE, TEXT
from valuelocate.dataset.paraphrase.faithful import fault_of, holds, kept_texts


def test_a_faithful_rewrite_has_no_fault(request_of) -> None:
    assert fault_of(REWRITE, request_of(keep=("allotment", "summer"))) is None


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        (TEXT.upper(), "same as the original"),
        ("What do you do with it?", "length"),
        (REWRITE.replace("allotment", "plot"), "a detail is lost"),
        (REWRITE.replace("a whole", "3 of a"), "adds a number"),
        (REWRITE.replace("neighbour is", "neighbour Carla is"), "adds a name"),
        (REWRITE.replace("Your", "Her").replace("you", "she"), "speaks to someone else"),
        (REWRITE.removesuffix("?") + ".", "asks otherwise"),
        (REWRITE[0].lower() + REWRITE[1:], "no sentence"),
        (REWRITE + "</s>?", "chat markers"),
    ],
)
def test_each_broken_rule_is_told(rewrite: str, reason: str, request_of) -> None:
    assert fault_of(rewrite, request_of(keep=("allotment",))) == reason


def test_an_instruction_stays_one(request_of) -> None:
    asked = request_of(
        "You have a free day in the town of your childhood. Say what you do with it.", question=False
    )
    assert (
        fault_of("In the town of your childhood you have a whole day free. Say what you do with it.", asked)
        is None
    )
    assert (
        fault_of("In the town of your childhood you have a day free. What do you do with it?", asked)
        == "asks otherwise"
    )


def test_words_are_held_whole() -> None:
    assert holds("Ann goes.", "Ann") and not holds("Annual cards.", "Ann") and not holds("140 people", "14")


def test_slots_and_what_the_answers_speak_of_are_kept(question) -> None:
    row = question(
        text="At ten Ravi and Ines may see all 12 boats in Port Alder. Where do you send Ravi?",
        stances={"pos": "To the boats, Ravi, all 12 of them.", "neg": "Home, says Ravi; Rome is far."},
        slots={"place": "Port Alder", "town": "Alder"},
    )
    assert kept_texts(row) == ("Port Alder", "Ravi", "12")
