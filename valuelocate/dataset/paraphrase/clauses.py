"""Clause order: clauses at a comma change places, and a semicolon becomes a full stop."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from valuelocate.dataset.paraphrase.sentences import QUOTED, THIRD, capital, each_sentence, lowered

_FRONT: Final = re.compile(
    r"^(If|When|Although|Though|Because|Once|While|After|Before|As soon as|Unless) ([^,;:()-]+), "
    r"([^,;:()-]+)\.$"
)
_BACK: Final = re.compile(r"^([^,;:()-]+?),? (because|although|unless|once) ([^,;:()-]+)\.$")
_JOINED: Final = re.compile(
    r"\b(?:and|or|but|nor|yet|than|that|which|who|whom|whose|where|if|when|because|although|though|while|until|unless"
    r"|not|never|only|just|even|as|whether|what|how|why)\b|n't\b",
    re.IGNORECASE,
)
"""Words with which a clause might no longer belong to what it belonged to."""
_PART: Final = re.compile(r"\b\w+(?:ing|ed)\b", re.IGNORECASE)
_MOST_WORDS: Final = 12
_ASKS: Final = (
    r"(?:what (?:do|would|will|should) you (?:do|say|reply|answer|choose|tell (?:him|her|them))"
    r"|what is your (?:first )?(?:reaction|thought|answer|reply)"
    r"|what (?:weighs|counts) most(?: with you| for you)?"
    r"|how (?:do|would|will) you (?:react|decide|answer|reply))"
)
_ASK_LAST: Final = re.compile(rf"^(If|When|Once|Now that) ([^,;:()?]+), ({_ASKS})\?$")
_ASK_FIRST: Final = re.compile(rf"^({_ASKS}) (if|once|now that) ([^,;:()?]+)\?$", re.IGNORECASE)
_LEAST_WORDS: Final = 4


def moved_clauses(text: str) -> Iterator[str]:
    """Yield the text with a clause moved to the other end of its sentence."""
    yield from each_sentence(text, _moved_back)
    yield from each_sentence(text, _moved_front)


def moved_questions(text: str) -> Iterator[str]:
    """Yield the text with the question and the condition of its closing sentence in the other order."""
    yield from each_sentence(text, _question_front)
    yield from each_sentence(text, _question_back)


def split_clauses(text: str) -> Iterator[str]:
    """Yield the text with a semicolon made a full stop."""
    yield from each_sentence(text, _split)


def _moved_back(sentence: str) -> str | None:
    """Make "If it rains, you stay." of "You stay if it rains." the other way round."""
    found = _FRONT.match(sentence)
    if found is None or QUOTED.search(sentence):
        return None
    word, side, main = found.groups()
    if not _may_move(main) or _PART.match(side) or len(side.split()) > _MOST_WORDS:
        return None
    # A main clause begins with its subject; whatever else is a list, an inversion or an afterthought.
    if not re.match(r"(?:you|the|your|a|an|I)\b", main) or len(main.split()) < _LEAST_WORDS + 1:
        return None
    return f"{capital(main)} {word.lower()} {side}."


def _moved_front(sentence: str) -> str | None:
    found = _BACK.match(sentence)
    if found is None or QUOTED.search(sentence):
        return None
    main, word, side = found.groups()
    inside = lowered(main)
    if inside is None or not _may_move(side) or _JOINED.search(main) or len(side.split()) < _LEAST_WORDS - 1:
        return None
    # `once` is also a number of times, and "because of" no conjunction.
    if word == "once" and not re.match(r"(?:you|the|your|I)\b", side):
        return None
    return None if side.startswith("of ") else f"{capital(word)} {side}, {inside}."


def _may_move(clause: str) -> bool:
    return not (THIRD.search(clause) or _JOINED.search(clause)) and len(clause.split()) <= _MOST_WORDS


def _question_front(sentence: str) -> str | None:
    found = _ASK_LAST.match(sentence)
    if found is None or QUOTED.search(sentence) or THIRD.search(found[3]):
        return None
    return f"{capital(found[3])} {found[1].lower()} {found[2]}?"


def _question_back(sentence: str) -> str | None:
    found = _ASK_FIRST.match(sentence)
    if found is None or QUOTED.search(sentence) or THIRD.search(found[3]) or _JOINED.search(found[3]):
        return None
    # "What do you say if ..." tells, "How do you decide if ..." asks whether.
    if found[1].lower().endswith(("decide", "say", "answer", "reply", "choose")) and found[2].lower() == "if":
        return None
    return f"{capital(found[2])} {found[3]}, {found[1][0].lower()}{found[1][1:]}?"


def _split(sentence: str) -> str | None:
    if sentence.count(";") != 1 or QUOTED.search(sentence) or ":" in sentence or "(" in sentence:
        return None
    first, second = sentence.split("; ") if "; " in sentence else ("", "")
    # Without a subject and a verb of its own a part is no sentence.
    subject = re.match(r"(?:you|he|she|they|we|it|I|there)(?= \w+)(?! (?:who|and|or|alone)\b)", second)
    if subject is None or min(len(first.split()), len(second.split())) < _LEAST_WORDS:
        return None
    return f"{first}. {capital(second)}"
