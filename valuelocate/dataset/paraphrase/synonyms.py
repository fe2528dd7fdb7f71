"""Small sets of words and turns of phrase that can stand for one another wherever they stand."""

from __future__ import annotations

import re
from typing import Final

_SETS: Final[tuple[tuple[str, str], ...]] = (
    ("nobody", "no one"),
    ("everybody", "everyone"),
    ("somebody", "someone"),
    ("anybody", "anyone"),
    ("until", "till"),
    ("perhaps", "maybe"),
    ("although", "though"),
    ("at once", "right away"),
    ("in the end", "eventually"),
    ("at present", "at the moment"),
)
_TIMES: Final = "morning|afternoon|evening|night|day|week|month|year|spring|summer|autumn|winter"
_PATTERNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = (
    (re.compile(rf"\b([Ee])very (?=(?:{_TIMES})\b)"), "{}ach "),
    (re.compile(rf"\b([Ee])ach (?=(?:{_TIMES})\b)"), "{}very "),
    (re.compile(r"\bWhat do you (?:reply|answer)\?"), "What is your answer?"),
    (re.compile(r"\bWhat do you decide\?"), "What is your decision?"),
    (re.compile(r"\bHow do you react\?"), "What is your reaction?"),
    (re.compile(r"\bWhat is your reaction\?"), "How do you react?"),
    (re.compile(r"\bWhat is your first thought\?"), "What do you think first?"),
    (re.compile(r"\bWhat is your first reaction\?"), "How do you react at first?"),
    (re.compile(r"\bHow do you decide\?"), "How do you make up your mind?"),
    (re.compile(r"\bWhat weighs most with you\?"), "What counts most for you?"),
    (re.compile(r"\bWhat weighs most\?"), "What counts most?"),
    (re.compile(r"\bWhat counts most\?"), "What weighs most?"),
)
_BETWEEN: Final = r"(?<![\w'-]){}(?![\w'-])"
_WORDS: Final = {word: other for pair in _SETS for word, other in (pair, pair[::-1])}
_ANY: Final = re.compile(
    _BETWEEN.format(f"(?:{'|'.join(sorted(map(re.escape, _WORDS), key=len, reverse=True))})"), re.IGNORECASE
)
_FIXED: Final = re.compile(
    r"\b(?:as though|even though|though[,.;?!]|till (?:and|is|receipt)|the till|a till)"
    r"|\"[^\"]*\"|(?<!\w)'(?:[^']|(?<=\w)'(?=\w))*'(?!\w)",
    re.IGNORECASE,
)
"""Where a word means something else, or words are somebody's own, which an answer may repeat."""


def exchanged(text: str) -> str:
    """Return the text with every word and turn of phrase of the sets exchanged."""
    spared = [found.span() for found in _FIXED.finditer(text)]

    def other(found: re.Match[str]) -> str:
        if any(start <= found.start() < end for start, end in spared):
            return found.group()
        word = _WORDS[found.group().lower()]
        return word[0].upper() + word[1:] if found.group()[0].isupper() else word

    changed = _ANY.sub(other, text)
    # From the text as it was, so that no pattern undoes the work of another.
    for pattern, replacement in _PATTERNS:
        if pattern.search(text):
            changed = pattern.sub(lambda found, to=replacement: to.format(*found.groups()), changed)  # type: ignore[misc]
    return changed
