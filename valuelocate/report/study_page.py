"""The page of a study: compare.html, methods beside each other on every value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from valuelocate.compare.claims import ALPHA
from valuelocate.errors import UserError
from valuelocate.report.draw_study import draw_study
from valuelocate.report.html import write_html
from valuelocate.report.labels import DIRECTIONS, measure
from valuelocate.report.study_rows import StudyRow, by_gain, labels, study_rows


def write_study_page(study_folder: Path) -> Path:
    """Write a study's compare.html from its study.parquet and return its path.

    Args:
        study_folder: outputs/STUDY, with study.parquet as `write_study` writes it.

    Raises:
        UserError: there is no study.parquet, it cannot be read, or the page cannot be written.
    """
    study_folder = Path(study_folder)
    path = study_folder / "study.parquet"
    if not path.is_file():
        raise UserError(f"{study_folder} has no study.parquet; run task=compare study={study_folder.name}")
    try:
        study = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is not readable as parquet ({error}); delete it and run task=compare"
        ) from error
    rows = study_rows(study)
    metrics = study["metric"].dropna().unique().tolist()
    unit = measure(metrics[0]).unit if len(metrics) == 1 else "units of each job's metric"
    figures = (
        {"study": draw_study(rows, unit)} if any(row.number("estimate") is not None for row in rows) else {}
    )
    context = _context(study_folder, study, rows, metrics)
    return write_html(study_folder / "compare.html", "study.html.j2", figures, **context)


def _context(
    folder: Path, study: pd.DataFrame, rows: Sequence[StudyRow], metrics: list[str]
) -> dict[str, Any]:
    values = list(dict.fromkeys(row.value for row in rows))
    methods = by_gain(rows)
    links = {
        job: f"{quote(job)}/report.html" for job in study["job"] if (folder / job / "report.html").is_file()
    }
    levels = study["level"].dropna().unique().tolist()
    return {
        "name": folder.name,
        "n_jobs": len(study),
        "states": study["status"].value_counts().to_dict(),
        "values": values,
        "methods": methods,
        "grid": {(row.label, row.value, row.direction): row for row in rows} if len(methods) > 1 else {},
        "rows": rows,
        "links": links,
        "measures": [measure(metric) for metric in metrics],
        "covered": f"{100 * levels[0]:g} % interval" if len(levels) == 1 else "Interval",
        "moved": {direction: _moved(rows, direction) for direction in DIRECTIONS},
        "correction": _correction(rows),
        "alone": sum(row.alone for row in rows),
        "alpha": ALPHA,
        "without": _without(study),
    }


def _moved(rows: Sequence[StudyRow], direction: str) -> tuple[int, int]:
    """Return how many jobs moved their value in a direction after correction, and how many were run."""
    run = [row for row in rows if row.direction == direction]
    return sum(row.verdict == "moved" for row in run), len(run)


def _correction(rows: Sequence[StudyRow]) -> dict[str, Any] | None:
    """Return the number of claims that are corrected for, and whether the draws can carry that many."""
    by_direction = [
        [r for r in rows if r.direction == way and r.number("p_holm") is not None] for way in DIRECTIONS
    ]
    claims = max(len(found) for found in by_direction)
    draws = [row.number("n_draws") for found in by_direction for row in found]
    known = [number for number in draws if number]
    if claims < 2 or not known:
        return None
    needed = math.ceil(claims / ALPHA) - 1
    return {"claims": claims, "draws": int(max(known)), "needed": needed, "enough": max(known) >= needed}


def _without(study: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the jobs that have no result, with what is known of them."""
    names = labels(study)
    return [
        {
            "job": row["job"],
            "label": name,
            "value": None if pd.isna(row["value"]) else row["value"],
            "state": row["status"],
            "error": None if pd.isna(row["error"]) else row["error"],
        }
        for row, name in zip(study.to_dict("records"), names, strict=True)
        if row["status"] != "done"
    ]
