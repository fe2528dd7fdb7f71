"""What a run against a server will cost, told before the first call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from valuelocate.dataset.paraphrase.prompt import Prompt
from valuelocate.dataset.text import count_words

_MILLION = 1_000_000


class Estimate(NamedTuple):
    """Calls, tokens and, where prices are known, money."""

    rows: int
    prompt_tokens: int
    answer_tokens: int
    """At most: that every answer is as long as it may be."""
    cost: float | None
    """In the currency of the prices; None where one is not known."""

    def __str__(self) -> str:
        cost = "price not known" if self.cost is None else f"about {self.cost:.2f} at most"
        return (
            f"{self.rows} rows, about {self.prompt_tokens:,} prompt tokens and at most "
            f"{self.answer_tokens:,} answer tokens, {cost}"
        )


def estimate(
    prompts: Sequence[Prompt], max_tokens: int, price_in: float | None, price_out: float | None
) -> Estimate:
    """Estimate a run, taking four tokens for three words.

    Args:
        prompts: what is to be asked.
        max_tokens: most tokens of an answer.
        price_in: of a million prompt tokens; None: not known.
        price_out: of a million answer tokens; None: not known.
    """
    tokens_in = sum(-(-count_words(prompt.whole) * 4 // 3) for prompt in prompts)
    tokens_out = max_tokens * len(prompts)
    known = price_in is not None and price_out is not None
    cost = (tokens_in * (price_in or 0) + tokens_out * (price_out or 0)) / _MILLION if known else None
    return Estimate(len(prompts), tokens_in, tokens_out, cost)
