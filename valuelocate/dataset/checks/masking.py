"""Masking: a text without its exchangeable details, to see what two rows share beneath them."""

from __future__ import annotations

import re

from valuelocate.dataset.records import Record
from valuelocate.dataset.text import normalise

SLOT = "slot"
NUMBER = "0"
_NUMBERS = re.compile(
    r"\b(?:\d+\w*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|eigh|nine)teen"
    r"|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundreds?|thousands?|millions?|dozens?)"
    r"(?: (?:\d+\w*|one|two|three|four|five|six|seven|eight|nine|hundred|thousand|million))*\b"
)


def mask(text: str, fillers: tuple[str, ...] = ()) -> str:
    """Return the normalised text with each filler as `slot` and each number, in digits or words, as 0."""
    plain = normalise(text)
    literal = [re.escape(found) for found in sorted(map(normalise, fillers), key=len, reverse=True) if found]
    if literal:
        plain = re.sub(rf"\b(?:{'|'.join(literal)})\b", SLOT, plain)
    return _NUMBERS.sub(NUMBER, plain)


def masked_text(record: Record) -> str:
    """Return the text of a row with the fillers of its slots and its numbers masked."""
    return mask(record.text, tuple(getattr(record, "slots", {}).values()))
