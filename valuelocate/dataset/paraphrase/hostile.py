"""What a model says is data: control characters are taken out, and what is no plain text is refused."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

_STRAIGHT: Final = str.maketrans(
    {"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2026": "...", "\u00a0": " "}
)
_REFUSED: Final[Mapping[str, re.Pattern[str]]] = {
    "chat markers": re.compile(
        r"<\|?/?\w*\|>|\|>|<\||<</?sys>>|\[/?inst\]|</?s>|<(?:start|end)_of_\w+>|</?think\w*>|</?text>"
        r"|^\W*(?:system|assistant|user|human|ai)\s*:|#{2,}",
        re.IGNORECASE,
    ),
    "a link": re.compile(
        r"\b\w{2,}://|\bwww\.|\b(?:mailto|javascript|data):\S|\S@\S+\.\w|\b[\w-]+\.(?:com|org|net|io|ai|gov|edu)\b",
        re.IGNORECASE,
    ),
    "code or markup": re.compile(
        r"[`{}<>\\|^~=]|\*\*|__|\$\(|\);|\w\(\)|&\w+;|&#\d+;|\b(?:sudo|rm -rf|eval|import os)\b"
    ),
    "talk about the task": re.compile(
        r"\b(?:as an ai|language model|rewrit\w+|paraphras\w+|version \d|the (?:original|given) text"
        r"|ignore (?:all |the |your )*(?:previous|prior|above)|(?:previous|these) instructions"
        r"|here (?:is|are) \w+ (?:version|way)s?|i (?:cannot|can't) (?:help|assist))\b",
        re.IGNORECASE,
    ),
}


def clean(text: str) -> str:
    """Return the text without control and invisible characters, with straight quotes and single spaces."""
    # Line breaks separate words; other control characters stand inside them.
    spaced = re.sub(r"\s", " ", unicodedata.normalize("NFC", text).translate(_STRAIGHT))
    kept = (character for character in spaced if unicodedata.category(character)[0] != "C")
    return " ".join("".join(kept).split())


def refusal(text: str) -> str | None:
    """Return why a cleaned text may not enter a dataset, or None."""
    for reason, pattern in _REFUSED.items():
        if pattern.search(text):
            return reason
    if any(letter.isalpha() and not unicodedata.name(letter, "").startswith("LATIN") for letter in text):
        return "letters of another script"
    if any(unicodedata.category(character) in ("So", "Sk", "Mn", "Me") for character in text):
        return "pictures or marks"
    return None
