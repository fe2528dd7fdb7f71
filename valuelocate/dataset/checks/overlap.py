"""Overlap: runs of words that two collections of text share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Record
from valuelocate.dataset.text import ngrams, normalise


def shared_ngrams(texts_a: Iterable[str], texts_b: Iterable[str], n: int = 8) -> list[str]:
    """Return the runs of `n` words, normalised and sorted, that occur in both collections."""
    first = {gram for text in texts_a for gram in _runs(text, n)}
    second = {gram for text in texts_b for gram in _runs(text, n)}
    return sorted(" ".join(gram) for gram in first & second)


def check_overlap(records: Sequence[Record], n: int = 8) -> list[Finding]:
    """Find runs of `n` words that occur in the texts of more than one split."""
    splits: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for record in records:
        for gram in _runs(record.text, n):
            splits[gram].add(record.split)
    return [
        Finding("/".join(sorted(found)), "overlap", f"both hold '{' '.join(gram)}'")
        for gram, found in sorted(splits.items())
        if len(found) > 1
    ]


def _runs(text: str, n: int) -> set[tuple[str, ...]]:
    return {gram for gram in ngrams(normalise(text).split(), n) if len(gram) == n}
