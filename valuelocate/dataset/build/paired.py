"""The set `paired`: minimal pairs of descriptions, both of which locating puts before a question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from valuelocate.dataset import fields as rule
from valuelocate.dataset.build.bank import by_split
from valuelocate.dataset.build.bank_rows import bank_rows
from valuelocate.dataset.build.card import listed, markdown_table, spread
from valuelocate.dataset.build.cuts import Rows
from valuelocate.dataset.build.release import LANGUAGE, LICENSE, VERSION
from valuelocate.dataset.build.sets import Built
from valuelocate.dataset.checks.balance import check_pole_lengths, pole_length_difference
from valuelocate.dataset.checks.balance_gates import balance_gates
from valuelocate.dataset.checks.counts import check_description_counts
from valuelocate.dataset.checks.duplicates import check_exact_duplicates
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.first_person import check_first_person
from valuelocate.dataset.checks.form import check_form
from valuelocate.dataset.checks.gate import Gate, percent, run_all
from valuelocate.dataset.checks.length import check_description_length
from valuelocate.dataset.checks.measured import at_most
from valuelocate.dataset.checks.overlap import check_overlap
from valuelocate.dataset.checks.pairs import check_alike_pairs, check_change, check_kinds, check_pairs
from valuelocate.dataset.checks.polarity_leak import LIMIT, described_texts, polarity_auroc
from valuelocate.dataset.checks.schema import check_schema
from valuelocate.dataset.checks.suite import NOT_RUN, Checked, CheckRow
from valuelocate.dataset.checks.topic_splits import check_splits
from valuelocate.dataset.checks.validity_gates import validity_gates
from valuelocate.dataset.checks.value_words import check_value_words
from valuelocate.dataset.fields import FieldRule
from valuelocate.dataset.matching import MatchedPair, matched_pairs
from valuelocate.dataset.records import (
    NEG_KINDS,
    POLARITIES,
    SPLITS,
    Description,
    record_id,
    to_row,
)
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import load_topics
from valuelocate.dataset.text import count_words
from valuelocate.values import Theory

BANK: Final = DATA / "variants" / "minimal_pairs.jsonl"
QUESTIONS: Final = "small"
"""The set whose questions are asked."""
PAIRS_PER_VALUE: Final[Mapping[str, int]] = {"locate": 28, "dev": 4, "eval": 8}

_RULES: Final[dict[str, FieldRule]] = {
    "pair": FieldRule(
        expected="a whole number of at least 0, the same in both rows of a pair",
        accepts=lambda found: isinstance(found, int) and not isinstance(found, bool) and found >= 0,
    ),
    "value": rule.text(),
    "basic_value": rule.text(),
    "refined_value": rule.text_or_null(),
    "polarity": rule.one_of(*POLARITIES),
    "neg_kind": rule.one_of(*NEG_KINDS, None),
    "topic": rule.text(),
    "split": rule.one_of(*SPLITS),
    "text": rule.text(),
}


def compose_paired(theory: Theory, bank: Path = BANK) -> Built:
    """Compose the set and check it.

    Raises:
        MistakesError: a row of the bank is bad, or a pair is none.
    """
    rows = [_description(row) for row in bank_rows(bank, _RULES)]
    descriptions = sorted(rows, key=lambda row: row.id)
    pairs = matched_pairs(*([row for row in descriptions if row.polarity == pole] for pole in POLARITIES))
    gates = [
        gate
        for gate in (
            *balance_gates(descriptions, [], theory, None),
            *validity_gates(descriptions, [], theory),
        )
        # The others are about questions.
        if gate.rows
    ]
    gates.append(
        Gate(
            check="bare words tell the pole of descriptions",
            limit=f"AUROC at most {LIMIT}",
            rows=len(descriptions),
            fewest=2,
            measure=lambda: at_most(
                polarity_auroc(described_texts(descriptions), theory), LIMIT, "polarity leak"
            ),
            show="{:.2f}".format,
        )
    )
    ran = run_all(gates, fast=False)
    left = [row for row in NOT_RUN if row.check in ("value assignment", "reading by people")]
    return Built(
        "paired",
        Rows(descriptions, []),
        check_paired(descriptions, pairs, theory),
        Checked([*ran.rows, *left], ran.findings),
        card=_card(descriptions, pairs),
        read_with={"questions": QUESTIONS, "matched": True},
    )


def check_paired(
    descriptions: Sequence[Description], pairs: Sequence[MatchedPair], theory: Theory
) -> Checked:
    """Run every check on the rows of minimal pairs, exact counts included."""
    texts = {row.id: row.text for row in descriptions}
    words = [count_words(text) for text in texts.values()]
    change = check_change(pairs)
    difference = f"{pole_length_difference(descriptions):+.2f} words"
    per_value = sum(PAIRS_PER_VALUE.values())
    table: list[tuple[str, str, list[Finding], str | None]] = [
        (
            "pairs, every value and split exact",
            f"{per_value} a value",
            check_description_counts(descriptions, theory, PAIRS_PER_VALUE),
            f"{len(pairs)}",
        ),
        ("the two rows of a pair share value, parts, topic, split", "all", check_pairs(pairs), None),
        ("words changed from pos to neg, mean", "at most 30 %", change.findings, percent(change.figure)),
        ("kinds of negative description, by value", "as many of each", check_kinds(pairs), None),
        ("schema and ids", "0", check_schema([to_row(row) for row in descriptions], theory), None),
        ("topics and families keep their split", "0", check_splits(descriptions, load_topics()), None),
        ("exact duplicates", "0", check_exact_duplicates(texts), None),
        (
            "near-duplicates of other pairs, 3-word Jaccard .7 or more",
            "0",
            check_alike_pairs(descriptions),
            None,
        ),
        ("8-word runs shared between splits", "0", check_overlap(descriptions), None),
        ("value words", "0", check_value_words(descriptions, theory), None),
        ("form: quotes, spacing, a/an, repeats, slots", "0", check_form(texts), None),
        (
            "description length",
            "40 to 80 words",
            check_description_length(descriptions),
            f"{min(words)} to {max(words)}",
        ),
        ("mean length, pos - neg", "below 2 words", check_pole_lengths(descriptions), difference),
        ("first sentence has I, me or my", "all", check_first_person(descriptions), None),
    ]
    return Checked(
        [CheckRow(name, limit, found or f"{len(bad)}", not bad) for name, limit, bad, found in table],
        [finding for _, _, bad, _ in table for finding in bad],
    )


def _description(row: Mapping[str, Any]) -> Description:
    own = {name: found for name, found in row.items() if name != "pair"}
    return Description(
        **own,
        id=record_id("description", LANGUAGE, row["text"]),
        lang=LANGUAGE,
        family=f"pair-{row['topic']}-{row['pair']:03}",
        source="llm",
        generator=None,
        license=LICENSE,
        version=VERSION,
    )


def _card(descriptions: Sequence[Description], pairs: Sequence[MatchedPair]) -> str:
    values = sorted({row.value for row in descriptions})
    counts = [
        [value, *(sum(row.value == value for row in by_split(descriptions, split)) // 2 for split in SPLITS)]
        for value in values
    ]
    words = [
        [pole, *spread([count_words(row.text) for row in descriptions if row.polarity == pole])]
        for pole in POLARITIES
    ]
    basic = Counter(str(pair.positive.basic_value) for pair in pairs)
    refined = Counter(str(pair.positive.refined_value) for pair in pairs if pair.positive.refined_value)
    kinds = Counter(str(pair.negative.neg_kind) for pair in pairs)
    return f"""# ValueInsight paired {VERSION}

{len(pairs)} minimal pairs of descriptions over the four higher-order values of Schwartz's theory \
(Schwartz 1992): one paragraph by someone for whom a value matters, and the same paragraph rewritten in \
few words so that it does not matter to the speaker, or the speaker argues against it. People, places and \
sentences stay.

Before each question locating puts the two texts of one pair, once the one and once the other, so that \
what differs between the two readings is little more than the pole (`dataset=paired`, key `matched`). In \
the other sets the two texts before a question are of the same value and otherwise unlike.

- Files: descriptions (JSON Lines, a pair is one `family`), `manifest.json` (counts, SHA-256 of each split)
- Questions: none of its own; it is read with those of the set `{QUESTIONS}` (`read_with` in the manifest)
- Language: {LANGUAGE}. Licence of the text: {LICENSE}
- Rebuild: `python -m valuelocate.dataset.build paired`. The same bank gives the same bytes

## How it was made

**All text was written by a large language model** to written rules, pair by pair, and without material of \
other datasets; a program checked it. No person wrote these texts, **none was validated on people**, and \
the labels (value, parts, pole) are those the text was written for. Model, prompts and sampling of the \
writing are not recorded, so `generator` is null.

## Counts

{markdown_table(["value", *(f"pairs {split}" for split in SPLITS)], counts)}
Pairs by basic value: {listed(basic)}.
Pairs by refined value, where there is one: {listed(refined)}.
Negative descriptions by kind: {listed(kinds)}. Leaving a kind out (`neg_kinds`) leaves out its pairs.
{markdown_table(["pole", "words, mean", "SD", "least", "most"], words)}
A topic belongs to one split for good, the same as in the other sets; the question and the pair before it \
are about different topics as a rule.

## Limits

- {PAIRS_PER_VALUE["locate"]} pairs a value to locate with: each is read before about thirteen questions \
of the set `{QUESTIONS}`.
- A pair differs in few words, and these are often negations or words of degree. A neuron that reads `not` \
can come out of such a contrast as one of a value; hold it against neurons located with the other sets. It \
is also why bare words tell the pole so well: the words that tell it are most of what differs.
- One language, and the habits of one writer. Not for judging people.
"""
