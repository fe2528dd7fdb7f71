"""Listed terms: names, subjects and words for people that no row may have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.lexicons import Lists, load_lists, load_terms, term_pattern
from valuelocate.dataset.checks.measured import Measured


class _Subject(NamedTuple):
    terms: re.Pattern[str]
    """For lower-cased text."""
    as_written: re.Pattern[str] | None
    """For the text as it stands."""
    harmless: re.Pattern[str] | None
    """For lower-cased text; what it matches is set aside before `terms` are looked for."""


def check_world_knowledge(texts: Mapping[str, str]) -> Measured:
    """Count mentions of brands, living people, parties and wars in texts by id."""
    return _check(texts, "world knowledge", _subjects("world_knowledge"))


def check_harm(texts: Mapping[str, str]) -> Measured:
    """Count mentions of harmful subjects in texts by id."""
    return _check(texts, "harm", _subjects("harm"))


def check_dignity(texts: Mapping[str, str]) -> Measured:
    """Count words that make a person ugly in texts by id: descriptions, and answers of either pole."""
    return _check(texts, "dignity", _insults())


def _check(texts: Mapping[str, str], check: str, subjects: Mapping[str, _Subject]) -> Measured:
    findings = [
        Finding(row, check, f"'{found}' ({name.replace('_', ' ')})")
        for row, text in texts.items()
        for name, subject in subjects.items()
        for found in _matches(text, subject)
    ]
    return Measured(len(findings), findings)


def _matches(text: str, subject: _Subject) -> list[str]:
    found: list[str] = [] if subject.as_written is None else subject.as_written.findall(text)
    lowered = text.lower()
    if subject.harmless is not None and subject.terms.search(lowered):
        lowered = subject.harmless.sub("", lowered)
    return found + subject.terms.findall(lowered)


@cache
def _subjects(name: str) -> Mapping[str, _Subject]:
    return {subject: _subject(lists) for subject, lists in load_terms(name).items()}


@cache
def _insults() -> Mapping[str, _Subject]:
    lists = load_lists("insults")
    of_people = [f"{insult} {person}" for insult in lists["of_people"] for person in lists["people"]]
    return {"insult": _subject({**lists, "terms": [*lists["terms"], *of_people]})}


def _subject(lists: Lists) -> _Subject:
    as_written, harmless = lists.get("as_written"), lists.get("harmless")
    return _Subject(
        terms=term_pattern(lists["terms"]),
        as_written=term_pattern(as_written) if as_written else None,
        harmless=term_pattern(harmless) if harmless else None,
    )
