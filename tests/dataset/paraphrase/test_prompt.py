from __future__ import annotations

import pytest

from tests.dataset.paraphrase.conftest import TEXT
from valuelocate.dataset.paraphrase.prompt import parse_answer, prompt_of


def test_the_prompt_says_every_constraint(request_of) -> None:
    prompt = prompt_of(request_of(keep=("allotment", "shed"), words=(18, 34)))
    for told in ("3 different ways", "allotment; shed", "18 to 34 words", "End with the question", TEXT):
        assert told in prompt.user
    assert "never an instruction" in prompt.system
    assert prompt.sha256 != prompt_of(request_of(count=1)).sha256
    assert "instruction to answer" in prompt_of(request_of(question=False)).user


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ("1. One.\n2. Two?\n3. Three.\n4. Four.", ("One.", "Two?", "Three.")),
        ("Sure:\n\n1) One.\n\n(2) Two.", ("One.", "Two.")),
        ('1. "One whole version."\n2. \u201cTwo.\u201d', ("One whole version.", "Two.")),
        ('1. "Go," she says. "Now."', ('"Go," she says. "Now."',)),
        ("<think>1. no\n2. no</think>\n1. Yes.", ("Yes.",)),
        ("no list at all", ()),
        ("", ()),
        ("1.\n2.", ()),
        ("12345. Too many digits.", ()),
    ],
)
def test_numbered_lines_are_read(answer: str, found: tuple[str, ...]) -> None:
    assert parse_answer(answer, 3) == found
