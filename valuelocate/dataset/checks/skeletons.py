"""Skeletons: a text with its function words kept, every other word a star; a template shows as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.lexicons import load_lists
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.text import normalise

COMMONEST = 0.004
"""Largest share of texts that may have one skeleton."""


def skeleton(text: str) -> str:
    """Return the text's function words with a star for each other word."""
    kept = _function_words()
    return " ".join(word if word in kept else "*" for word in normalise(text).split())


def check_skeletons(texts: Mapping[str, str]) -> Measured:
    """Measure the share of texts (by id) that have the commonest skeleton."""
    by_row = {row: skeleton(text) for row, text in texts.items()}
    counts = Counter(by_row.values())
    shares = {found: count / len(texts) for found, count in counts.items()}
    findings = [
        Finding(row, "skeletons", f"{shares[found]:.2%} of the texts are '{found}'; at most {COMMONEST:.1%}")
        for row, found in by_row.items()
        if shares[found] > COMMONEST
    ]
    return Measured(max(shares.values(), default=0.0), findings)


@cache
def _function_words() -> frozenset[str]:
    return frozenset(word for words in load_lists("function_words").values() for word in words)
