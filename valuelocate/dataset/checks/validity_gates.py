"""Release gates of validity: words that give the value away, subjects, dignity, readability, style."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from valuelocate.dataset.checks import listed_terms, readability
from valuelocate.dataset.checks.close_words import check_close_words, known_values
from valuelocate.dataset.checks.gate import POLE, Gate, percent
from valuelocate.dataset.checks.stance_share import check_stance_share
from valuelocate.dataset.checks.style_match import check_style_match
from valuelocate.dataset.checks.suite import stance_texts
from valuelocate.dataset.records import Description, Question
from valuelocate.values import Theory


def validity_gates(
    descriptions: Sequence[Description], questions: Sequence[Question], theory: Theory
) -> Iterator[Gate]:
    """Yield the gates of validity; the one of close words only for a theory that the lexicon knows."""
    evals = sum(question.split == "eval" for question in questions)
    yield Gate(
        check="questions of eval with answers",
        limit="at least 80 %",
        rows=evals,
        fewest=20,
        measure=partial(check_stance_share, questions),
        show=percent,
    )
    if known_values(theory):
        yield Gate(
            check="rows with a word close to their value, worst value",
            limit="at most 3 %",
            rows=len(questions),
            fewest=100,
            measure=partial(check_close_words, questions, theory),
            show=percent,
        )
    yield from _listed(descriptions, questions)
    yield from _readability({row.id: row.text for row in descriptions}, "descriptions")
    yield from _readability({row.id: row.text for row in questions}, "questions")
    yield from _style(descriptions, questions)


def _listed(descriptions: Sequence[Description], questions: Sequence[Question]) -> Iterator[Gate]:
    told = {row.id: row.text for row in descriptions} | stance_texts(questions)
    texts = told | {row.id: row.text for row in questions}
    for check, looked_at, measure in (
        ("brands, living people, parties, wars", texts, listed_terms.check_world_knowledge),
        ("harmful subjects", texts, listed_terms.check_harm),
        ("insults in descriptions and answers", told, listed_terms.check_dignity),
    ):
        yield Gate(
            check=check,
            limit="0",
            rows=len(looked_at),
            fewest=1,
            measure=partial(measure, looked_at),
            dear=True,
        )


def _readability(texts: Mapping[str, str], what: str) -> Iterator[Gate]:
    yield Gate(
        check=f"school grade of {what}, median",
        limit="6 to 9",
        rows=len(texts),
        fewest=100,
        measure=partial(readability.check_median_grade, texts),
        show="{:.1f}".format,
    )
    yield Gate(
        check=f"school grade of {what} at or below 12",
        limit="at least 95 %",
        rows=len(texts),
        fewest=100,
        measure=partial(readability.check_high_grades, texts),
        show=percent,
    )


def _style(descriptions: Sequence[Description], questions: Sequence[Question]) -> Iterator[Gate]:
    # Rows of a seed can share their answers; each counts once.
    answers = {row.stances for row in questions if row.stances is not None}
    for what, positive, negative in (
        (
            "descriptions",
            [row.text for row in descriptions if row.polarity == "pos"],
            [row.text for row in descriptions if row.polarity == "neg"],
        ),
        ("answers", sorted(found.pos for found in answers), sorted(found.neg for found in answers)),
    ):
        yield Gate(
            check=f"style of {what}, pos and neg",
            limit="standardised difference below .2",
            rows=min(len(positive), len(negative)),
            fewest=POLE,
            measure=partial(check_style_match, positive, negative, what),
            show="{:.2f}".format,
        )
