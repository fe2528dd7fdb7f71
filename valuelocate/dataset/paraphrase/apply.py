"""Rewriting at most half of a set's questions, each rewrite held to the rules of every row."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from valuelocate.dataset.build.compose import Candidate
from valuelocate.dataset.build.lint import lint
from valuelocate.dataset.checks.length import QUESTION_WORDS
from valuelocate.dataset.paraphrase.base import Answer, Constraints, Paraphraser, Request, check_share
from valuelocate.dataset.paraphrase.faithful import fault_of, kept_texts
from valuelocate.dataset.paraphrase.hostile import clean
from valuelocate.dataset.paraphrase.surroundings import Surroundings
from valuelocate.dataset.records import Description, Question, record_id
from valuelocate.dataset.text import count_words
from valuelocate.store import Store
from valuelocate.values import Theory

logger = logging.getLogger(__name__)

SHORTER: Final = 0.7
"""Of the original's words a rewrite has at least this share."""
LONGER: Final = 1.3
"""And at most this."""


class Try(NamedTuple):
    """A rewrite, or that a row has none, and what became of it."""

    id: str
    """Of the row as it was composed."""
    family: str
    text: str
    """The rewrite; empty where there is none."""
    reason: str
    """Why it was refused; `taken` for the one that stands in the set, `not needed` for those after it."""


class Paraphrased(NamedTuple):
    """The rows with their rewrites, and what was tried."""

    candidates: list[Candidate]
    """As many as were given, in their order."""
    chosen: int
    """Rows that were to be rewritten."""
    tries: list[Try]

    @property
    def taken(self) -> int:
        """Rows that were rewritten."""
        return sum(found.reason == TAKEN for found in self.tries)

    @property
    def refused(self) -> Counter[str]:
        """How many rewrites were refused, by reason."""
        return Counter(found.reason for found in self.tries if found.reason not in (TAKEN, NOT_NEEDED))


TAKEN: Final = "taken"
NOT_NEEDED: Final = "not needed"


def paraphrased(
    candidates: Sequence[Candidate],
    paraphraser: Paraphraser,
    theory: Theory,
    share: float,
    seed: int,
    *,
    store: Store,
    descriptions: Sequence[Description] = (),
) -> Paraphrased:
    """Rewrite a share of the rows, evenly over values and splits; where no rewrite is sound a row stays.

    Family, split, slots and answers stay as they are.

    Args:
        candidates: the rows of a set.
        paraphraser: gives the rewrites.
        theory: gives the value words of the lint.
        share: of the rows, 0 to .5.
        seed: of the draw of the rows.
        store: keeps what models answered.
        descriptions: of the set; a rewrite must not repeat their words either.

    Raises:
        UserError: the share is too large, or the paraphraser cannot be used.
    """
    check_share(share)
    chosen = _chosen(candidates, share, seed)
    requests = [_request(candidate.question, paraphraser.count) for candidate in chosen]
    answers = paraphraser.answer(requests, store)
    tries = _Tries(chosen, paraphraser, theory)
    for candidate, request, answer in zip(chosen, requests, answers, strict=True):
        tries.read(candidate, request, answer)
    around = Surroundings([*(candidate.question for candidate in candidates), *descriptions])
    taken = tries.settle(around)
    result = Paraphrased(
        [taken.get(candidate.question.id, candidate) for candidate in candidates], len(chosen), tries.tries
    )
    logger.info(
        "paraphrase=%s: %d of %d rows rewritten, %d stay as composed; rewrites refused: %s",
        paraphraser.id,
        result.taken,
        len(candidates),
        result.chosen - result.taken,
        listed(result.refused),
    )
    return result


def listed(counts: Mapping[str, int]) -> str:
    """Return counts as words, largest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"


def _chosen(candidates: Sequence[Candidate], share: float, seed: int) -> list[Candidate]:
    cells: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        cells[candidate.question.value, candidate.question.split].append(candidate)
    chosen: list[Candidate] = []
    for _, rows in sorted(cells.items()):
        ordered = sorted(rows, key=lambda row: _rank(seed, row.question.id))
        chosen += ordered[: int(share * len(rows))]
    return sorted(chosen, key=lambda row: row.question.id)


def _rank(seed: int, row: str) -> str:
    return hashlib.sha256(f"paraphrase:{seed}:{row}".encode()).hexdigest()


def _request(question: Question, count: int) -> Request:
    words, (least, most) = count_words(question.text), QUESTION_WORDS
    constraints = Constraints(
        words=(max(least, int(SHORTER * words)), min(most, int(LONGER * words) + 1)),
        keep=kept_texts(question),
        question=question.text.rstrip("\"')").endswith("?"),
        count=count,
    )
    return Request(question.text, constraints)


class _Tries:
    """The rewrites of all chosen rows on their way through the rules."""

    def __init__(self, chosen: Sequence[Candidate], paraphraser: Paraphraser, theory: Theory) -> None:
        self.tries: list[Try] = []
        self._chosen, self._paraphraser, self._theory = chosen, paraphraser, theory
        self._open: dict[str, list[Candidate]] = defaultdict(list)

    def read(self, candidate: Candidate, request: Request, answer: Answer) -> None:
        """Clean a row's rewrites and refuse those that break its constraints."""
        question = candidate.question
        if not answer.rewrites:
            self._note(question, "", answer.fault or "no rewrite")
        for raw in answer.rewrites[: request.constraints.count]:
            text = clean(raw)
            fault = fault_of(text, request)
            if fault:
                self._note(question, text, fault)
            else:
                self._open[question.id].append(self._rewritten(candidate, text, answer))

    def settle(self, around: Surroundings) -> dict[str, Candidate]:
        """Return the first sound rewrite of each row that has one, by the id of the row it stands for."""
        linted = lint([row for rows in self._open.values() for row in rows], self._theory)
        broken = {finding.row: finding.check for finding in reversed(linted.rejected)}
        taken: dict[str, Candidate] = {}
        for candidate in self._chosen:
            old = candidate.question
            for row in self._open[old.id]:
                new = row.question
                reason = (
                    NOT_NEEDED
                    if old.id in taken
                    else broken.get(new.id) or around.clash(new.text, new.split, old.id) or TAKEN
                )
                if reason == TAKEN:
                    around.replace(old, new)
                    taken[old.id] = row
                self._note(old, new.text, reason)
        return taken

    def _rewritten(self, candidate: Candidate, text: str, answer: Answer) -> Candidate:
        question = replace(
            candidate.question,
            id=record_id("question", candidate.question.lang, text),
            text=text,
            source=self._paraphraser.source,
            generator=answer.generator,
        )
        return replace(candidate, question=question, original=False)

    def _note(self, question: Question, text: str, reason: str) -> None:
        self.tries.append(Try(question.id, question.family, text, reason))
