"""Contractions: long forms made short, or short ones long, where both are right."""

from __future__ import annotations

import re
from typing import Final

_NEGATED: Final = "do|does|did|is|are|was|were|has|have|had|would|should|could|need"
_SHORT: Final = re.compile(rf"\b({_NEGATED}) not\b(?! only\b|,)", re.IGNORECASE)
_CANNOT: Final = re.compile(r"\b(?:(can)not|(will) not)\b(?! only\b|,)", re.IGNORECASE)
_SUBJECT: Final = "I|you|he|she|it|we|they|that|there|who"
_LONG: Final = re.compile(rf"\b((?:{_SUBJECT}) (?:{_NEGATED}))n't\b", re.IGNORECASE)
_LONG_WILL: Final = re.compile(rf"\b((?:{_SUBJECT}) )(can't|won't)\b", re.IGNORECASE)
_JOINED: Final = re.compile(r"\b(you|they|we)'(re|ve|ll)\b|\b(I)'(m|ve|ll)\b", re.IGNORECASE)
_WHOLE: Final = {"re": "are", "ve": "have", "ll": "will", "m": "am"}


def contracted(text: str) -> str:
    """Return the text with `do not` and the like made short."""
    text = _SHORT.sub(r"\1n't", text)
    return _CANNOT.sub(lambda found: _short_modal(found), text)


def expanded(text: str) -> str:
    """Return the text with `you don't`, `you're` and the like made long.

    After anything but a pronoun a negation stays short: "Why don't you" has another order when long.
    """
    text = _LONG.sub(r"\1 not", text)
    text = _LONG_WILL.sub(lambda found: f"{found[1]}{'cannot' if found[2][0] in 'cC' else 'will not'}", text)
    return _JOINED.sub(lambda found: f"{found[1] or found[3]} {_WHOLE[found[2] or found[4]]}", text)


def _short_modal(found: re.Match[str]) -> str:
    first = found.group()[0]
    return f"{first}an't" if found[1] else f"{first}on't"
