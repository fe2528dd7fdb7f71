"""Direct speech made reported speech, where no word of it would have to change."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from valuelocate.dataset.paraphrase.sentences import capital, each_sentence, lowered

_SAID: Final = re.compile(r"^(['\"])([^'\"?!;:,]+),\1 (says|writes|texts) ([^,;:.'\"?!]+)\.$")
_SHIFTS: Final = re.compile(
    r"\b(?:I|me|my|mine|we|us|our|you|your|yours|here|now|today|tomorrow|tonight|yesterday|ago|this|these|please|let"
    r"|next|last|come|yes|no|well|oh)\b|'",
    re.IGNORECASE,
)
"""Words that mean something else in another mouth, or are no statement."""
_SUBJECT: Final = re.compile(
    r"(?:the|a|an|your|his|her|their) [a-z]+|(?:(?:the|your|his|her|their) [a-z]+ )?(?:[A-Z]\w+ )?[A-Z]\w+"
)
"""Who speaks, and nothing of what they do or where they stand."""
_STATEMENT: Final = re.compile(
    r"^(?:the|a|an|there|it|they|he|she|every|each|nobody|everyone|everybody|most|all|some)\b.*"
    r"\b(?:is|are|was|were|will|would|has|have|had|can|could|may|might|must|should|does|do|did)\b",
    re.IGNORECASE,
)


def reported(text: str) -> Iterator[str]:
    """Yield the text with a spoken statement reported: "The road is shut," says Ana. -> Ana says that ..."""
    yield from each_sentence(text, _reported)


def _reported(sentence: str) -> str | None:
    found = _SAID.match(sentence)
    if found is None:
        return None
    _, said, verb, who = found.groups()
    inside = lowered(said)
    if inside is None or _SHIFTS.search(said) or not _STATEMENT.match(said):
        return None
    if not _SUBJECT.fullmatch(who):
        return None
    return f"{capital(who)} {verb} that {inside}."
