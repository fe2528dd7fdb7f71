"""The texts that a rewrite will stand among, and whether it is too near one of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from valuelocate.dataset.records import Record
from valuelocate.dataset.text import mask_numbers, ngrams, normalise

NEAR = 0.7
"""Jaccard overlap of word triples from which two texts are too alike, as in the checks of a set."""
RUN = 8
"""Words in a row that two splits must not share, as in the checks of a set."""


class Surroundings:
    """An index of a set's texts that follows the changes of its rows."""

    def __init__(self, records: Iterable[Record]) -> None:
        self._triples: dict[str, frozenset[tuple[str, ...]]] = {}
        self._holders: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self._runs: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for record in records:
            self._add(record.id, record.text, record.split)

    def clash(self, text: str, split: str, instead_of: str) -> str | None:
        """Return why a text cannot stand in the place of a row, or None."""
        triples = _triples(text)
        shared = Counter(row for triple in triples for row in self._holders.get(triple, ()))
        del shared[instead_of]
        for row, both in shared.items():
            if both >= NEAR * (len(triples) + len(self._triples[row]) - both):
                return "near-duplicate"
        if any(count and other != split for run in _runs(text) for other, count in self._at(run)):
            return "8-word run of another split"
        return None

    def replace(self, old: Record, new: Record) -> None:
        """Put a row in the place of another."""
        for triple in self._triples.pop(old.id):
            self._holders[triple].discard(old.id)
        for run in _runs(old.text):
            self._runs[run][old.split] -= 1
        self._add(new.id, new.text, new.split)

    def _add(self, row: str, text: str, split: str) -> None:
        self._triples[row] = _triples(text)
        for triple in self._triples[row]:
            self._holders[triple].add(row)
        for run in _runs(text):
            self._runs[run][split] += 1

    def _at(self, run: tuple[str, ...]) -> list[tuple[str, int]]:
        return list(self._runs[run].items()) if run in self._runs else []


def _triples(text: str) -> frozenset[tuple[str, ...]]:
    return frozenset(ngrams(mask_numbers(normalise(text)).split(), 3))


def _runs(text: str) -> set[tuple[str, ...]]:
    return {run for run in ngrams(normalise(text).split(), RUN) if len(run) == RUN}
