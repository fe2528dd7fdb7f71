from __future__ import annotations

import pytest

from valuelocate.dataset.paraphrase import RuleParaphraser
from valuelocate.dataset.paraphrase.clauses import moved_clauses, moved_questions, split_clauses
from valuelocate.dataset.paraphrase.contractions import contracted, expanded
from valuelocate.dataset.paraphrase.speech import reported
from valuelocate.dataset.paraphrase.synonyms import exchanged


@pytest.mark.parametrize(
    ("change", "text", "expected"),
    [
        (
            moved_clauses,
            "While you were away ill, your deputy ran the laboratory well. What now?",
            "Your deputy ran the laboratory well while you were away ill. What now?",
        ),
        (
            moved_clauses,
            "A dairy pays the prize to engineers, although the cleaners had the idea. Which?",
            "Although the cleaners had the idea, a dairy pays the prize to engineers. Which?",
        ),
        (moved_questions, "If Theresia asks you, what do you say?", "What do you say if Theresia asks you?"),
        (moved_questions, "What do you do if the boat is full?", "If the boat is full, what do you do?"),
        (
            split_clauses,
            "The year has brought a profit of six thousand; it is in the account. So?",
            "The year has brought a profit of six thousand. It is in the account. So?",
        ),
        (
            reported,
            "'The water is high,' says the owner. Do you go?",
            "The owner says that the water is high. Do you go?",
        ),
    ],
)
def test_a_safe_change_is_made(change, text: str, expected: str) -> None:
    assert list(change(text)) == [expected]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (moved_clauses, "If Elsa asks for it, you give it to her."),  # `it` and `her` would point at nothing
        (moved_clauses, "If it rains, you stay, and Ravi goes."),
        (moved_clauses, "Until now who goes has been decided by one man, the chief."),
        (moved_clauses, "You did not go, because the boat was full."),  # what `not` belongs to would change
        (moved_clauses, "'If it rains, the road is shut to all,' says Ana."),
        (moved_questions, "Do you know when the boat leaves?"),
        (moved_questions, "How do you decide if the boat leaves?"),
        (moved_questions, "What do you do if she asks?"),
        (split_clauses, "One is red; the other, blue."),
        (split_clauses, "He could go; you and Ravi would stay."),
        (split_clauses, '"Go; you know the way as well as I."'),
        (reported, "'We are guests here,' says the owner."),
        (reported, "'Is the water high?' says the owner."),
        (reported, "'They would pay for all,' says Ilse and folds a sheet."),
        (reported, "'It is getting long, that walk,' says Mrs Horvat over the fence."),
    ],
)
def test_an_unsafe_change_is_not(change, text: str) -> None:
    assert list(change(text)) == []


def test_contractions_go_both_ways() -> None:
    assert (
        contracted("You do not go, cannot stay and Will not wait.")
        == "You don't go, can't stay and Won't wait."
    )
    assert contracted("This is not only late.") == "This is not only late."
    assert (
        expanded("You don't go; you're late. Why don't you stay?")
        == "You do not go; you are late. Why don't you stay?"
    )
    assert expanded("They can't and she won't.") == "They cannot and she will not."


def test_synonyms_keep_capitals_and_leave_quotations() -> None:
    assert exchanged("Nobody knows. Every day someone asks.") == "No one knows. Each day somebody asks."
    assert exchanged("A slider goes to \"everyone\", even though 'nobody's home' is on.").count("every") == 1
    assert exchanged("You stay, though. What do you reply?") == "You stay, though. What is your answer?"


def test_variants_are_few_different_and_composed(constraints) -> None:
    rules = RuleParaphraser()
    text = "If the boat is full, the captain takes nobody aboard. You do not like to wait. What do you reply?"
    found = rules.rewrite(text, constraints(keep=("captain",)))
    assert 2 <= len(found) == len(set(found)) <= 3 and text not in found
    assert (
        found[0]
        == "The captain takes no one aboard if the boat is full. You don't like to wait. What is your answer?"
    )
    assert len(rules.rewrite(text, constraints(count=1))) == 1
    assert rules.rewrite(text, constraints(keep=("nobody", "do not", "reply", "If the boat"))) == []
    assert rules.rewrite("Red or green, in this old town by the sea of yours?", constraints()) == []
    assert rules.source == "composed"
