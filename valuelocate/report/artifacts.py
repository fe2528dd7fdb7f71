"""The files of one job, read once; an optional file that is not there is None, and a report says so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from valuelocate.errors import UserError
from valuelocate.neurons import NeuronSet
from valuelocate.report.labels import DIRECTIONS, split_metric
from valuelocate.report.numbers import number

_DOSELESS = ("base", "prompt")
"""Arms without a strength."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Everything a page shows of one job."""

    folder: Path
    result: Mapping[str, Any]
    metrics: pd.DataFrame
    scores: pd.DataFrame | None
    responses: tuple[Mapping[str, Any], ...] | None
    ranking: pd.DataFrame | None
    neurons: NeuronSet | None
    manifest: Mapping[str, Any]
    config_text: str | None

    @property
    def target(self) -> str:
        """Id of the value that was located."""
        return str(self.result["target"])

    @property
    def value_name(self) -> str:
        """Name of the value that was located."""
        return str(self.result.get("value_name") or self.target)

    @property
    def metric(self) -> str:
        """The headline metric, "evaluator/metric"."""
        return str(self.result["metric"])

    @property
    def directions(self) -> tuple[str, ...]:
        """Directions that have a result."""
        return tuple(direction for direction in DIRECTIONS if self.outcome(direction))

    @cached_property
    def config(self) -> Mapping[str, Any]:
        """The resolved config, or nothing where it is not there."""
        found = yaml.safe_load(self.config_text) if self.config_text else None
        return found if isinstance(found, Mapping) else {}

    @property
    def level(self) -> float | None:
        """Coverage of the intervals, e.g. 0.95."""
        compare = self.config.get("compare")
        return number(
            self.result.get("level") or (compare.get("level") if isinstance(compare, Mapping) else None)
        )

    def outcome(self, direction: str) -> Mapping[str, Any] | None:
        """Return the result of a direction, or None where it was not run."""
        return outcome(self.result, direction)

    def dose(self, direction: str) -> float | None:
        """Return the strength at which a direction was read."""
        return number((self.outcome(direction) or {}).get("strength"))

    def rows(
        self, *, metric: str | None = None, split: str = "eval", quantity: str = "gain", **equal: str
    ) -> pd.DataFrame:
        """Return rows of the metrics that have an estimate, by default gains on the evaluation split."""
        evaluator, name = split_metric(metric or self.metric)
        wanted = {"evaluator": evaluator, "metric": name, "split": split, "quantity": quantity, **equal}
        keep = self.metrics["estimate"].notna()
        for column, value in wanted.items():
            keep &= self.metrics[column] == value
        return self.metrics[keep]

    def at_dose(self, direction: str, **wanted: Any) -> pd.DataFrame:
        """Return the rows of a direction at its chosen strength, and those of arms without a strength."""
        return at_strength(self.rows(direction=direction, **wanted), self.dose(direction))


def outcome(result: Mapping[str, Any], direction: str) -> Mapping[str, Any] | None:
    """Return the part of a result that tells of one direction, or None where it was not run."""
    for part in (result, result.get("away")):
        if isinstance(part, Mapping) and part.get("direction", "towards") == direction:
            return part
    return None


def at_strength(rows: pd.DataFrame, strength: float | None) -> pd.DataFrame:
    """Return the rows read at a strength, and those of arms without one."""
    same = rows["arm"].isin(_DOSELESS)
    if strength is not None:
        same |= np.isclose(rows["strength"].astype(float), strength)
    return rows[same]


def load_job(folder: Path) -> Job:
    """Read the artifacts of a job.

    Raises:
        UserError: result.json or metrics.parquet is missing, or a file cannot be read.
    """
    folder = Path(folder)
    for name in ("result.json", "metrics.parquet"):
        if not (folder / name).is_file():
            raise UserError(f"{folder} has no {name}: a report needs a finished job; run the job again")
    result = read_json(folder / "result.json")
    for key in ("target", "metric"):
        if key not in result:
            raise UserError(
                f"{folder / 'result.json'} has no '{key}': a report needs a finished job; run the job again"
            )
    config, neurons = folder / "config.yaml", folder / "neurons.safetensors"
    return Job(
        folder=folder,
        result=result,
        metrics=_table(folder / "metrics.parquet"),
        scores=_optional_table(folder / "scores.parquet"),
        responses=_json_lines(folder / "responses.jsonl"),
        ranking=_optional_table(folder / "ranking.parquet"),
        neurons=NeuronSet.load(neurons) if neurons.is_file() else None,
        manifest=read_json(folder / "manifest.json") if (folder / "manifest.json").is_file() else {},
        config_text=config.read_text(encoding="utf-8") if config.is_file() else None,
    )


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        UserError: the file is no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{path} is not readable as JSON ({error}); remove the job's folder and run it again"
        ) from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds a {type(found).__name__}; expected a JSON object")
    return found


def _table(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise UserError(
            f"{path} is not readable as parquet ({error}); remove the job's folder and run it again"
        ) from error


def _optional_table(path: Path) -> pd.DataFrame | None:
    return _table(path) if path.is_file() else None


def _json_lines(path: Path) -> tuple[Mapping[str, Any], ...] | None:
    if not path.is_file():
        return None
    rows = []
    # Not splitlines(): JSON strings may hold line separators that it would split at.
    for line_number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.strip():
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                raise UserError(f"{path}, line {line_number}: not JSON ({error})") from error
    return tuple(rows)
