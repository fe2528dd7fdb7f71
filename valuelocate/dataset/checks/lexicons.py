"""Word lists that checks read from data: plain lists by name, and patterns made from them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

import yaml

from valuelocate.dataset.shipped import DATA

Lists = Mapping[str, list[str]]


@cache
def load_lists(name: str) -> Lists:
    """Return the lists of a lexicon that are plain, by their key."""
    return {key: [str(word) for word in words] for key, words in _read(name).items()}


@cache
def load_terms(name: str) -> dict[str, Lists]:
    """Return the subjects of a lexicon, each with the lists `terms`, `as_written` and `harmless`."""
    return dict(_read(name))


def inflected_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern, for lower-cased text, of words or phrases and their regular inflections."""
    return _whole_words(sorted(_inflected(word.lower()) for word in set(words)))


def term_pattern(terms: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for terms in exactly their case, with a plural or possessive s; a star is any ending.

    Matching lower-case terms in lower-cased text is several times faster than a pattern that ignores case.
    """
    return _whole_words(rf"{_literal(term)}(?:['\u2019]?s)?" for term in sorted(terms))


def _read(name: str) -> dict[str, Lists]:
    loaded: dict[str, Lists] = yaml.safe_load((DATA / "lexicons" / f"{name}.yaml").read_text("utf-8"))
    return loaded


def _whole_words(alternatives: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{'|'.join(alternatives)})(?!\w)")


def _literal(term: str) -> str:
    """Escape a term; spaces and hyphens stand for each other, a star for any ending."""
    parts = re.split(r"[\s-]+", term)
    return r"[\s-]+".join(re.escape(part).replace(r"\*", r"\w*").replace("'", "['\u2019]") for part in parts)


def _inflected(word: str) -> str:
    literal = _literal(word)
    if re.search(r"[^aeiou]y$", word):
        return rf"{literal[:-1]}(?:y|ies|ied|ying|ily)"
    if word.endswith("e"):
        return rf"{literal[:-1]}(?:e|es|ed|ely|ing)"
    doubled = word[-1] if re.search(r"[^aeiou][aeiou][bdgklmnprt]$", word) else ""
    double = rf"|{doubled}ed|{doubled}ing" if doubled else ""
    return rf"{literal}(?:s|es|ed|ing|ly{double})?"
