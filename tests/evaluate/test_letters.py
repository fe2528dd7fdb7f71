from __future__ import annotations

import pytest
import torch

from tests.tiny_models import tiny_tokenizer
from valuelocate.errors import UserError
from valuelocate.evaluate.letters import letter_logits, letter_tokens


def test_a_letter_has_a_token_with_and_one_without_a_leading_space() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.add_tokens([" B"])
    found = letter_tokens(tokenizer, "B")
    assert [tokenizer.decode([token]) for token in found] == ["B", " B"]


def test_a_letter_without_a_token_is_refused_with_what_to_do() -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.unk_token = "<pad>"
    with pytest.raises(UserError, match=r"model.prompts.letters.*no single token for 'Ω'.*metrics=\[t2\]"):
        letter_tokens(tokenizer, "Ω")


def test_letters_gather_the_probability_of_their_tokens() -> None:
    probability = torch.tensor([[0.1, 0.2, 0.3, 0.4], [0.7, 0.1, 0.1, 0.1]], dtype=torch.float64)
    logits = probability.log() + 5
    per_letter, mass = letter_logits(logits, [(0, 2), (1,)])
    expected = torch.tensor([[0.4, 0.2], [0.8, 0.1]], dtype=torch.float64).log() + 5
    torch.testing.assert_close(per_letter, expected)
    torch.testing.assert_close(mass, torch.tensor([0.6, 0.9], dtype=torch.float64))
