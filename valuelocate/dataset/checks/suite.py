"""All checks on a set of descriptions and questions, as one table of limits and findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import mean, stdev
from typing import NamedTuple

from valuelocate.dataset.checks.balance import (
    check_pole_lengths,
    check_question_mean,
    pole_length_difference,
)
from valuelocate.dataset.checks.duplicates import check_exact_duplicates, check_near_duplicates
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.first_person import check_first_person
from valuelocate.dataset.checks.form import check_asks, check_form
from valuelocate.dataset.checks.leading import check_leading
from valuelocate.dataset.checks.length import (
    check_description_length,
    check_question_length,
    check_stance_length,
)
from valuelocate.dataset.checks.openings import check_openings, opening_shares
from valuelocate.dataset.checks.overlap import check_overlap
from valuelocate.dataset.checks.polarity_leak import (
    LIMIT,
    PoledText,
    answered_texts,
    described_texts,
    polarity_auroc,
)
from valuelocate.dataset.checks.schema import check_schema
from valuelocate.dataset.checks.topic_splits import check_splits
from valuelocate.dataset.checks.value_words import check_value_words
from valuelocate.dataset.records import Description, Question, Record, to_row
from valuelocate.dataset.splits import Topics
from valuelocate.dataset.text import count_words
from valuelocate.values import Theory


class CheckRow(NamedTuple):
    """One line of the table of checks."""

    check: str
    limit: str
    found: str
    ok: bool | None
    """None where the check was not run; `found` says why."""


class Checked(NamedTuple):
    """What all checks found."""

    rows: list[CheckRow]
    findings: list[Finding]


class _Check(NamedTuple):
    name: str
    limit: str
    findings: list[Finding]
    found: str | None = None
    """What was measured; by default the number of findings."""


NOT_RUN = (
    CheckRow(
        "paraphrases by embedding",
        "cosine above .95 in at most 1 %",
        "not run: needs a sentence encoder",
        None,
    ),
    CheckRow("answerable both ways", "80 % by 1 point or more", "not run: needs an instruct model", None),
    CheckRow("not one-sided", "between .1 and .9 for 70 %", "not run: needs an instruct model", None),
    CheckRow("value assignment", "kappa at least .6", "not run: needs two blind readers", None),
    CheckRow("reading by people", "95 % acceptable of 300", "not run: needs readers", None),
)
"""Release checks that need something the package does not have; they are never told as passed."""


def run_checks(
    descriptions: Sequence[Description], questions: Sequence[Question], theory: Theory, topics: Topics | None
) -> Checked:
    """Run every check that text alone allows.

    Args:
        descriptions: may be empty; its checks are then left out.
        questions: may be empty; its checks are then left out.
        theory: gives the value words.
        topics: topics and their splits; None for a dataset with topics of its own.
    """
    checks = list(_shared_checks([*descriptions, *questions], questions, theory, topics))
    if descriptions:
        checks += _description_checks(descriptions)
    if questions:
        checks += _question_checks(questions)
    rows = [CheckRow(c.name, c.limit, c.found or f"{len(c.findings)}", not c.findings) for c in checks]
    return Checked(rows, [finding for check in checks for finding in check.findings])


def check_polarity(
    descriptions: Sequence[Description], questions: Sequence[Question], theory: Theory
) -> Checked:
    """Measure how well bare words tell the pole of descriptions and of answers; needs a large set."""
    rows: list[CheckRow] = []
    findings: list[Finding] = []
    texts: dict[str, list[PoledText]] = {
        "descriptions": described_texts(descriptions),
        "answers": answered_texts(questions),
    }
    for name, poled in texts.items():
        found = polarity_auroc(poled, theory)
        rows.append(
            CheckRow(
                f"bare words tell the pole of {name}",
                f"AUROC at most {LIMIT}",
                f"{found:.3f}",
                found <= LIMIT,
            )
        )
        if found > LIMIT:
            findings.append(Finding(f"all {name}", "polarity leak", f"AUROC {found:.3f}; at most {LIMIT}"))
    return Checked(rows, findings)


def stance_texts(questions: Iterable[Question]) -> dict[str, str]:
    """Return the answers of the questions that have them, by question id and pole."""
    return {
        f"{question.id}:{pole}": getattr(question.stances, pole)
        for question in questions
        if question.stances is not None
        for pole in ("pos", "neg")
    }


def _shared_checks(
    records: Sequence[Record], questions: Sequence[Question], theory: Theory, topics: Topics | None
) -> Iterable[_Check]:
    texts = {record.id: record.text for record in records}
    # Questions grown from one seed share their answers.
    stances = stance_texts({question.family: question for question in reversed(questions)}.values())
    if topics is not None:
        yield _Check("schema and ids", "0", check_schema([to_row(record) for record in records], theory))
        yield _Check("topics, domains and families keep their split", "0", check_splits(records, topics))
    yield _Check("exact duplicates", "0", check_exact_duplicates(texts) + check_exact_duplicates(stances))
    near = check_near_duplicates(texts) + check_near_duplicates(stances)
    yield _Check("near-duplicates, 3-word Jaccard .7 or more", "0", near)
    yield _Check("8-word runs shared between splits", "0", check_overlap(records))
    yield _Check("value words in questions and descriptions", "0", check_value_words(records, theory))
    yield _Check("form: quotes, spacing, a/an, repeats, slots", "0", check_form(texts | stances))


def _description_checks(descriptions: Sequence[Description]) -> Iterable[_Check]:
    words = [count_words(row.text) for row in descriptions]
    found = f"{min(words)} to {max(words)}"
    yield _Check("description length", "40 to 80 words", check_description_length(descriptions), found)
    if {row.polarity for row in descriptions} == {"pos", "neg"}:
        difference = f"{pole_length_difference(descriptions):+.2f} words"
        yield _Check("mean length, pos - neg", "below 2 words", check_pole_lengths(descriptions), difference)
    yield _Check("first sentence has I, me or my", "all", check_first_person(descriptions))


def _question_checks(questions: Sequence[Question]) -> Iterable[_Check]:
    words = [count_words(question.text) for question in questions]
    spread = f", SD {stdev(words):.1f}" if len(words) > 1 else ""
    shares = opening_shares([question.text for question in questions])
    openings = f"{shares[0][1]:.1%} and {sum(share for _, share in shares[:10]):.1%}"
    found = f"{min(words)} to {max(words)}"
    yield _Check("question length", "10 to 70 words", check_question_length(questions), found)
    yield _Check(
        "mean question length", "25 to 40 words", check_question_mean(questions), f"{mean(words):.1f}{spread}"
    )
    yield _Check("length of the two answers", "within 20 %", check_stance_length(questions))
    yield _Check("ends as a question or an instruction", "all", check_asks(questions))
    yield _Check("leading wording", "0", check_leading(questions))
    beginnings = check_openings([question.text for question in questions])
    yield _Check("first two words: commonest, and ten commonest", "4 % and 25 %", beginnings, openings)
