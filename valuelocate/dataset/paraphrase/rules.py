"""Rewrites by rule, without a model: few, plain and safe."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from valuelocate.dataset.paraphrase.base import Constraints, Paraphraser, Request
from valuelocate.dataset.paraphrase.clauses import moved_clauses, moved_questions, split_clauses
from valuelocate.dataset.paraphrase.contractions import contracted, expanded
from valuelocate.dataset.paraphrase.faithful import fault_of
from valuelocate.dataset.paraphrase.speech import reported
from valuelocate.dataset.paraphrase.synonyms import exchanged
from valuelocate.dataset.records import Source


@dataclass(frozen=True, kw_only=True)
class RuleParaphraser(Paraphraser):
    """Changes clause order, contractions, direct speech and a few synonyms, where grammar cannot suffer.

    Many texts offer no safe change; they get fewer rewrites than asked for, or none.
    """

    id: ClassVar[str] = "rules"

    @property
    def source(self) -> Source:
        """A rule composes; no model writes."""
        return "composed"

    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        """Return up to `count` variants, the one that differs most first."""
        request = Request(text, constraints)
        sound = dict.fromkeys(found for found in _variants(text) if fault_of(found, request) is None)
        return list(sound)[: constraints.count]


def _variants(text: str) -> Iterator[str]:
    reordered = [
        changed
        for change in (moved_clauses, moved_questions, reported, split_clauses)
        for changed in change(text)
    ]
    for changed in reordered:
        yield _reworded(changed)
    yield from reordered
    yield _reworded(text)
    yield exchanged(text)
    yield _recontracted(text)


def _reworded(text: str) -> str:
    return _recontracted(exchanged(text))


def _recontracted(text: str) -> str:
    shorter = contracted(text)
    return expanded(text) if shorter == text else shorter
