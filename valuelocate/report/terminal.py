"""The result of a job, and of a study, as terminal tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
from rich.table import Table
from rich.text import Text

from valuelocate.report import numbers
from valuelocate.report.labels import VERDICTS, measure
from valuelocate.report.verdict import findings, summary_rows

_STYLES = {"moved": "bold green", "degenerate": "bold red", "not_moved": "yellow", "missing": "dim"}


def headline_table(result: Mapping[str, Any]) -> Table:
    """Return the headline of a job: verdict and numbers of both directions.

    Args:
        result: the content of a job's result.json.
    """
    name = str(result.get("value_name") or result["target"])
    unit = measure(str(result.get("metric", ""))).unit
    how = " / ".join(str(result[key]) for key in ("model", "locator", "intervention") if result.get(key))
    table = Table(
        title=Text(f"{name}: {how}"),
        title_justify="left",
        caption=Text(f"gains in {unit}"),
        caption_justify="left",
    )
    table.add_column("")
    table.add_column("towards", justify="right")
    table.add_column("away", justify="right")
    level = numbers.number(result.get("level"))
    found = findings(result, level=level)
    table.add_row(
        "Verdict",
        *(Text(finding.badge, style=_STYLES[finding.verdict]) for finding in found),
        end_section=True,
    )
    for row in summary_rows(result, level=level):
        table.add_row(Text(row.label), *(Text(cell) for cell in row.cells))
    return table


def study_table(study: pd.DataFrame) -> Table:
    """Return one line a job of a study.

    Args:
        study: the content of study.parquet.
    """
    table = Table(title=Text("Jobs of the study"), title_justify="left")
    for column in (
        "job",
        "value",
        "locate",
        "beyond random",
        "interval",
        "p",
        "p (Holm)",
        "fluency",
        "verdict",
        "time",
    ):
        table.add_column(
            column, justify="left" if column in ("job", "value", "locate", "verdict") else "right"
        )
    for row in study.to_dict("records"):
        table.add_row(*(Text(cell, overflow="fold") for cell in _study_cells(row)))
    return table


def _study_cells(row: Mapping[Any, Any]) -> list[str]:
    if row["status"] != "done":
        missing = [""] * 5
        return [
            str(row["job"]),
            _name(row["value"]),
            _name(row["locate"]),
            *missing,
            f"{row['status']}: {_name(row['error'])}",
            "",
        ]
    return [
        str(row["job"]),
        _name(row["value"]),
        _name(row["locate"]),
        numbers.signed(row["estimate"], missing="-"),
        numbers.interval(row["ci_low"], row["ci_high"], missing="-"),
        numbers.probability(row["p_rank"], missing="-"),
        numbers.probability(row["p_holm"], missing="-"),
        numbers.plain(row["fluency"], missing="-"),
        _verdict(row),
        numbers.duration(row["seconds"], missing="-"),
    ]


def _verdict(row: Mapping[Any, Any]) -> str:
    verdict = _name(row["verdict_in_study"])
    if verdict == "not_moved" and _name(row["verdict"]) == "moved":
        return "moved only if taken alone"
    return VERDICTS.get(verdict, verdict)


def _name(value: Any) -> str:
    return "-" if value is None or value != value else str(value)
