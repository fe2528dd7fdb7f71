"""Release gates of redundancy and diversity: near-duplicates, paraphrases, openings, skeletons, words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial

from valuelocate.dataset.checks import distinct, near_duplicates
from valuelocate.dataset.checks.embedding import Encoder, check_paraphrases
from valuelocate.dataset.checks.gate import FULL, MANY, SAMPLE, Gate, percent
from valuelocate.dataset.checks.masking import masked_text
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.checks.opening_entropy import check_opening_entropy
from valuelocate.dataset.checks.openings import check_commonest_opening, check_ten_openings
from valuelocate.dataset.checks.self_bleu import check_self_bleu
from valuelocate.dataset.checks.skeletons import check_skeletons
from valuelocate.dataset.checks.suite import NOT_RUN
from valuelocate.dataset.checks.vocabulary import check_vocabulary
from valuelocate.dataset.records import Description, Question, Record
from valuelocate.dataset.text import normalise

BY_ENCODER = NOT_RUN[0]
"""How the gate that needs a sentence encoder is told where there is none."""

REFERENCES = {1: "NPTI .15, people .19", 2: "NPTI .55, people .69", 3: "NPTI .79, people .91"}
"""Distinct-n of NPTI's questions (Deng et al. 2024) and of short arguments written by people."""


def diversity_gates(
    descriptions: Sequence[Description], questions: Sequence[Question], encoder: Encoder | None
) -> Iterator[Gate]:
    """Yield the gates of redundancy and diversity; the one of embeddings only with an encoder."""
    yield from _near_duplicates([*descriptions, *questions])
    texts = {question.id: question.text for question in questions}
    yield from _frames(texts)
    yield from _words(list(texts.values()))
    if encoder is not None:
        yield Gate(
            check=BY_ENCODER.check,
            limit=BY_ENCODER.limit,
            rows=len(texts),
            fewest=200,
            measure=partial(check_paraphrases, texts, encoder),
            show="{:.2%}".format,
            dear=True,
        )


def _near_duplicates(records: Sequence[Record]) -> Iterator[Gate]:
    n = len(records)
    splits = {record.id: record.split for record in records}
    for name, masked, threshold, within in (
        ("near-duplicates, 3-word Jaccard .7 or more", False, 0.7, 0.005),
        ("the same at .8, slots and numbers masked", True, 0.8, 0.03),
    ):
        alike = cache(partial(_alike, records, splits, masked, threshold))
        yield Gate(
            check=f"{name}: across splits",
            limit="0",
            rows=n,
            fewest=2,
            measure=partial(_across, alike, name),
            dear=True,
        )
        yield Gate(
            check=f"{name}: within",
            limit=f"at most {within:.1%} of rows",
            rows=n,
            fewest=200,
            measure=partial(_within, alike, within, name),
            show=percent,
            dear=True,
        )


def _alike(
    records: Sequence[Record], splits: Mapping[str, str], masked: bool, threshold: float
) -> near_duplicates.Alike:
    texts = {record.id: masked_text(record) if masked else normalise(record.text) for record in records}
    return near_duplicates.find_alike(texts, splits, threshold)


def _across(alike: Callable[[], near_duplicates.Alike], name: str) -> Measured:
    return near_duplicates.check_across(alike(), name)


def _within(alike: Callable[[], near_duplicates.Alike], limit: float, name: str) -> Measured:
    return near_duplicates.check_within(alike(), limit, name)


def _frames(texts: Mapping[str, str]) -> Iterator[Gate]:
    n, plain = len(texts), list(texts.values())
    for check, limit, measure in (
        ("commonest first two words", "at most 4 % (NPTI 26 %)", check_commonest_opening),
        ("ten commonest first two words", "at most 25 % (NPTI 56 %)", check_ten_openings),
    ):
        yield Gate(
            check=check, limit=limit, rows=n, fewest=SAMPLE, measure=partial(measure, plain), show=percent
        )
    yield Gate(
        check="entropy of the first three words",
        limit="at least 9 bits",
        rows=n,
        fewest=MANY,
        measure=partial(check_opening_entropy, plain),
        show="{:.2f} bits".format,
    )
    yield Gate(
        check="commonest skeleton",
        limit="at most .4 %",
        rows=n,
        fewest=SAMPLE,
        measure=partial(check_skeletons, texts),
        show="{:.2%}".format,
    )


def _words(plain: list[str]) -> Iterator[Gate]:
    n = len(plain)
    for order, least in distinct.LEAST.items():
        yield Gate(
            check=f"distinct-{order} on {distinct.TOKENS:,} words",
            limit=f"at least {_decimal(least)} ({REFERENCES[order]})",
            rows=n,
            fewest=SAMPLE,
            measure=partial(distinct.check_distinct, plain, order),
            show="{:.3f}".format,
            dear=True,
        )
    yield Gate(
        check="self-BLEU-4, 500 against 500",
        limit="at most .35",
        rows=n,
        fewest=SAMPLE,
        measure=partial(check_self_bleu, plain),
        show="{:.3f}".format,
    )
    yield Gate(
        check="words used three times or more",
        limit="at least 6,000",
        rows=n,
        fewest=FULL,
        measure=partial(check_vocabulary, plain),
        show="{:,.0f}".format,
    )


def _decimal(number: float) -> str:
    return f"{number:g}".removeprefix("0")
