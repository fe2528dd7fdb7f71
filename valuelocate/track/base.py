"""What a tracker is: a component that opens a run for each job, and the run that takes the job's results."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure


@dataclass(frozen=True, kw_only=True)
class TrackedJob:
    """One job as its trackers know it."""

    name: str
    """Readable name of the job, the name of its folder."""
    hash: str
    """The job's hash, the same for the same resolved config."""
    attempt: int
    """1 for the first try; every try is a run of its own, none is resumed."""
    study: str
    task: str
    """Kind of job: study, evaluate, export, ..."""
    folder: Path
    """The job's folder, where a tracker may keep files of its own."""
    config: Mapping[str, Any]
    """The whole resolved config as plain containers."""
    tags: Sequence[str] = ()


class TrackedRun(ABC):
    """An open run; every method may be left out of a job, `finish` never is."""

    @abstractmethod
    def log_ranking(self, table: pd.DataFrame) -> None:
        """Take the ranking of neurons, best first (the columns of ranking.parquet)."""

    @abstractmethod
    def log_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Take rows of named numbers, each with its `strength` (see `rows_by_strength`)."""

    @abstractmethod
    def log_result(self, result: Mapping[str, Any]) -> None:
        """Take the job's headline (the fields of result.json) and other single facts about the job."""

    @abstractmethod
    def log_figures(self, figures: Mapping[str, Figure]) -> None:
        """Take figures by name."""

    @abstractmethod
    def log_file(self, path: Path, kind: str) -> None:
        """Take a finished file that will not change any more; `kind` says what it is, e.g. "neurons"."""

    @abstractmethod
    def finish(self, ok: bool) -> None:
        """Close the run, as a success or as a failure."""


class Tracker(ABC):
    """A component of the `track` group."""

    @abstractmethod
    def start(self, job: TrackedJob) -> TrackedRun:
        """Open a run for the job."""
