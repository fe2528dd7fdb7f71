from __future__ import annotations

from valuelocate.dataset.paraphrase.surroundings import Surroundings

OTHER = "The ferry to the island leaves at noon on Sundays, and you have a ticket for it. Do you go?"


def test_near_duplicates_are_seen_except_of_the_row_itself(question) -> None:
    one, two = question(), question(text=OTHER)
    around = Surroundings([one, two])
    assert around.clash(OTHER.replace("noon", "ten"), "locate", one.id) == "near-duplicate"
    assert around.clash(OTHER.replace("noon", "ten"), "locate", two.id) is None
    assert around.clash("Something else altogether, in other words?", "locate", one.id) is None


def test_runs_of_another_split_are_seen(question) -> None:
    one, two = question(), question(text=OTHER, split="eval")
    around = Surroundings([one, two])
    text = "Your aunt says the ferry to the island leaves at noon on most days. What is your plan, then?"
    assert around.clash(text, "locate", one.id) == "8-word run of another split"
    assert around.clash(text, "eval", one.id) is None


def test_a_replaced_row_is_forgotten_and_the_new_one_known(question) -> None:
    one, two, new = (
        question(),
        question(text=OTHER, split="eval"),
        question(text="A new text of six words, or more?"),
    )
    around = Surroundings([one, two])
    around.replace(two, new)
    assert around.clash(OTHER, "locate", one.id) is None
    assert around.clash(new.text, "locate", one.id) == "near-duplicate"
