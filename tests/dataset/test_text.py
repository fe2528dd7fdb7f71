from __future__ import annotations

import pytest

from valuelocate.dataset.text import count_words, mask_numbers, ngrams, normalise, sentences


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Don't  STOP, now!", "dont stop now"),
        ("Don\u2019t stop\nnow", "dont stop now"),
        ("  \u00c9t\u00e9 caf\u00e9  ", "\u00e9t\u00e9 caf\u00e9"),
        ("e\u0301te\u0301", "\u00e9t\u00e9"),
        ("seven-day week_end", "seven day week end"),
        ("?!", ""),
    ],
)
def test_normalise_drops_case_punctuation_and_spacing(text, expected):
    assert normalise(text) == expected
    assert normalise(expected) == expected


def test_numbers_are_masked():
    assert mask_numbers("12 of 3000") == "0 of 0"


def test_words_are_parts_between_spaces():
    assert count_words("a well-known  tale, isn't it") == 5


def test_sentences_end_at_marks_and_closing_quotes():
    assert sentences('"Come over." She waves! Do you? Yes') == ['"Come over.', "She waves!", "Do you?", "Yes"]


def test_ngrams_of_a_short_text_are_the_text():
    assert ngrams(["a", "b"], 3) == {("a", "b")}
    assert ngrams([], 3) == set()
    assert ngrams(["a", "b", "c", "d"], 3) == {("a", "b", "c"), ("b", "c", "d")}
