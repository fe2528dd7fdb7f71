"""The jobs of a study as rows: what tells them apart, and their results by direction."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from valuelocate.compare.study import CHOICES
from valuelocate.report import numbers
from valuelocate.report.labels import DIRECTIONS, VERDICTS

_SAID = {"seed": "seed {}", "strength_asked": "strength {}", "model": "{}", "locate": "{}"}
_NO_DIFFERENCE = ("study", "paths", "track", "report", "trainer", "debug", "task", "hydra", "experiment")
_UNNAMED = "(method unknown)"


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """One direction of one finished job."""

    job: str
    label: str
    """The method and whatever else differs between the jobs, except the value."""
    value: str
    direction: str
    outcome: Mapping[str, Any]
    """The columns of study.parquet for this direction, without their prefix."""
    costs: Mapping[str, Any]

    @property
    def alone(self) -> bool:
        """Whether the job moved its value taken alone, but not after correction for the number of jobs."""
        return self.verdict == "not_moved" and self._said("verdict") == "moved"

    @property
    def verdict(self) -> str:
        """The verdict after correction for the number of jobs."""
        return self._said("verdict_in_study")

    @property
    def badge(self) -> str:
        """The verdict in words."""
        if self.alone:
            return "moved only if taken alone"
        return VERDICTS.get(self.verdict, "not measured")

    def number(self, name: str) -> float | None:
        """Return a number of the outcome, or None where it is missing."""
        return numbers.number(self.outcome[name])

    def cost(self, name: str) -> float | None:
        """Return a cost of the whole job, or None where it is not known."""
        return numbers.number(self.costs[name])

    def _said(self, name: str) -> str:
        found = self.outcome[name]
        return "missing" if pd.isna(found) else str(found)


def labels(study: pd.DataFrame) -> list[str]:
    """Return a name for each job: its method, and what else differs between the jobs, except the value."""
    differing = [
        choice for choice in CHOICES if choice not in ("value", "locate") and study[choice].nunique() > 1
    ]
    settings = [_settings(text) for text in study["overrides"]]
    keys = sorted({key for found in settings for key in found})
    keys = [key for key in keys if len({found.get(key) for found in settings}) > 1]
    names = []
    for row, found in zip(study.to_dict("records"), settings, strict=True):
        parts = [_UNNAMED if pd.isna(row["locate"]) else str(row["locate"])]
        parts += [_said(choice, row[choice]) for choice in differing if not pd.isna(row[choice])]
        parts += [f"{key}={found[key]}" for key in keys if key in found]
        names.append(", ".join(parts))
    return _told_apart(study, names)


def study_rows(study: pd.DataFrame) -> list[StudyRow]:
    """Return a row for each direction of each finished job that has a result there, in the table's order."""
    return [
        StudyRow(
            job=str(row["job"]),
            label=label,
            value=_value(row),
            direction=direction,
            outcome=_outcome(row, direction),
            costs={key: row[key] for key in ("seconds", "forwards")},
        )
        for row, label in zip(study.to_dict("records"), labels(study), strict=True)
        if row["status"] == "done"
        for direction in DIRECTIONS
        if not pd.isna(_outcome(row, direction)["verdict"])
    ]


def by_gain(rows: Sequence[StudyRow]) -> list[str]:
    """Return the labels by their mean gain towards, largest first; those without one last."""
    gains: dict[str, list[float]] = {row.label: [] for row in rows}
    for row in rows:
        gain = row.number("estimate")
        if row.direction == "towards" and gain is not None:
            gains[row.label].append(gain)
    return sorted(gains, key=lambda name: -sum(gains[name]) / len(gains[name]) if gains[name] else math.inf)


def _value(row: Mapping[Any, Any]) -> str:
    for key in ("value_name", "value"):
        if not pd.isna(row[key]):
            return str(row[key])
    return "(value unknown)"


def _outcome(row: Mapping[Any, Any], direction: str) -> dict[str, Any]:
    prefix = "away_" if direction == "away" else ""
    names = [key.removeprefix("away_") for key in row if str(key).startswith("away_")]
    return {name: row[f"{prefix}{name}"] for name in names}


def _said(choice: str, value: Any) -> str:
    text = numbers.dose(value) if isinstance(value, float) else str(value)
    return _SAID.get(choice, f"{choice} {{}}").format(text)


def _settings(overrides: Any) -> dict[str, str]:
    """Return the overrides that no column stands for."""
    found = {} if pd.isna(overrides) else dict(_split(str(overrides)))
    known = (*CHOICES, *_NO_DIFFERENCE, "intervene.strength")
    return {
        key: value
        for key, value in found.items()
        if key not in known and key.partition(".")[0] not in _NO_DIFFERENCE
    }


def _split(overrides: str) -> Iterator[tuple[str, str]]:
    for override in overrides.split():
        key, equals, value = override.lstrip("+").partition("=")
        if equals:
            yield key, value


def _told_apart(study: pd.DataFrame, names: list[str]) -> list[str]:
    """Add the end of the job's name where two jobs on one value would bear the same label."""
    keys = list(zip(names, study["value"].fillna(""), strict=True))
    return [
        f"{name} ({job.rpartition('-')[2]})" if keys.count(key) > 1 else name
        for name, key, job in zip(names, keys, study["job"], strict=True)
    ]
