"""The job `task=dataset`: rebuild and check ValueInsight, or check a dataset of one's own."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from valuelocate.dataset.build.banks import bank_of, compose_bank
from valuelocate.dataset.build.full import compose_full
from valuelocate.dataset.build.sets import Built, build, write_rejected, write_set
from valuelocate.dataset.build.variants import VARIANTS
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.full_suite import run_gates
from valuelocate.dataset.checks.suite import CheckRow, run_checks
from valuelocate.dataset.export import export_hub_folder
from valuelocate.dataset.loading import DatasetSource
from valuelocate.dataset.records import Record
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.value_dataset import dataset_of
from valuelocate.errors import UserError
from valuelocate.values import Theory

if TYPE_CHECKING:
    from valuelocate.dataset.paraphrase.rebuild import Paraphrasing


def check_and_build(
    source: DatasetSource, theory: Theory, output: Path, paraphrasing: Paraphrasing | None = None
) -> list[CheckRow]:
    """Check a dataset and return the table of checks; what was found wrong goes to `findings.jsonl`.

    A shipped set is composed again from its bank into `output/NAME` and compared with the shipped files.
    A dataset of one's own (`dataset.path`) is read, which checks its schema, and its text is checked.
    Either is also written to `output/hub`, for `datasets` and the Hugging Face hub.
    With a paraphraser a shipped set goes to `output/NAME-paraphrased` and is not compared.

    Args:
        source: the dataset.
        theory: the theory that its values belong to.
        output: folder to write to.
        paraphrasing: how a share of the questions is rewritten; None, or inactive: not at all.

    Raises:
        UserError: the dataset cannot be read or exported, or the paraphraser not be used.
    """
    rewriting = paraphrasing if paraphrasing and paraphrasing.paraphraser.active else None
    if rewriting and source.path is not None:
        raise UserError(
            f"paraphrase={rewriting.paraphraser.id}: only shipped sets are rewritten; drop dataset.path or "
            f"paraphrase"
        )
    if source.path is not None:
        dataset = source.load(theory)
        rows = dataset.description_rows, dataset.question_rows
        checked, gates = run_checks(*rows, theory, topics=None), run_gates(*rows, theory, topics=None)
        _write_findings([*checked.findings, *gates.findings], output)
        export_hub_folder(dataset, None, output / "hub")
        return [*checked.rows, *gates.rows]
    name = source.rows or source.name
    if name in VARIANTS:
        if rewriting:
            raise UserError(
                f"paraphrase={rewriting.paraphraser.id}: the rows of dataset={name} are not rewritten; drop "
                f"paraphrase"
            )
        built = VARIANTS[name](theory)
        folder = write_set(built, output / name)
        return _told(built, folder, [_same_as_shipped(folder)], theory, output)
    if rewriting:
        rewriting.paraphraser.require()
    bank = bank_of(name)
    full = compose_full(theory) if bank is None else compose_bank(bank, theory)
    if rewriting:
        # Its package imports this one's modules.
        from valuelocate.dataset.paraphrase.rebuild import rewrite_set, write_tries

        built, told, tries = rewrite_set(name, full, theory, rewriting)
        folder = write_set(built, output / f"{name}-paraphrased")
        write_tries(tries, output)
    else:
        built = build(name, theory, full)
        folder = write_set(built, output / name)
        told = [_same_as_shipped(folder)]
    write_rejected(full, output)
    return _told(built, folder, told, theory, output)


def _told(
    built: Built, folder: Path, told: Sequence[CheckRow], theory: Theory, output: Path
) -> list[CheckRow]:
    """Write findings and the folder for the hub; return the table of checks."""
    _write_findings([*built.checked.findings, *built.gates.findings], output)
    records: list[Record] = [*built.rows.descriptions, *built.rows.questions]
    card = (folder / "DATA_CARD.md").read_text(encoding="utf-8")
    export_hub_folder(dataset_of(records, name=built.name, theory=theory), card, output / "hub")
    return [*told, *built.checked.rows, *built.gates.rows]


def _same_as_shipped(folder: Path) -> CheckRow:
    shipped = DATA / folder.name
    differing = sorted(
        path.name
        for path in folder.iterdir()
        if not (shipped / path.name).is_file() or _content(path) != _content(shipped / path.name)
    )
    found = f"differs: {', '.join(differing)}" if differing else "the same"
    return CheckRow("rebuilt set and shipped set", "byte for byte", found, not differing)


def _content(path: Path) -> bytes:
    """Return a file's bytes, unpacked: other versions of zlib pack the same text otherwise."""
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def _write_findings(findings: Sequence[Finding], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{json.dumps(finding._asdict(), ensure_ascii=False)}\n" for finding in findings)
    (output / "findings.jsonl").write_text(lines, encoding="utf-8")
