"""The tracker that keeps nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from valuelocate.track.base import TrackedJob, TrackedRun, Tracker


class NullRun(TrackedRun):
    """A run that drops what it is given."""

    def log_ranking(self, table: pd.DataFrame) -> None:
        """Drop the ranking."""

    def log_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Drop the rows."""

    def log_result(self, result: Mapping[str, Any]) -> None:
        """Drop the result."""

    def log_figures(self, figures: Mapping[str, Figure]) -> None:
        """Drop the figures."""

    def log_file(self, path: Path, kind: str) -> None:
        """Drop the file."""

    def finish(self, ok: bool) -> None:
        """Close nothing."""


@dataclass(frozen=True, kw_only=True)
class NullTracker(Tracker):
    """Opens runs that drop everything; for jobs whose own files are enough."""

    def start(self, job: TrackedJob) -> NullRun:
        """Return a run that drops what it is given."""
        return NullRun()
