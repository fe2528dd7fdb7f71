"""Duplicates: texts equal but for case, punctuation and numbers, and texts that share most word triples."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.text import mask_numbers, ngrams, normalise


def check_exact_duplicates(texts: Mapping[str, str]) -> list[Finding]:
    """Find texts (by id) equal to an earlier one after normalising case, punctuation, spacing and numbers."""
    findings: list[Finding] = []
    first: dict[str, str] = {}
    for row, text in texts.items():
        earlier = first.setdefault(mask_numbers(normalise(text)), row)
        if earlier != row:
            findings.append(Finding(row, "exact duplicates", f"same text as {earlier}"))
    return findings


def check_near_duplicates(texts: Mapping[str, str], *, threshold: float = 0.7, n: int = 3) -> list[Finding]:
    """Find texts (by id) whose word n-gram sets overlap an earlier one's by Jaccard >= threshold.

    Exact, by an inverted index over n-grams: texts that share none are never compared.
    """
    findings: list[Finding] = []
    sizes: dict[str, int] = {}
    holders: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for row, text in texts.items():
        grams = ngrams(mask_numbers(normalise(text)).split(), n)
        shared = Counter(earlier for gram in grams for earlier in holders[gram])
        for earlier, both in sorted(shared.items()):
            jaccard = both / (len(grams) + sizes[earlier] - both)
            if jaccard >= threshold:
                reason = f"{n}-word runs overlap those of {earlier} by Jaccard {jaccard:.2f}"
                findings.append(Finding(row, "near-duplicates", reason))
        sizes[row] = len(grams)
        for gram in grams:
            holders[gram].append(row)
    return findings
