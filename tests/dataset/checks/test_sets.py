"""Checks of whole sets: redundancy, overlap, balance, and what bare words tell."""

from __future__ import annotations

import pytest

from valuelocate.dataset.checks import shared_ngrams
from valuelocate.dataset.checks.balance import check_pole_lengths, check_question_mean, pole_length_difference
from valuelocate.dataset.checks.counts import check_description_counts, check_question_counts
from valuelocate.dataset.checks.duplicates import check_exact_duplicates, check_near_duplicates
from valuelocate.dataset.checks.openings import check_openings, opening_shares
from valuelocate.dataset.checks.overlap import check_overlap
from valuelocate.dataset.checks.polarity_leak import PoledText, polarity_auroc
from valuelocate.dataset.text import ngrams, normalise

WORDS = "a cat sat on the red mat by a door of my house and looked out at the rain"


def test_exact_duplicates_ignore_case_punctuation_and_numbers():
    texts = {"a": "Two cats, 12 mats?", "b": "two cats 300 mats", "c": "Two cats, many mats?"}
    (finding,) = check_exact_duplicates(texts)
    assert (finding.row, finding.reason) == ("b", "same text as a")


def test_near_duplicates_are_found_at_the_threshold():
    words = WORDS.split()
    changed = " ".join([*words[:-1], "sun"])
    (finding,) = check_near_duplicates({"a": WORDS, "b": changed})
    assert finding.row == "b"
    assert "those of a" in finding.reason
    assert check_near_duplicates({"a": WORDS, "b": " ".join(words[::-1])}) == []


@pytest.mark.parametrize("threshold", [0.2, 0.5, 0.7])
def test_near_duplicates_agree_with_comparing_every_pair(threshold):
    words = WORDS.split()
    texts = {f"{n}": " ".join(words[:n] + words[n + n % 3 :]) for n in range(len(words))}

    def jaccard(first: str, second: str) -> float:
        one, two = ngrams(normalise(first).split(), 3), ngrams(normalise(second).split(), 3)
        return len(one & two) / len(one | two)

    rows = list(texts)
    expected = sum(
        jaccard(texts[rows[i]], texts[rows[j]]) >= threshold for i in range(len(rows)) for j in range(i)
    )
    assert expected > 0
    assert len(check_near_duplicates(texts, threshold=threshold)) == expected


def test_shared_ngrams_are_the_common_runs():
    assert shared_ngrams([f"Well, {WORDS}."], [WORDS.upper()], n=18) == [
        " ".join(WORDS.split()[:18]),
        " ".join(WORDS.split()[1:]),
    ]
    assert shared_ngrams(["one two three"], ["one two three"]) == []
    assert shared_ngrams([], [WORDS]) == []


def test_overlap_finds_runs_in_two_splits(question):
    rows = [question(text=f"{WORDS}. What now?"), question(text=f"Then {WORDS}?", split="eval")]
    findings = check_overlap(rows)
    assert {finding.row for finding in findings} == {"eval/locate"}
    assert len(findings) == len(WORDS.split()) - 7
    assert check_overlap(rows[:1]) == []


def test_openings_find_a_beginning_that_is_too_common():
    texts = [f"Imagine you are {n}." for n in range(5)] + [f"w{n} x{n} y" for n in range(95)]
    assert opening_shares(texts)[0] == ("imagine you", 0.05)
    assert [finding.row for finding in check_openings(texts)] == ["imagine you"]
    many = [f"open{n % 10} it {n}" for n in range(30)] + [f"w{n} x{n} y" for n in range(70)]
    assert [finding.row for finding in check_openings(many)] == ["ten commonest"]
    assert check_openings([f"w{n} x{n} y" for n in range(95)]) == []


def test_counts_find_cells_with_rows_missing_or_too_many(description, question, theory):
    rows = [question(value="openness"), question(value="conservation", basic_value="security")]
    findings = check_question_counts(rows, theory, {"locate": 1})
    assert {finding.row for finding in findings} == {"self_enhancement/locate", "self_transcendence/locate"}
    assert findings[0].reason == "0 rows; expected 1"
    findings = check_description_counts([description(split="dev")], theory, {"dev": 0})
    assert [finding.row for finding in findings] == ["openness_to_change/pos/dev"]


def test_pole_lengths_find_one_pole_longer(description):
    rows = [description(text="I " * 50), description(text="I " * 47, polarity="neg", neg_kind="absence")]
    assert pole_length_difference(rows) == 3
    assert check_pole_lengths(rows)[0].reason == "means differ by +3.00 words"
    assert (
        check_pole_lengths([rows[0], description(text="I " * 49, polarity="neg", neg_kind="absence")]) == []
    )


def test_question_mean_finds_a_set_of_short_questions(question):
    assert check_question_mean([question(text="word " * 20)])[0].reason == "mean of 20.0 words"
    assert check_question_mean([question(text="word " * 30)]) == []


def poled(mark: str | None) -> list[PoledText]:
    """Texts about ten topics; with a mark, one pole has a word the other never has."""
    return [
        PoledText(
            f"topic{topic} again {mark if mark and positive else 'word'}",
            positive,
            "conservation",
            f"{topic}",
        )
        for topic in range(10)
        for positive in (True, False)
    ]


def test_polarity_is_told_by_a_word_of_one_pole_and_by_nothing_else(theory):
    assert polarity_auroc(poled("joy"), theory) == 1.0
    assert polarity_auroc(poled(None), theory) == 0.5


def test_polarity_does_not_read_value_words(theory):
    named = [
        text._replace(text=f"{text.text} {'loyal' if text.positive else 'fair'}") for text in poled(None)
    ]
    assert polarity_auroc(named, theory) == 0.5


def test_polarity_needs_both_poles_and_five_topics(theory):
    with pytest.raises(ValueError, match="needs texts of both poles about at least 5 topics"):
        polarity_auroc(poled(None)[:6], theory)
