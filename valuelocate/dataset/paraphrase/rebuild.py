"""A shipped set built anew with rewritten rows, and what is told of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from valuelocate.dataset.build.compose import Candidate
from valuelocate.dataset.build.cuts import Rows, cut
from valuelocate.dataset.build.full import Full
from valuelocate.dataset.build.sets import Built, check_gates, check_rows
from valuelocate.dataset.checks.suite import CheckRow
from valuelocate.dataset.paraphrase.apply import Paraphrased, Try, listed, paraphrased
from valuelocate.dataset.paraphrase.base import MOST_SHARE, Paraphraser
from valuelocate.dataset.records import Question
from valuelocate.store import Store
from valuelocate.values import Theory


class Paraphrasing(NamedTuple):
    """A paraphraser and what it works with."""

    paraphraser: Paraphraser
    store: Store
    seed: int


class Rewritten(NamedTuple):
    """A set with rewritten rows."""

    built: Built
    rows: list[CheckRow]
    """What is told of the rewriting, in the table of checks."""
    tries: list[Try]


def rewrite_set(name: str, full: Full, theory: Theory, paraphrasing: Paraphrasing) -> Rewritten:
    """Cut a set, rewrite a share of its questions, and check it as every set is checked.

    Args:
        name: `mini`, `small` or `full`.
        full: the full set.
        theory: Schwartz's theory.
        paraphrasing: how it is rewritten.

    Raises:
        UserError: the paraphraser cannot be used.
    """
    rows = cut(full, theory, name)
    paraphraser, store, seed = paraphrasing
    found = paraphrased(
        [_candidate(question, full) for question in rows.questions],
        paraphraser,
        theory,
        paraphraser.share,
        seed,
        store=store,
        descriptions=rows.descriptions,
    )
    questions = sorted((row.question for row in found.candidates), key=lambda question: question.id)
    changed = Rows(rows.descriptions, questions)
    built = Built(
        name,
        changed,
        check_rows(name, changed, theory),
        check_gates(changed, theory),
        note=_note(found, paraphraser, seed),
    )
    return Rewritten(built, _told(found, paraphraser), found.tries)


def write_tries(tries: Sequence[Try], folder: Path) -> Path:
    """Write what was tried, row by row, with the reason of every refusal; return the file."""
    path = folder / "paraphrases.jsonl"
    lines = (json.dumps(found._asdict(), ensure_ascii=False) for found in tries)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def _candidate(question: Question, full: Full) -> Candidate:
    # How a row was told does not matter any more: it is chosen.
    return Candidate(question, telling="", original=full.originals.get(question.family) == question)


def _told(found: Paraphrased, paraphraser: Paraphraser) -> list[CheckRow]:
    total = len(found.candidates)
    share = found.taken / total if total else 0.0
    return [
        CheckRow(
            "rebuilt set and shipped set",
            "byte for byte",
            f"not compared: paraphrase={paraphraser.id} changes rows",
            None,
        ),
        CheckRow(
            "rewritten questions",
            f"at most {MOST_SHARE:.0%}, and some",
            f"{found.taken} of {total} ({share:.1%}); {found.chosen - found.taken} more stay as composed",
            share <= MOST_SHARE and (found.taken > 0 or found.chosen == 0),
        ),
        CheckRow("rewrites refused", "any, by reason", listed(found.refused), True),
    ]


def _note(found: Paraphrased, paraphraser: Paraphraser, seed: int) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in paraphraser.told().items())
    return f"""
## Rewritten questions

This is not the set as it is released. {found.taken} of {len(found.candidates)} questions were said in other \
words by a program ({settings}; rows drawn with seed {seed}); each passed the checks that its original had \
passed, and keeps its family, split, details and answers. No person read them. \
{found.chosen - found.taken} more were drawn and stay as composed, because no rewrite held to the rules \
(rewrites refused: {listed(found.refused)}).
Rebuild: `python run.py task=dataset` with the same settings, `paraphrase` and the store of answers; the \
command above rebuilds the released set.
"""
