"""ValueInsight mini: 64 descriptions and 200 questions, always the same from the same bank."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from valuelocate.dataset.build.bank import by_split, description_bank, question_bank, question_of
from valuelocate.dataset.build.card import data_card
from valuelocate.dataset.build.draw import draw_descriptions, draw_seeds
from valuelocate.dataset.build.manifest import jsonl, manifest_of
from valuelocate.dataset.checks.counts import check_description_counts, check_question_counts
from valuelocate.dataset.checks.suite import Checked, CheckRow, check_polarity, run_checks
from valuelocate.dataset.records import Description, Question
from valuelocate.dataset.seeds import load_seeds
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import load_topics
from valuelocate.errors import MistakesError
from valuelocate.values import Theory, load_theory

logger = logging.getLogger(__name__)

DESCRIPTIONS_PER_CELL: Final[Mapping[str, int]] = MappingProxyType({"locate": 4, "dev": 1, "eval": 3})
"""By split, for every value and pole."""
QUESTIONS_PER_VALUE: Final[Mapping[str, int]] = MappingProxyType({"locate": 24, "dev": 8, "eval": 18})


class Mini(NamedTuple):
    """The rows of the mini set."""

    descriptions: list[Description]
    questions: list[Question]


def compose_mini(theory: Theory | None = None) -> Mini:
    """Choose the rows: a seeded draw for `locate`, everything the bank has for `dev` and `eval`."""
    theory = theory or load_theory()
    bank = description_bank()
    descriptions = draw_descriptions(by_split(bank, "locate"), theory, DESCRIPTIONS_PER_CELL["locate"])
    seeds = draw_seeds(load_seeds("locate"), theory, QUESTIONS_PER_VALUE["locate"])
    for split in ("dev", "eval"):
        descriptions += by_split(bank, split)
        seeds += load_seeds(split)
    return Mini(descriptions, [question_of(seed) for seed in seeds])


def check_mini(mini: Mini, theory: Theory) -> Checked:
    """Run every check on the rows of the mini set, counts included."""
    checked = run_checks(mini.descriptions, mini.questions, theory, load_topics())
    counts = check_description_counts(mini.descriptions, theory, DESCRIPTIONS_PER_CELL)
    counts += check_question_counts(mini.questions, theory, QUESTIONS_PER_VALUE)
    found = f"{len(mini.descriptions)} and {len(mini.questions)}"
    row = CheckRow("descriptions and questions, every cell exact", "64 and 200", found, not counts)
    return Checked([row, *checked.rows], [*counts, *checked.findings])


def check_bank(theory: Theory) -> Checked:
    """Run every check on all seeds and descriptions that the package ships."""
    descriptions, questions = description_bank(), question_bank()
    checked = run_checks(descriptions, questions, theory, load_topics())
    poles = check_polarity(descriptions, questions, theory)
    return Checked([*checked.rows, *poles.rows], [*checked.findings, *poles.findings])


def build_mini(output: Path | None = None) -> Path:
    """Write descriptions.jsonl, questions.jsonl, manifest.json and DATA_CARD.md; return their folder.

    Args:
        output: folder; that of the shipped set by default.

    Raises:
        MistakesError: a check fails; nothing is written.
    """
    theory = load_theory()
    mini = compose_mini(theory)
    checked, bank = check_mini(mini, theory), check_bank(theory)
    findings = [*checked.findings, *bank.findings]
    if findings:
        messages = dict.fromkeys(f"{row}: {check}: {reason}" for row, check, reason in findings)
        raise MistakesError(list(messages), heading="the text of ValueInsight breaks its rules:")
    return write_mini(mini, output or DATA / "mini", checked, bank)


def write_mini(mini: Mini, folder: Path, checked: Checked, bank: Checked) -> Path:
    """Write the files of the mini set, the manifest last; return their folder."""
    manifest = manifest_of("mini", mini.descriptions, mini.questions)
    shipped_bank = description_bank(), question_bank()
    contents = {
        "descriptions.jsonl": jsonl(mini.descriptions),
        "questions.jsonl": jsonl(mini.questions),
        "DATA_CARD.md": data_card(mini.descriptions, mini.questions, checked.rows, bank.rows, shipped_bank),
        "manifest.json": f"{json.dumps(manifest, indent=2)}\n",
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_text(content, encoding="utf-8", newline="\n")
    logger.info("wrote %s to %s", ", ".join(contents), folder)
    return folder
