"""Minimal pairs: two descriptions of one family, of opposite poles, that differ in few words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher
from statistics import mean

from valuelocate.dataset.checks.duplicates import check_near_duplicates
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.matching import MatchedPair
from valuelocate.dataset.records import POLARITIES, Description
from valuelocate.dataset.text import normalise

MEAN_CHANGE = 0.3
"""Largest mean share of words changed."""
MOST_CHANGE = 0.5
"""Largest share of words changed in any pair."""
_ALIKE = ("value", "basic_value", "refined_value", "topic", "split", "lang")


def check_pairs(pairs: Sequence[MatchedPair]) -> list[Finding]:
    """Find pairs whose two rows are of different values, topics or splits."""
    return [
        Finding(pair.positive.family, "pairs", f"the two rows differ in {name}")
        for pair in pairs
        for name in _ALIKE
        if getattr(pair.positive, name) != getattr(pair.negative, name)
    ]


def check_kinds(pairs: Sequence[MatchedPair]) -> list[Finding]:
    """Find values whose kinds of negative description are not equally many."""
    kinds = sorted({str(pair.negative.neg_kind) for pair in pairs})
    found = Counter((pair.negative.value, str(pair.negative.neg_kind)) for pair in pairs)
    return [
        Finding(value, "kinds of pairs", ", ".join(f"{kind} {found[value, kind]}" for kind in kinds))
        for value in sorted({value for value, _ in found})
        if len({found[value, kind] for kind in kinds}) > 1
    ]


def changed_share(first: str, second: str) -> float:
    """Return the share of words, of the longer text, that are not in the texts' common blocks."""
    words = normalise(first).split(), normalise(second).split()
    blocks = SequenceMatcher(None, *words, autojunk=False).get_matching_blocks()
    return 1 - sum(block.size for block in blocks) / max(map(len, words))


def check_change(pairs: Sequence[MatchedPair]) -> Measured:
    """Measure the mean share of words changed, and find pairs of which most was rewritten."""
    shares = {pair.positive.family: changed_share(pair.positive.text, pair.negative.text) for pair in pairs}
    findings = [
        Finding(family, "words changed", f"{share:.0%}; at most {MOST_CHANGE:.0%}")
        for family, share in shares.items()
        if share > MOST_CHANGE
    ]
    found = mean(shares.values())
    if found > MEAN_CHANGE:
        findings.append(Finding("all pairs", "words changed", f"mean {found:.0%}; at most {MEAN_CHANGE:.0%}"))
    return Measured(found, findings)


def check_alike_pairs(descriptions: Sequence[Description]) -> list[Finding]:
    """Find near-duplicates of one pole: the two rows of a pair are alike on purpose, two pairs not."""
    return [
        finding
        for pole in POLARITIES
        for finding in check_near_duplicates(
            {row.id: row.text for row in descriptions if row.polarity == pole}
        )
    ]
