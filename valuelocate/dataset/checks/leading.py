"""Leading wording: words by which a question praises or blames one of its answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Question

_LEADING = re.compile(
    r"\b(?:surely|of course|obviously|clearly|naturally|undoubtedly|merely|just|only|simply|rightly|wrongly"
    r"|foolish\w*|selfish\w*|cowardly|shameful\w*|brave enough|bold enough|wise enough|have the courage"
    r"|wast(?:es?|ed|ing) (?:of|your|his|her|their|my|our|time|money)|finally admit|as everyone knows"
    r"|why is it (?:wrong|right)|why should (?:nobody|no one|everyone)"
    r"|don't you think|isn't it|wouldn't it be)\b",
    re.IGNORECASE,
)


def check_leading(questions: Sequence[Question]) -> list[Finding]:
    """Find questions with an evaluative adverb or a presupposition that favours one side."""
    return [
        Finding(question.id, "leading wording", f"'{match.group()}' favours one side")
        for question in questions
        for match in _LEADING.finditer(question.text)
    ]
