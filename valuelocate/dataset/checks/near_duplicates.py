"""Near-duplicates at scale: candidates by MinHash, each then measured exactly.

MinHash and banding: Broder 1997; Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3. With
the bands below a pair at the threshold is missed with probability under 2 in 10,000.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from datasketch import MinHash, MinHashLSH

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.text import ngrams

PERMUTATIONS = 128
BANDS: Final[Mapping[float, tuple[int, int]]] = MappingProxyType({0.7: (32, 4), 0.8: (25, 5)})
"""Bands and permutations a band, by Jaccard threshold."""
_SEED = 1


class Alike(NamedTuple):
    """Rows that have a near-duplicate, each with one of them."""

    rows: int
    within: dict[str, str]
    """Row to a row of its own split that is near."""
    across: dict[str, str]
    """Row to a row of another split that is near."""


def find_alike(texts: Mapping[str, str], splits: Mapping[str, str], threshold: float) -> Alike:
    """Find rows whose sets of word triples overlap by Jaccard >= threshold.

    Args:
        texts: normalised text by row.
        splits: split by row.
        threshold: .7 or .8.
    """
    groups: dict[frozenset[tuple[str, ...]], list[str]] = defaultdict(list)
    for row, text in texts.items():
        groups[frozenset(ngrams(text.split(), 3))].append(row)
    sets, members = list(groups), list(groups.values())
    within: dict[str, str] = {}
    across: dict[str, str] = {}
    pairs = [(i, i) for i, rows in enumerate(members) if len(rows) > 1]
    for i, j in [*pairs, *_near(sets, threshold)]:
        _note(members[i], members[j], splits, within, across)
        _note(members[j], members[i], splits, within, across)
    return Alike(len(texts), within, across)


def check_within(alike: Alike, limit: float, check: str) -> Measured:
    """Measure the share of rows with a near-duplicate in their own split."""
    share = len(alike.within) / alike.rows if alike.rows else 0.0
    return Measured(share, _findings(alike.within, check) if share > limit else [])


def check_across(alike: Alike, check: str) -> Measured:
    """Count the rows with a near-duplicate in another split; none is allowed."""
    return Measured(len(alike.across), _findings(alike.across, f"{check} across splits"))


def _near(sets: list[frozenset[tuple[str, ...]]], threshold: float) -> Iterable[tuple[int, int]]:
    index = MinHashLSH(num_perm=PERMUTATIONS, params=BANDS[threshold])
    shingles = ([" ".join(gram).encode() for gram in sorted(grams)] for grams in sets)
    for i, signature in enumerate(MinHash.generator(shingles, num_perm=PERMUTATIONS, seed=_SEED)):
        for j in sorted(index.query(signature)):
            both = len(sets[i] & sets[j])
            if both >= threshold * (len(sets[i]) + len(sets[j]) - both):
                yield j, i
        index.insert(i, signature)


def _note(
    rows: list[str],
    others: list[str],
    splits: Mapping[str, str],
    within: dict[str, str],
    across: dict[str, str],
) -> None:
    """Note for each of `rows` one of `others` in its split and one in another."""
    # Two of each split are enough: one of them is another row.
    by_split: dict[str, list[str]] = defaultdict(list)
    for other in others:
        if len(by_split[splits[other]]) < 2:
            by_split[splits[other]].append(other)
    for row in rows:
        for split, found in by_split.items():
            partner = next((other for other in found if other != row), None)
            if partner is not None:
                (within if split == splits[row] else across).setdefault(row, partner)


def _findings(partners: Mapping[str, str], check: str) -> list[Finding]:
    return [Finding(row, check, f"shares most word triples with {other}") for row, other in partners.items()]
