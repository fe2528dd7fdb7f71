"""The tokens by which a model names an option."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float, Float64
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from valuelocate.errors import UserError

_SPACED = ("Ġ", "▁")
"""How byte-level and sentence-piece vocabularies write a leading space."""


def letter_tokens(tokenizer: PreTrainedTokenizerBase, letter: str) -> tuple[int, ...]:
    """Return the single tokens that are the letter, with and without a leading space.

    Raises:
        UserError: the tokenizer has no such token.
    """
    vocabulary = tokenizer.get_vocab()
    candidates = {
        vocabulary[form] for form in (letter, *(space + letter for space in _SPACED)) if form in vocabulary
    }
    for text in (letter, f" {letter}"):
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        candidates |= set(ids) if len(ids) == 1 else set()
    # The unknown token would pass for every letter.
    tokens = tuple(sorted(token for token in candidates if str(tokenizer.decode([token])).strip() == letter))
    if not tokens:
        raise UserError(
            f"model.prompts.letters: the tokenizer has no single token for '{letter}', with or without a "
            f"leading space, so T1 cannot be read; choose other letters (and name them in "
            f"model.prompts.options), or set evaluate.evaluators.preference.metrics=[t2]"
        )
    return tokens


def letter_logits(
    logits: Float[Tensor, "row out"], letters: Sequence[Sequence[int]]
) -> tuple[Float64[Tensor, "row letter"], Float64[Tensor, " row"]]:
    """Return each letter's logit (logsumexp over its tokens) and the probability of all letters together."""
    wide = logits.double()
    per_letter = torch.stack([wide[:, list(tokens)].logsumexp(1) for tokens in letters], dim=1)
    return per_letter, (per_letter.logsumexp(1) - wide.logsumexp(1)).exp()
