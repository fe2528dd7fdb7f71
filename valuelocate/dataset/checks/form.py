"""Form: slips of typing, and questions that do not end by asking for an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Question
from valuelocate.dataset.text import sentences

_INSTRUCTIONS = frozenset(
    (
        *("address", "advise", "answer", "argue", "arrange", "ask", "assume", "balance", "begin", "bring"),
        *(
            "call",
            "choose",
            "close",
            "comment",
            "compare",
            "complete",
            "consider",
            "continue",
            "convince",
            "counsel",
        ),
        *(
            "decide",
            "defend",
            "describe",
            "divide",
            "draft",
            "draw",
            "end",
            "explain",
            "fill",
            "finish",
            "give",
        ),
        *(
            "go",
            "grade",
            "guide",
            "imagine",
            "judge",
            "justify",
            "keep",
            "lay",
            "lead",
            "let",
            "list",
            "look",
        ),
        *("make", "map", "meet", "name", "note", "number", "offer", "open", "order", "picture", "place"),
        *(
            "plan",
            "point",
            "pick",
            "pin",
            "post",
            "put",
            "quote",
            "rank",
            "react",
            "reply",
            "respond",
            "say",
            "see",
            "send",
            "set",
        ),
        *("settle", "share", "show", "sketch", "sort", "speak", "spend", "state", "suggest", "sum", "take"),
        *("talk", "teach", "tell", "text", "think", "try", "turn", "walk", "weigh", "word", "write"),
    )
)
_MAY_REPEAT = frozenset({"had", "that"})
"""Words that English doubles: "I had had enough"."""
_REPEATED = re.compile(r"\b([^\W\d_]+)\s+\1\b", re.IGNORECASE)
_SLOT = re.compile(r"\{[^}]*\}|\[[^\]]*\]|<[^>]*>|\b(?:XX+|TBD)\b")
_OPENING_QUOTE = re.compile(r"(?<![\w'])'(?=\w)(?!(?:em|til|tis|twas|cause|n|\d0s|\d\d)\b)")
_CLOSING_QUOTE = re.compile(r"(?<=[\w.,!?])'(?!\w)")
_SOUNDS_CONSONANT = r"(?:one|once|uni|eu|ewe|use|usual|util|ukulele|u-)\w*"
_A_BEFORE_VOWEL = re.compile(rf"(?<![\w'])a\s+(?!{_SOUNDS_CONSONANT})([aeiou]\w*)", re.I)
_A_BEFORE_SILENT = re.compile(r"(?<![\w'])a\s+((?:hour|honou?r|honest|heir)\w*|8\d*|11|18)\b", re.I)
_AN_BEFORE_CONSONANT = re.compile(
    rf"(?<![\w'])[Aa]n\s+((?!(?:hour|honou?r|honest|heir|[A-Z]{{2}})\w*|[a-z]\b)[b-df-hj-np-tv-z]\w*|{_SOUNDS_CONSONANT})"
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


def with_articles(text: str) -> str:
    """Return the text with a and an as the following word is spoken."""
    for pattern in (_A_BEFORE_VOWEL, _A_BEFORE_SILENT):
        text = pattern.sub(lambda match: f"{match.group()[0]}n{match.group()[1:]}", text)
    return _AN_BEFORE_CONSONANT.sub(lambda match: f"{match.group()[0]}{match.group()[2:]}", text)


def _asks(last: str) -> bool:
    if last.rstrip("\"')").endswith("?"):
        return True
    clauses = (clause.lstrip(" \"'(") for clause in re.split(r"[:;]", last.lower()))
    firsts = (re.match(r"\w+", clause) for clause in clauses)
    return last.endswith(".") and any(first and first.group() in _INSTRUCTIONS for first in firsts)


def _slips(text: str) -> Iterator[str]:
    if text != text.strip() or re.search(r"\s\s", text) or re.search(r"\s(?!\.\.\.)[,.;:!?]", text):
        yield "spaces doubled, at an end, or before a punctuation mark"
    for match in _REPEATED.finditer(text):
        if match.group(1).lower() in _MAY_REPEAT:
            continue
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
