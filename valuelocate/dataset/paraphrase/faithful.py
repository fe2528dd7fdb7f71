"""Whether a rewrite holds to its constraints and to the original's facts, as far as a program can tell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from valuelocate.dataset.paraphrase.base import Constraints, Request
from valuelocate.dataset.paraphrase.hostile import refusal
from valuelocate.dataset.records import Question
from valuelocate.dataset.text import count_words, normalise

_WORD = re.compile(r"[^\W_]+(?:[.,]\d+)*")
_INNER_CAPITAL = re.compile(r"(?<=[^\W_][ ,;] )[A-Z][^\W\d_]+|(?<=[^\W_] )[A-Z][^\W\d_]+")
_ADDRESS = frozenset({"you", "your", "yours", "yourself", "youd", "youre", "youve", "youll"})


def holds(text: str, words: str) -> bool:
    """Return whether a text holds some words as they are, not as a part of longer ones."""
    return re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text) is not None


def kept_texts(question: Question) -> tuple[str, ...]:
    """Return what a rewrite must keep: the slot fillers, and names and numbers that the answers speak of."""
    answers = "" if question.stances is None else f"{question.stances.pos} {question.stances.neg}"
    shared = {word for word in (*_names(answers), *_numbers(answers)) if holds(question.text, word)}
    # Longest first: a filler that is part of another is kept with it.
    wanted = sorted({*question.slots.values(), *shared}, key=lambda words: (-len(words), words))
    return tuple(
        words
        for place, words in enumerate(wanted)
        if not any(holds(longer, words) for longer in wanted[:place])
    )


def fault_of(rewrite: str, request: Request) -> str | None:
    """Return the rule that a cleaned rewrite breaks, or None.

    The reasons: what `refusal` tells, `same as the original`, `length`, `a detail is lost`, `adds a number`,
    `adds a name`, `speaks to someone else`, `asks otherwise`, `no sentence`.
    """
    return refusal(rewrite) or next(_broken(rewrite, *request), None)


def _broken(rewrite: str, text: str, constraints: Constraints) -> Iterator[str]:
    least, most = constraints.words
    if normalise(rewrite) == normalise(text):
        yield "same as the original"
    if not least <= count_words(rewrite) <= most:
        yield "length"
    if not all(holds(rewrite, words) for words in constraints.keep):
        yield "a detail is lost"
    if not _numbers(rewrite) <= _numbers(text):
        yield "adds a number"
    known = {*normalise(text).split()}
    if any(normalise(name) not in known for name in _names(rewrite)):
        yield "adds a name"
    if bool(_ADDRESS & known) != bool(_ADDRESS & {*normalise(rewrite).split()}):
        yield "speaks to someone else"
    if rewrite.rstrip("\"')").endswith("?") != constraints.question:
        yield "asks otherwise"
    opening = rewrite.lstrip("\"'(")[:1]
    if not (opening.isupper() or opening.isdigit()) or rewrite[-1:] not in {".", "?", "!", '"', "'", ")"}:
        yield "no sentence"


def _numbers(text: str) -> set[str]:
    return {word for word in _WORD.findall(text) if any(sign.isdigit() for sign in word)}


def _names(text: str) -> set[str]:
    return {name for name in _INNER_CAPITAL.findall(text) if len(name) > 1}
