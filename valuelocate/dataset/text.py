"""Plain text as the dataset compares it: normal forms, words, sentences and word n-grams."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_APOSTROPHES = re.compile("['\u2018\u2019]")
_NOT_WORD = re.compile(r"[^\w]+|_")
_NUMBER = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"(?<=[.!?])[\"'\u201d\u2019)]*\s+")


def normalise(text: str) -> str:
    """Return the text without case, punctuation and spacing; "Don't  stop!" becomes "dont stop"."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(_NOT_WORD.sub(" ", _APOSTROPHES.sub("", plain)).split())


def mask_numbers(text: str) -> str:
    """Return the text with every run of digits as 0, so that texts differing in numbers only are equal."""
    return _NUMBER.sub("0", text)


def count_words(text: str) -> int:
    """Return the number of parts between spaces, the length that all limits refer to."""
    return len(text.split())


def sentences(text: str) -> list[str]:
    """Split a text after full stops, question marks and exclamation marks."""
    return [sentence for sentence in _SENTENCE_END.split(text.strip()) if sentence]


def ngrams(words: Sequence[str], n: int) -> set[tuple[str, ...]]:
    """Return the runs of `n` words; a shorter text is one run of all its words."""
    if len(words) <= n:
        return {tuple(words)} if words else set()
    return {tuple(words[start : start + n]) for start in range(len(words) - n + 1)}
