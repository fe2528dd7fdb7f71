"""Sentences of a question, taken apart and put together without loss."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

_BREAK: Final = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'])|(?<=[.!?][\"'])\s+(?=[A-Z0-9\"'])")

LOWERED: Final = frozenset(
    (
        *("A", "An", "The", "You", "Your", "He", "She", "They", "We", "It", "There"),
        *("His", "Her", "Their", "Our", "Every", "Each", "Nobody", "Everyone", "Everybody"),
    )
)
"""Words that have a capital only because they begin a sentence."""
THIRD: Final = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|himself|herself|itself|themselves|one|ones|this"
    r"|that|these|those|there|so|then|too|such|either|neither|both|another|other|others|same)\b",
    re.IGNORECASE,
)
"""Words that point back at something, and would point at nothing once their clause is moved."""
QUOTED: Final = re.compile(r"[\"\u201c\u201d]|(?<!\w)'|'(?!\w)")


def each_sentence(text: str, change: Callable[[str], str | None]) -> Iterator[str]:
    """Yield the text with one sentence changed, for each sentence that `change` gives another form of."""
    parts = _BREAK.split(text)
    for place, sentence in enumerate(parts):
        # A quotation of several sentences must not be cut in two.
        if sentence.count('"') % 2:
            continue
        changed = change(sentence)
        if changed is not None and changed != sentence:
            yield " ".join([*parts[:place], changed, *parts[place + 1 :]])


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return f"{text[:1].upper()}{text[1:]}"


def lowered(text: str) -> str | None:
    """Return the beginning of a sentence as it stands inside one; None where its capital may be a name's."""
    first = text.split(" ", 1)[0]
    if first == "I" or first.startswith("I'"):
        return text
    return f"{text[0].lower()}{text[1:]}" if first in LOWERED else None
