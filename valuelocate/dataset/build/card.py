"""The data card: what the set holds, how it was made, what was checked and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev

from valuelocate.dataset.build.bank import by_split
from valuelocate.dataset.build.card_words import CardWords, card_words
from valuelocate.dataset.build.cuts import Rows
from valuelocate.dataset.build.release import LANGUAGE, LICENSE, VERSION
from valuelocate.dataset.checks.suite import CheckRow
from valuelocate.dataset.records import SPLITS, Description, Question
from valuelocate.dataset.splits import half, load_topics
from valuelocate.dataset.text import count_words

_STATUS = {True: "passed", False: "failed", None: "not run"}


def data_card(name: str, rows: Rows, checks: Sequence[CheckRow]) -> str:
    """Return the card of a set in Markdown; every figure is computed from the rows.

    Args:
        name: of the set, e.g. `mini`.
        rows: of the set.
        checks: what was measured on them.
    """
    descriptions, questions = rows
    words = card_words(name)
    parts = [
        _head(name, words, descriptions, questions),
        _making(words),
        _counts(descriptions, questions),
        _splits(words, questions),
        _texts(descriptions, questions),
        checks_section(checks),
        _limits(words, questions),
    ]
    return "\n".join(parts)


def _head(
    name: str, words: CardWords, descriptions: Sequence[Description], questions: Sequence[Question]
) -> str:
    return f"""# ValueInsight {name} {VERSION}

{len(descriptions):,} descriptions of people by what they value and {len(questions):,} everyday situations, \
over {words.values}. A language model answers the same \
question once with a description of someone for whom a value matters and once with one for whom it does not; \
the difference between its inner activations is what neurons are located by (after Su et al. 2025, \
arXiv 2505.17712; Deng et al. 2024, arXiv 2410.12327).

- Files: descriptions and questions (JSON Lines), `manifest.json` (counts, SHA-256 of each split)
- Language: {LANGUAGE}. Licence of the text: {LICENSE}
- Rebuild: `python -m valuelocate.dataset.build {words.command}`. The same bank gives the same bytes
"""


def _making(words: CardWords) -> str:
    return f"""## How it was made

**All text was written by a large language model** to written rules, one scene at a time, \
and without material of other datasets; a program checked it and slips were mended. No person wrote these \
texts, **none was validated on people**, and the labels ({words.labels}) are those the text was \
written for. Model, prompts and sampling of the writing are not recorded, so `generator` is null.

The bank has {words.seeds:,} seeds. {words.seed} \
{words.grown}
"""


def _counts(descriptions: Sequence[Description], questions: Sequence[Question]) -> str:
    values = list(dict.fromkeys(row.value for row in sorted(questions, key=lambda row: row.value)))
    header = ["value", *(f"questions {split}" for split in SPLITS)]
    header += [f"descriptions {pole} {split}" for pole in ("pos", "neg") for split in SPLITS]
    table = []
    for value in values:
        row = [value, *(sum(q.value == value for q in by_split(questions, split)) for split in SPLITS)]
        for pole in ("pos", "neg"):
            for split in SPLITS:
                row.append(sum((d.value, d.polarity) == (value, pole) for d in by_split(descriptions, split)))
        table.append(row)
    basic = Counter(str(row.basic_value) for row in questions if row.basic_value is not None)
    by_part = f"Questions by basic value: {listed(basic)}.\n" if basic else ""
    kinds = Counter(str(row.neg_kind) for row in descriptions if row.neg_kind is not None)
    return f"""## Counts

{markdown_table(header, table)}
{by_part}Negative descriptions by kind: {listed(kinds)}. Locating reads `absence` and `rejection` by \
default, so that opposition between values is found and not built in.
"""


def _splits(words: CardWords, questions: Sequence[Question]) -> str:
    topics = load_topics()
    table = []
    for split in SPLITS:
        rows = by_split(questions, split)
        used, forms = {row.topic for row in rows}, {row.form for row in rows}
        table.append(
            [split, len(topics.of_split(split)), len(used), len(forms), len({row.family for row in rows})]
        )
    halves = Counter(str(half(question.family)) for question in by_split(questions, "locate"))
    held_out = ", ".join(topic.replace("_", " ") for topic in topics.of_split("eval"))
    return f"""## Topics and splits

A topic belongs to one split for good, and so does everything written about it, descriptions included\
{words.topics}.

{markdown_table(["split", "topics", "topics used", "question forms", "families"], table)}
Eval topics: {held_out}.
Halves of the `locate` questions, by hash of the family: {listed(halves)}. {words.halves}
The resampling unit is the family: {len(questions):,} questions of \
{len({row.family for row in questions}):,} families.
"""


def _texts(descriptions: Sequence[Description], questions: Sequence[Question]) -> str:
    question_words = [count_words(row.text) for row in questions]
    description_words = [count_words(row.text) for row in descriptions]
    rows = [
        ["questions", len(questions), *spread(question_words)],
        ["descriptions", len(descriptions), *spread(description_words)],
    ]
    with_stances = sum(question.stances is not None for question in questions)
    return f"""## Texts

{markdown_table(["text", "rows", "words, mean", "SD", "least", "most"], rows)}
Person: {listed(Counter(q.person for q in questions))}.
Stakes: {listed(Counter(q.stakes for q in questions))}.
Forms: {listed(Counter(str(q.form) for q in questions))}.
{with_stances} of {len(questions)} questions carry two answers of like length, one of each pole.
"""


def checks_section(checks: Sequence[CheckRow]) -> str:
    """Return the section of what was checked, what was found, and what was not run."""
    header = ["check", "limit", "found", "result"]
    ran = [_cells(row) for row in checks if row.ok is not None]
    missed = sum(row.ok is False for row in checks)
    told = "All hold." if not missed else f"**{missed} of {len(ran)} limits are missed**, marked *failed*."
    return f"""## Checks

{told} The limits are those of the design and were not moved to fit the text; NPTI is the question set of \
Deng et al. 2024.

{markdown_table(header, ran)}
Not run:

{markdown_table(header, [_cells(row) for row in checks if row.ok is None])}"""


def _limits(words: CardWords, questions: Sequence[Question]) -> str:
    eval_each = len(by_split(questions, "eval")) // len({question.value for question in questions})
    return f"""## Limits

- {eval_each} eval questions a value. {words.power}
- One language, and the habits of one writer; names from many countries do not make many cultures.
- Machine-written text may lie nearer to what language models expect than people's own words do.
- Answers were written so that the motive is audible. A model can prefer an answer for its wording.
- Not for judging people: nothing here measures a person's values.
"""


def _cells(row: CheckRow) -> list[str]:
    return [row.check, row.limit, row.found, _STATUS[row.ok]]


def spread(words: Sequence[int]) -> list[str]:
    """Return mean, standard deviation, least and most of counts of words, as cells of a table."""
    return [f"{mean(words):.1f}", f"{stdev(words):.1f}", f"{min(words)}", f"{max(words)}"]


def listed(counts: Mapping[str, int]) -> str:
    """Return counts as a line of text, the largest first."""
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
