from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.table import Table

from valuelocate.compare.study import study_frame
from valuelocate.report.terminal import headline_table, study_table


def shown(table: Table) -> str:
    console = Console(file=StringIO(), width=220, color_system=None)
    console.print(table)
    return console.file.getvalue()


def test_the_headline_names_verdict_numbers_and_what_was_not_run(job_maker: Callable[..., Path]):
    result = json.loads((job_maker(away=False) / "result.json").read_text(encoding="utf-8"))
    text = shown(headline_table(result))
    assert "Openness to Change: tiny / valuelocate / valuelocate" in text
    assert "moved" in text and "not run" in text and "nats per token" in text


def test_markup_in_names_is_text(job_maker: Callable[..., Path]):
    result = json.loads((job_maker(hostile="[red]x[/]") / "result.json").read_text(encoding="utf-8"))
    assert "[red]x[/]" in shown(headline_table(result))


def test_a_study_has_a_line_a_job_with_the_error_of_a_failed_one(study: Path):
    text = shown(study_table(study_frame(study)))
    assert text.count("tiny-") == 7
    assert "failed: locate.batch_size=0: expected at least 1" in text
