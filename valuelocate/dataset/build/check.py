"""The job `task=dataset`: rebuild and check ValueInsight, or check a dataset of one's own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from valuelocate.dataset.build.mini import check_bank, check_mini, compose_mini, write_mini
from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.suite import NOT_RUN, CheckRow, run_checks
from valuelocate.dataset.loading import DatasetSource
from valuelocate.dataset.shipped import DATA
from valuelocate.values import Theory


def check_and_build(source: DatasetSource, theory: Theory, output: Path) -> list[CheckRow]:
    """Check a dataset and return the table of checks; what was found wrong goes to `findings.jsonl`.

    A shipped set is composed again from its bank into `output/NAME` and compared with the shipped files.
    A dataset of one's own (`dataset.path`) is read, which checks its schema, and its text is checked.

    Args:
        source: the dataset.
        theory: the theory that its values belong to.
        output: folder to write to.

    Raises:
        UserError: the dataset cannot be read.
    """
    if source.path is not None:
        dataset = source.load(theory)
        checked = run_checks(dataset.description_rows, dataset.question_rows, theory, topics=None)
        _write_findings(checked.findings, output)
        return [*checked.rows, *NOT_RUN]
    mini = compose_mini(theory)
    checked, bank = check_mini(mini, theory), check_bank(theory)
    folder = write_mini(mini, output / source.name, checked, bank)
    _write_findings([*checked.findings, *bank.findings], output)
    rows = [_same_as_shipped(folder), *checked.rows]
    return [*rows, *(row._replace(check=f"bank: {row.check}") for row in bank.rows), *NOT_RUN]


def _same_as_shipped(folder: Path) -> CheckRow:
    shipped = DATA / folder.name
    differing = sorted(
        path.name
        for path in folder.iterdir()
        if not (shipped / path.name).is_file() or path.read_bytes() != (shipped / path.name).read_bytes()
    )
    found = f"differs: {', '.join(differing)}" if differing else "the same"
    return CheckRow("rebuilt set and shipped set", "byte for byte", found, not differing)


def _write_findings(findings: Sequence[Finding], output: Path) -> None:
    output.mkdir(parents=True, exist_ok=True)
    lines = "".join(f"{json.dumps(finding._asdict(), ensure_ascii=False)}\n" for finding in findings)
    (output / "findings.jsonl").write_text(lines, encoding="utf-8")
