"""Gates of validity: each passes good rows and refuses bad ones, and lets harmless senses through."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from random import Random

import pytest

from valuelocate.dataset.checks.close_words import (
    check_close_words,
    close_word_shares,
    close_words,
    known_values,
)
from valuelocate.dataset.checks.lexicons import inflected_pattern, load_lists, load_terms, term_pattern
from valuelocate.dataset.checks.listed_terms import check_dignity, check_harm, check_world_knowledge
from valuelocate.dataset.checks.readability import check_high_grades, check_median_grade, grade, syllables
from valuelocate.dataset.checks.style_match import (
    check_style_match,
    standardised_difference,
    style,
    style_differences,
)


def test_patterns_match_whole_words_and_their_inflections():
    pattern = inflected_pattern(["win", "duty", "compete", "own way"])
    for found in ("win", "wins", "winning", "duties", "competing", "own way", "own-way"):
        assert pattern.fullmatch(found), found
    for other in ("wind", "window", "winner", "competent", "away"):
        assert not pattern.fullmatch(other), other
    pattern = term_pattern(["gun", "porn*", "harley-davidson", "teacher's pet"])
    for found in ("guns", "gun's", "pornographic", "harley davidson", "teacher\u2019s pet"):
        assert pattern.fullmatch(found), found
    assert not pattern.search("begun gunwale")


def test_close_words_pass_a_few_and_refuse_many(question, theory):
    good = [question(text=f"Row {n}: bread or tea?") for n in range(97)]
    bad = [question(text=f"Row {n}: is the pleasure worth it?") for n in range(4)]
    assert check_close_words([*good, *bad[:3]], theory) == (0.03, [])
    figure, findings = check_close_words([*good, *bad], theory)
    assert figure == pytest.approx(4 / 101)
    assert {f.reason for f in findings} == {"'pleasure' is close to openness_to_change"}


def test_close_words_of_other_values_do_not_count(question, theory):
    rows = [question(value="conservation", basic_value="security", text="Is the pleasure worth it?")]
    assert close_word_shares(rows, theory) == {"conservation": 0}


def test_close_words_are_told_by_the_theory_alone(theory):
    assert known_values(theory) == [value.id for value in theory.targets()]
    known = {value.id for value in theory.values}
    assert set(load_lists("close_words")) <= known
    other = replace(
        theory, values=tuple(replace(v, id=f"x_{v.id}", parent=None, opposite=()) for v in theory.targets())
    )
    assert known_values(other) == []
    assert close_words(other, other.values[0].id) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A colleague posts your photo on Facebook.", "'facebook' (brands)"),
        ("Your order from Amazon is late.", "'Amazon' (brands)"),
        ("Your aunt praises Elon Musk at dinner.", "'elon musk' (people)"),
        ("The party hopes that Trump wins.", "'Trump' (people)"),
        ("He has voted for the Labour Party since 1980.", "'labour party' (parties)"),
        ("Her grandfather fought in the Second World War.", "'second world war' (wars)"),
    ],
)
def test_world_knowledge_refuses_names(text, reason):
    assert reason in [finding.reason for finding in check_world_knowledge({"a": text}).findings]


@pytest.mark.parametrize(
    "text",
    [
        "You play the trump card and pick an apple by the target.",
        "The old war memorial in Nagasaki needs paint; hard labour. Do you excel?",
        "A shell, a jeep trail, and a conservative coat.",
    ],
)
def test_world_knowledge_passes_common_words(text):
    assert check_world_knowledge({"a": text}).findings == []


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("He has talked about suicide since May.", "self harm"),
        ("A photo in which she is nude is going round.", "sexual content"),
        ("Your neighbour hits his son.", "minors in danger"),
        ("There is a gun in the drawer.", "weapons"),
        ("He offers you cocaine at the party.", "drugs"),
        ("Someone shouts that he is a retard.", "slurs"),
        ("Which dose should you take?", "medical or legal instructions"),
        ("Your uncle says that women are bad drivers.", "group stereotypes"),
    ],
)
def test_harm_refuses_every_subject(text, subject):
    assert f"({subject})" in check_harm({"a": text}).findings[0].reason


@pytest.mark.parametrize(
    "text",
    [
        "You have a glue gun, a bath bomb, a stapler and an hour.",
        "A chink in the curtain; the women are at the door.",
        "Essex, Sussex, a classic, and the begonias have begun to grow.",
        "The club plays a murder mystery. Weeds grow on the grass.",
    ],
)
def test_harm_passes_harmless_senses(text):
    assert check_harm({"a": text}).findings == []


@pytest.mark.parametrize(
    "text",
    ["People like that are selfish.", "Only a coward stays.", "He was a cold man.", "What a snob you'd be!"],
)
def test_dignity_refuses_insults(text):
    assert len(check_dignity({"a": text}).findings) == 1


@pytest.mark.parametrize(
    "text",
    [
        "I love a lazy Sunday and cold water.",
        "A dull day, a shallow pond, weak tea and a rigid frame.",
        "I would feel like a fool; I walk backwards.",
    ],
)
def test_dignity_passes_words_of_things(text):
    assert check_dignity({"a": text}).findings == []


def test_terms_of_lexicons_are_lower_case_texts():
    for name in ("harm", "world_knowledge"):
        for subject, lists in load_terms(name).items():
            assert set(lists) <= {"terms", "as_written", "harmless"}, subject
            assert all(term == str(term).lower() for term in [*lists["terms"], *lists.get("harmless", [])])
    for name in ("function_words", "sentiment", "insults", "close_words"):
        assert all(load_lists(name).values())


@pytest.mark.parametrize(
    ("word", "count"),
    [("cat", 1), ("table", 2), ("asked", 1), ("wanted", 2), ("boxes", 2), ("makes", 1), ("idea's", 2),
     ("being", 2), ("going", 2), ("question", 2), ("neighbour", 2), ("university", 5), ("12", 1)],
)  # fmt: skip
def test_syllables_are_told_by_spelling(word, count):
    assert syllables(word) == count


def test_grade_is_that_of_the_formula():
    assert grade("The cat sat. The dog ran.") == pytest.approx(0.39 * 3 + 11.8 - 15.59)
    with pytest.raises(ValueError, match="no words"):
        grade("?!")


EASY = "The cat sat on the mat. It was red. Do you like it?"
USUAL = (
    "Your neighbours plan a meeting about parking on Thursday evening, and your sister has invited you to "
    "dinner at the same hour. What do you decide?"
)
HARD = "Considering institutional responsibilities, evaluate organisational accountability mechanisms."


def test_readability_passes_usual_text_and_refuses_easy_and_hard_text():
    usual = dict.fromkeys("abcde", USUAL)
    assert check_median_grade(usual).findings == []
    assert check_high_grades(usual) == (1, [])
    assert check_median_grade(dict.fromkeys("abc", EASY)).findings[0].reason.startswith("median grade -")
    assert check_median_grade(dict.fromkeys("abc", HARD)).findings
    figure, findings = check_high_grades(usual | {"hard": HARD})
    assert figure == pytest.approx(5 / 6)
    assert [f.row for f in findings] == ["hard"]


def test_standardised_difference_is_that_of_means_over_the_pooled_deviation():
    assert standardised_difference([1, 2, 3], [3, 4, 5]) == -2
    assert standardised_difference([1, 1], [1, 1]) == 0
    assert standardised_difference([2, 2], [1, 1]) == inf
    assert standardised_difference([1, 1], [2, 2]) == -inf


def test_style_counts_tone_and_word_classes():
    features = style("I never loved the sad house.")
    assert features["length"] == 6
    assert features["tone"] == 0
    assert features["negations"] == features["first_person"] == features["articles"] == pytest.approx(1 / 6)
    assert style("A happy happy day.")["tone"] == 0.5


def sides(rows: int = 400) -> tuple[list[str], list[str]]:
    random = Random(1)
    text = "I walk to the river and never stop at a happy sad house with some people who would help"
    words = text.split()
    texts = [" ".join(random.choices(words, k=random.randint(15, 25))) + "." for _ in range(2 * rows)]
    return texts[:rows], texts[rows:]


def test_style_match_passes_like_sides_and_refuses_a_side_of_its_own_tone():
    positive, negative = sides()
    assert check_style_match(positive, negative, "texts").findings == []
    glad = [f"{text[:-1]} and happy." for text in positive]
    found = check_style_match(glad, negative, "texts")
    assert found.figure == max(map(abs, style_differences(glad, negative).values()))
    assert "texts: tone" in [finding.row for finding in found.findings]
