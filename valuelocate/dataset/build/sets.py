"""The shipped sets as files: composed, checked, and written, the manifest last."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from valuelocate.dataset.build.banks import bank_of, compose_bank
from valuelocate.dataset.build.card import checks_section, data_card
from valuelocate.dataset.build.cuts import COUNTS, Rows, cut
from valuelocate.dataset.build.full import Full, compose_full
from valuelocate.dataset.build.manifest import jsonl, manifest_of
from valuelocate.dataset.checks.counts import check_description_counts, check_question_counts
from valuelocate.dataset.checks.full_suite import run_gates
from valuelocate.dataset.checks.suite import Checked, CheckRow, check_polarity, run_checks
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import load_topics
from valuelocate.errors import MistakesError
from valuelocate.values import Theory, load_theory

logger = logging.getLogger(__name__)

PLAIN: Final = frozenset({"mini", "moral_foundations_mini"})
"""Sets small enough to be read in the repository as they are; the others are compressed."""


_TOLD: Final = frozenset({"value words", "polarity leak"})
"""Checks that the full set fails, which its card tells and which do not stop its build: two descriptions hold
a value word, and bare words tell the pole of its answers a little too well. The embedded model was trained on
such texts, so they can be mended with its next training alone."""


class Built(NamedTuple):
    """A set and what the checks found in it."""

    name: str
    rows: Rows
    checked: Checked
    """Rules that every row and count must keep."""
    gates: Checked
    """Limits on the set as a whole; one that is missed is told in the data card and does not stop a build."""
    note: str = ""
    """A further section of the data card."""
    card: str | None = None
    """The data card without the checks, of a set that `card` has no words for."""
    read_with: Mapping[str, Any] = MappingProxyType({})
    """Fields of `DatasetSource` that the set is read with."""


def build(name: str, theory: Theory, full: Full | None = None) -> Built:
    """Compose a set of the bank and check it.

    Args:
        name: a set, e.g. `mini`.
        theory: the theory of its bank.
        full: all that its bank gives, where that is composed already.

    Raises:
        UserError: the bank is too small.
    """
    whole = full or compose_whole(name, theory)
    rows = cut(whole, theory, name)
    return Built(name, rows, check_rows(name, rows, theory), check_gates(rows, theory))


def compose_whole(name: str, theory: Theory) -> Full:
    """Compose all that a set's bank gives."""
    bank = bank_of(name)
    return compose_full(theory) if bank is None else compose_bank(bank, theory)


def theory_of(name: str) -> Theory:
    """Return the theory that a set's rows are written for."""
    bank = bank_of(name)
    return load_theory() if bank is None else load_theory(bank)


def check_gates(rows: Rows, theory: Theory) -> Checked:
    """Measure the release limits on a set as a whole."""
    return run_gates(rows.descriptions, rows.questions, theory, load_topics())


def check_rows(name: str, rows: Rows, theory: Theory) -> Checked:
    """Run every check on a set's rows, exact counts included."""
    counts = COUNTS[name]
    wrong = check_description_counts(rows.descriptions, theory, counts.descriptions_per_cell)
    wrong += check_question_counts(rows.questions, theory, counts.questions_per_value)
    checked = run_checks(rows.descriptions, rows.questions, theory, load_topics())
    found = f"{len(rows.descriptions)} and {len(rows.questions)}"
    table = [
        CheckRow("descriptions and questions, every cell exact", _wanted(name, theory), found, not wrong)
    ]
    findings = [*wrong, *checked.findings]
    table += checked.rows
    if name not in PLAIN:
        poles = check_polarity(rows.descriptions, rows.questions, theory)
        table += poles.rows
        findings += poles.findings
    if name == "full":
        findings = [found for found in findings if found.check not in _TOLD]
    return Checked(table, findings)


def _wanted(name: str, theory: Theory) -> str:
    counts = COUNTS[name]
    values = len(theory.targets())
    descriptions = 2 * values * sum(counts.descriptions_per_cell.values())
    return f"{descriptions} and {values * sum(counts.questions_per_value.values())}"


def build_set(name: str, output: Path | None = None, full: Full | None = None) -> Path:
    """Write a set's rows, manifest and data card, and what was rejected; return their folder.

    Args:
        name: a set, e.g. `mini`.
        output: folder; that of the shipped set by default.
        full: all that its bank gives, where that is composed already.

    Raises:
        MistakesError: a check fails; nothing is written.
    """
    return write_checked(build(name, theory_of(name), full), output)


def write_checked(built: Built, output: Path | None = None) -> Path:
    """Write a set that keeps its rules; tell the limits that it misses.

    Args:
        built: the set.
        output: folder; that of the shipped set by default.

    Raises:
        MistakesError: a check fails; nothing is written.
    """
    name = built.name
    if built.checked.findings:
        messages = dict.fromkeys(f"{row}: {check}: {reason}" for row, check, reason in built.checked.findings)
        raise MistakesError(list(messages), heading=f"the text of ValueInsight {name} breaks its rules:")
    for row in built.gates.rows:
        if row.ok is False:
            logger.warning("%s misses a limit: %s: %s, found %s", name, row.check, row.limit, row.found)
    return write_set(built, output or DATA / name)


def write_set(built: Built, folder: Path) -> Path:
    """Write the files of a set; return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = set_files(built)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    logger.info("wrote %s to %s", ", ".join(contents), folder)
    return folder


def set_files(built: Built) -> Mapping[str, bytes]:
    """Return the files of a set by name, the manifest last; the same rows give the same bytes."""
    name, rows = built.name, built.rows
    checks = [*built.checked.rows, *built.gates.rows]
    card = data_card(name, rows, checks) if built.card is None else f"{built.card}\n{checks_section(checks)}"
    manifest = manifest_of(name, rows.descriptions, rows.questions)
    if built.read_with:
        manifest["read_with"] = dict(built.read_with)
    if bank := bank_of(name):
        manifest["theory"] = bank
    return {
        **_records("descriptions", jsonl(rows.descriptions), name in PLAIN),
        **_records("questions", jsonl(rows.questions), name in PLAIN),
        "DATA_CARD.md": f"{card}{built.note}".encode(),
        "manifest.json": f"{json.dumps(manifest, indent=2)}\n".encode(),
    }


def _records(kind: str, text: str, plain: bool) -> dict[str, bytes]:
    if not text:
        return {}
    if plain:
        return {f"{kind}.jsonl": text.encode()}
    # Without a time stamp, so that the same text gives the same bytes.
    return {f"{kind}.jsonl.gz": gzip.compress(text.encode(), compresslevel=9, mtime=0)}


def write_rejected(full: Full, folder: Path) -> Path:
    """Write the candidates that are not in the full set, each with its reason; return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "rejected.jsonl"
    lines = (json.dumps(row._asdict(), ensure_ascii=False) for row in full.rejected)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path
