"""Distinct-n: the share of runs of n words that are different ones (Li et al. 2016), on samples of one size.

The share falls as a text grows, so only samples of equally many words can be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import mean

from valuelocate.dataset.checks.measured import Measured, at_least
from valuelocate.dataset.text import normalise

TOKENS = 15_000
DRAWS = 20
LEAST = {1: 0.17, 2: 0.62, 3: 0.86}
"""Limits by n. Short human-written arguments reach about .19, .69 and .91."""


def distinct(texts: Sequence[str], n: int, *, tokens: int = TOKENS, draws: int = DRAWS) -> float:
    """Return the mean share over seeded draws of whole texts up to `tokens` words, the last text cut short.

    Runs do not go over the border of two texts.

    Raises:
        ValueError: the texts have fewer words than `tokens`.
    """
    words = [normalise(text).split() for text in texts]
    if sum(map(len, words)) < tokens:
        raise ValueError(f"{sum(map(len, words))} words; expected at least {tokens}")
    return mean(_share(_sample(words, Random(seed), tokens), n) for seed in range(draws))


def check_distinct(texts: Sequence[str], n: int) -> Measured:
    """Measure distinct-n for n of 1, 2 or 3."""
    return at_least(distinct(texts, n), LEAST[n], f"distinct-{n}")


def _sample(words: Sequence[list[str]], random: Random, tokens: int) -> list[list[str]]:
    order = list(range(len(words)))
    random.shuffle(order)
    sample: list[list[str]] = []
    left = tokens
    for place in order:
        sample.append(words[place][:left])
        left -= len(sample[-1])
        if not left:
            break
    return sample


def _share(sample: Sequence[list[str]], n: int) -> float:
    runs = [tuple(words[i : i + n]) for words in sample for i in range(len(words) - n + 1)]
    return len(set(runs)) / len(runs)
