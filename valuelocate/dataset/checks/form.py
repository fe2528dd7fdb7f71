"""Form: slips of typing, and questions that do not end by asking for an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Question
from valuelocate.dataset.text import sentences

_INSTRUCTIONS = frozenset(
    (
        *("advise", "answer", "argue", "choose", "complete", "continue", "decide", "defend", "describe"),
        *("draft", "explain", "finish", "give", "guide", "imagine", "list", "make", "name", "pick", "plan"),
        *("put", "rank", "react", "reply", "say", "sketch", "sort", "spend", "suggest", "teach", "tell"),
        *("walk", "weigh", "write"),
    )
)
_REPEATED = re.compile(r"\b([^\W\d_]+)\s+\1\b", re.IGNORECASE)
_SLOT = re.compile(r"\{[^}]*\}|\[[^\]]*\]|<[^>]*>|\b(?:XX+|TBD)\b")
_OPENING_QUOTE = re.compile(r"(?<![\w'])'(?=\w)(?!(?:em|til|tis|twas|cause|n|\d0s|\d\d)\b)")
_CLOSING_QUOTE = re.compile(r"(?<=[\w.,!?])'(?!\w)")
_SOUNDS_CONSONANT = r"(?:one|once|uni|eu|ewe|use|usual|util|ukulele|u-)\w*"
_A_BEFORE_VOWEL = re.compile(rf"\ba\s+(?!{_SOUNDS_CONSONANT})([aeiou]\w*)", re.I)
_A_BEFORE_SILENT = re.compile(r"\ba\s+((?:hour|honou?r|honest|heir)\w*|8\d*|11|18)\b", re.I)
_AN_BEFORE_CONSONANT = re.compile(
    rf"\b[Aa]n\s+((?!(?:hour|honou?r|honest|heir|[A-Z]{{2}})\w*|[a-z]\b)[b-df-hj-np-tv-z]\w*|{_SOUNDS_CONSONANT})"
)


def check_form(texts: Mapping[str, str]) -> list[Finding]:
    """Find slips in texts by id: repeated words, open quotes, a/an, spacing, slots that nothing filled."""
    return [Finding(row, "form", reason) for row, text in texts.items() for reason in _slips(text)]


def check_asks(questions: Sequence[Question]) -> list[Finding]:
    """Find questions that end neither with a question nor with an instruction to answer."""
    return [
        Finding(question.id, "asks", f"ends with '{last}', neither a question nor an instruction")
        for question in questions
        if not _asks(last := sentences(question.text)[-1])
    ]


def _asks(last: str) -> bool:
    if last.rstrip("\"')").endswith("?"):
        return True
    first = re.match(r"\w+", last.lower().lstrip("\"'("))
    return last.endswith(".") and first is not None and first.group() in _INSTRUCTIONS


def _slips(text: str) -> Iterator[str]:
    if text != text.strip() or re.search(r"\s\s", text) or re.search(r"\s[,.;:!?]", text):
        yield "spaces doubled, at an end, or before a punctuation mark"
    for match in _REPEATED.finditer(text):
        yield f"repeated word '{match.group()}'"
    if text.count('"') % 2 or text.count("\u201c") != text.count("\u201d"):
        yield "double quotes do not match"
    if len(_OPENING_QUOTE.findall(text)) > len(_CLOSING_QUOTE.findall(text)):
        yield "a single quote opens and does not close"
    if text.count("(") != text.count(")"):
        yield "brackets do not match"
    for match in (*_A_BEFORE_VOWEL.finditer(text), *_A_BEFORE_SILENT.finditer(text)):
        yield f"'{match.group()}' should begin with an"
    for match in _AN_BEFORE_CONSONANT.finditer(text):
        yield f"'{match.group()}' should begin with a"
    for match in _SLOT.finditer(text):
        yield f"slot '{match.group()}' is not filled"
