"""The data card: what the set holds, how it was made, what was checked and what was not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev

from valuelocate.dataset.build.bank import LANGUAGE, LICENSE, VERSION, by_split
from valuelocate.dataset.build.draw import HELD_OUT_FORMS
from valuelocate.dataset.checks.suite import NOT_RUN, CheckRow
from valuelocate.dataset.records import SPLITS, Description, Question
from valuelocate.dataset.splits import half, load_topics
from valuelocate.dataset.text import count_words

_STATUS = {True: "passed", False: "failed", None: "not run"}


def data_card(
    descriptions: Sequence[Description],
    questions: Sequence[Question],
    checks: Sequence[CheckRow],
    bank_checks: Sequence[CheckRow],
    bank: tuple[Sequence[Description], Sequence[Question]],
) -> str:
    """Return the card of the mini set in Markdown; every figure is computed from the rows."""
    parts = [
        _head(descriptions, questions),
        _making(bank),
        _counts(descriptions, questions),
        _splits(questions),
        _texts(descriptions, questions),
        _checks(checks, bank_checks, bank),
        _limits(questions, bank[1]),
    ]
    return "\n".join(parts)


def _head(descriptions: Sequence[Description], questions: Sequence[Question]) -> str:
    return f"""# ValueInsight mini {VERSION}

{len(descriptions)} descriptions of people by what they value and {len(questions)} everyday situations, \
over the four higher-order values of Schwartz's theory (Schwartz 1992). A language model answers the same \
question once with a description of someone for whom a value matters and once with one for whom it does not; \
the difference between its inner activations is what neurons are located by (after Su et al. 2025, \
arXiv 2505.17712; Deng et al. 2024, arXiv 2410.12327).

- Files: `descriptions.jsonl`, `questions.jsonl`, `manifest.json` (counts, SHA-256 of each split)
- Language: {LANGUAGE}. Licence of the text: {LICENSE}
- Rebuild: `python -m valuelocate.dataset.build mini`. The same bank gives the same bytes
"""


def _making(bank: tuple[Sequence[Description], Sequence[Question]]) -> str:
    return f"""## How it was made

**All text was written by a large language model** to written rules, one scene at a time, without templates \
and without material of other datasets; a program checked it and slips were mended. No person wrote these \
texts, **none was validated on people**, and the labels (value, basic value, pole) are those the text was \
written for. Model, prompts and sampling of the writing are not recorded, so `generator` is null.

The set is drawn from a bank of {len(bank[1])} seeds (a scene with a tension, and two answers) and \
{len(bank[0])} descriptions. `dev` and `eval` hold all that the bank has. For `locate` a seeded draw \
takes at most one seed for each topic and value, even over basic values, over kinds of negative answer, and \
over the two halves of the bank; descriptions come in pairs, a positive and a negative one about the same \
topic.
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
    basic = Counter(str(question.basic_value) for question in questions)
    kinds = Counter(str(row.neg_kind) for row in descriptions if row.neg_kind is not None)
    return f"""## Counts

{_table(header, table)}
Questions by basic value: {_listed(basic)}.
Negative descriptions by kind: {_listed(kinds)}. Locating reads `absence` and `rejection` by default, so \
that opposition between values is found and not built in.
"""


def _splits(questions: Sequence[Question]) -> str:
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

A topic belongs to one split for good, and so does everything written about it, descriptions included; each \
topic has seeds for all values.

{_table(["split", "topics", "topics used", "question forms", "families"], table)}
Eval topics: {held_out}.
Halves of the `locate` questions, by hash of the family: {_listed(halves)}. Text for training the embedded \
model comes from one half, text for training the offline judge from the other.
The resampling unit is the family; in this set every question is its own.
"""


def _texts(descriptions: Sequence[Description], questions: Sequence[Question]) -> str:
    question_words = [count_words(row.text) for row in questions]
    description_words = [count_words(row.text) for row in descriptions]
    rows = [
        ["questions", len(questions), *_spread(question_words)],
        ["descriptions", len(descriptions), *_spread(description_words)],
    ]
    with_stances = sum(question.stances is not None for question in questions)
    return f"""## Texts

{_table(["text", "rows", "words, mean", "SD", "least", "most"], rows)}
Person: {_listed(Counter(q.person for q in questions))}.
Stakes: {_listed(Counter(q.stakes for q in questions))}.
Forms: {_listed(Counter(str(q.form) for q in questions))}.
{with_stances} of {len(questions)} questions carry two answers of like length, one of each pole.
"""


def _checks(
    checks: Sequence[CheckRow],
    bank_checks: Sequence[CheckRow],
    bank: tuple[Sequence[Description], Sequence[Question]],
) -> str:
    header = ["check", "limit", "found", "result"]
    return f"""## Checks

On this set:

{_table(header, [_cells(row) for row in checks])}
On the whole bank ({len(bank[0])} descriptions, {len(bank[1])} seeds as questions):

{_table(header, [_cells(row) for row in bank_checks])}
Not run:

{_table(header, [_cells(row) for row in NOT_RUN])}"""


def _limits(questions: Sequence[Question], bank_questions: Sequence[Question]) -> str:
    spread = stdev([count_words(question.text) for question in questions])
    eval_each = len(by_split(questions, "eval")) // len({question.value for question in questions})
    elsewhere = sum(q.form in HELD_OUT_FORMS for q in bank_questions if q.split != "eval")
    return f"""## Limits

- Small: made for demonstrations and tests. {eval_each} eval questions a value leave wide intervals; \
a claim needs a larger set.
- One language, and the habits of one writer: question lengths vary little (SD {spread:.1f} words; the \
release limit of the full set is at least 9), and names from many countries do not make many cultures.
- Machine-written text may lie nearer to what language models expect than people's own words do.
- Answers were written so that the motive is audible; how well bare words tell their pole is in the table \
above. A model can prefer an answer for its wording.
- The forms {", ".join(sorted(HELD_OUT_FORMS))} are kept for `eval` in this set; {elsewhere} seeds of the \
bank outside `eval` use them.
- Not for judging people: nothing here measures a person's values.
"""


def _cells(row: CheckRow) -> list[str]:
    return [row.check, row.limit, row.found, _STATUS[row.ok]]


def _spread(words: Sequence[int]) -> list[str]:
    return [f"{mean(words):.1f}", f"{stdev(words):.1f}", f"{min(words)}", f"{max(words)}"]


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda c: (-c[1], c[0])))


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(str(cell) for cell in line)} |\n" for line in lines)
