"""Openings: how often texts begin with the same two words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured, at_most
from valuelocate.dataset.text import normalise

COMMONEST = 0.04
"""Largest share of texts that may begin with the same two words."""
TEN_COMMONEST = 0.25
"""Largest share that the ten commonest beginnings may have together."""


def opening_shares(texts: Sequence[str]) -> list[tuple[str, float]]:
    """Return the first two words of the texts with their shares, commonest first."""
    counts = Counter(" ".join(normalise(text).split()[:2]) for text in texts)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [(opening, count / len(texts)) for opening, count in ordered]


def check_openings(texts: Sequence[str]) -> list[Finding]:
    """Find beginnings that are too common, and a collection that has too few of them."""
    shares = opening_shares(texts)
    findings = [
        Finding(opening, "openings", f"begins {share:.1%} of the texts; at most {COMMONEST:.0%}")
        for opening, share in shares
        if share > COMMONEST
    ]
    together = sum(share for _, share in shares[:10])
    if together > TEN_COMMONEST:
        reason = f"the ten commonest beginnings have {together:.1%} of the texts; at most {TEN_COMMONEST:.0%}"
        findings.append(Finding("ten commonest", "openings", reason))
    return findings


def check_commonest_opening(texts: Sequence[str]) -> Measured:
    """Measure the share of texts that begin with the commonest two words."""
    opening, share = opening_shares(texts)[0]
    return at_most(share, COMMONEST, "openings", opening)


def check_ten_openings(texts: Sequence[str]) -> Measured:
    """Measure the share of texts that begin with one of the ten commonest two words."""
    together = sum(share for _, share in opening_shares(texts)[:10])
    return at_most(together, TEN_COMMONEST, "openings", "ten commonest")
