"""Value words: a text must not name a value or use a close form of its name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Record
from valuelocate.values import Theory

_PREFIX = r"(?:un|in|dis|non|over)?-?"
_ENDINGS = r"(?:s|es|ed|d|ing|ly|rs?|ers?|st|est|ness|ful|fully|less|al|ally|ism|ists?|ic)?"


def value_word_pattern(theory: Theory) -> re.Pattern[str]:
    """Return a pattern for the names and the lexicon of all values of a theory, inflected forms included."""
    words = {word.lower() for value in theory.values for word in (value.name, value.short, *value.lexicon)}
    return re.compile(rf"\b{_PREFIX}(?:{'|'.join(_forms(word) for word in sorted(words))})\b", re.IGNORECASE)


def check_value_words(records: Sequence[Record], theory: Theory) -> list[Finding]:
    """Find texts of questions and descriptions with a word of any value of the theory."""
    pattern = value_word_pattern(theory)
    return [
        Finding(record.id, "value words", f"'{match.group()}' gives a value away")
        for record in records
        for match in pattern.finditer(record.text)
    ]


def _forms(word: str) -> str:
    gap = r"[\s_-]+"
    parts = [re.escape(part) for part in re.split(r"[\s_-]+", word)]
    *head, last = parts
    if last.endswith("y"):
        tail = rf"{last[:-1]}(?:y|ys|ies|ied|yed|ying|ily)"
    elif last.endswith("e"):
        tail = rf"{last}{_ENDINGS}|{gap.join([*head, ''])}{last[:-1]}(?:ing|ity|able|ious)"
    else:
        tail = rf"{last}{_ENDINGS}"
    return rf"{gap.join([*head, ''])}{tail}"
