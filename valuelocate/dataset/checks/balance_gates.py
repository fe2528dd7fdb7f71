"""Release gates of balance and form: topics, forms, seeds, lengths, language."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from valuelocate.dataset.checks import families, form_shares, length_spread
from valuelocate.dataset.checks.association import check_association
from valuelocate.dataset.checks.gate import FULL, MANY, Gate, percent
from valuelocate.dataset.checks.language import check_language
from valuelocate.dataset.checks.topic_balance import check_topic_balance
from valuelocate.dataset.records import Description, Question, Record
from valuelocate.dataset.splits import Topics
from valuelocate.values import Theory


def balance_gates(
    descriptions: Sequence[Description], questions: Sequence[Question], theory: Theory, topics: Topics | None
) -> Iterator[Gate]:
    """Yield the gates of balance; those of topics' rows only where the topics are known."""
    yield from _shares(questions)
    yield from _seeds(questions)
    yield from _told_by(questions, theory, topics)
    records: list[Record] = [*descriptions, *questions]
    yield Gate(
        check="language as told",
        limit="100 %",
        rows=len(records),
        fewest=1,
        measure=partial(check_language, records),
        show="{:.2%}".format,
        dear=True,
    )


def _told_by(questions: Sequence[Question], theory: Theory, topics: Topics | None) -> Iterator[Gate]:
    n = len(questions)
    if topics is not None:
        yield Gate(
            check="value and topic pairs out of range",
            limit="0 (locate 46 to 54 rows, dev and eval 28 to 34)",
            rows=n,
            fewest=FULL,
            measure=partial(check_topic_balance, questions, theory, topics),
        )
    for field in ("topic", "form", "person"):
        yield Gate(
            check=f"mutual information of {field} and value",
            limit="below .01 bit",
            rows=n,
            fewest=FULL,
            measure=partial(check_association, questions, field),
            show="{:.4f} bit".format,
        )


def _shares(questions: Sequence[Question]) -> Iterator[Gate]:
    n = len(questions)
    evals = sum(question.split == "eval" for question in questions)
    for check, limit, rows, fewest, measure in (
        ("most frequent form", "at most 7 %", n, MANY, form_shares.check_commonest_form),
        ("rarest form used outside eval", "at least 1.5 %", n, MANY, form_shares.check_rarest_form),
        ("most frequent form in eval", "at most 12 %", evals, 200, form_shares.check_commonest_eval_form),
        ("rows outside 12 to 60 words", "at most 1 %", n, 100, length_spread.check_unusual_lengths),
    ):
        yield Gate(
            check=check,
            limit=limit,
            rows=rows,
            fewest=fewest,
            measure=partial(measure, questions),
            show=percent,
        )
    yield Gate(
        check="SD of question length",
        limit="at least 9 words",
        rows=n,
        fewest=100,
        measure=partial(length_spread.check_length_deviation, questions),
        show="{:.1f}".format,
    )


def _seeds(questions: Sequence[Question]) -> Iterator[Gate]:
    for check, limit, measure in (
        ("rows of a seed", "at most 6", families.check_family_size),
        ("rows of a seed with another's form", "0", families.check_family_forms),
        ("rows of a seed alike in all slots but one", "0", families.check_family_details),
    ):
        yield Gate(
            check=check, limit=limit, rows=len(questions), fewest=1, measure=partial(measure, questions)
        )
