"""All trackers of a job as one run, always closed, in the main process only."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
from plotly.graph_objects import Figure

from valuelocate.console import is_main_process
from valuelocate.errors import UserError
from valuelocate.track.base import TrackedJob, TrackedRun, Tracker

logger = logging.getLogger(__name__)


@contextmanager
def tracking(trackers: Iterable[Tracker], job: TrackedJob) -> Iterator[TrackedRun]:
    """Open one run that hands everything to the trackers' runs, and close it whatever happens.

    A tracker that fails is named in the log with its error, and the job goes on. In a job of several
    processes only the main one opens trackers; what the others log is dropped.

    Args:
        trackers: the components of the `track` group.
        job: the job.

    Raises:
        UserError: a tracker cannot be opened as configured.
    """
    group = _Group()
    ok = False
    try:
        if is_main_process():
            group.open(trackers, job)
        yield group
        ok = True
    finally:
        group.finish(ok)


class _Group(TrackedRun):
    def __init__(self) -> None:
        self.runs: dict[str, TrackedRun] = {}

    def open(self, trackers: Iterable[Tracker], job: TrackedJob) -> None:
        for tracker in trackers:
            name = type(tracker).__name__
            with _mirroring(name, "opening the run"):
                self.runs[name] = tracker.start(job)

    def log_ranking(self, table: pd.DataFrame) -> None:
        for name, run in self.runs.items():
            with _mirroring(name, "logging the ranking"):
                run.log_ranking(table)

    def log_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        for name, run in self.runs.items():
            with _mirroring(name, "logging metrics"):
                run.log_metrics(rows)

    def log_result(self, result: Mapping[str, Any]) -> None:
        for name, run in self.runs.items():
            with _mirroring(name, "logging the result"):
                run.log_result(result)

    def log_figures(self, figures: Mapping[str, Figure]) -> None:
        for name, run in self.runs.items():
            with _mirroring(name, "logging figures"):
                run.log_figures(figures)

    def log_file(self, path: Path, kind: str) -> None:
        for name, run in self.runs.items():
            with _mirroring(name, f"logging the file {path.name}"):
                run.log_file(path, kind)

    def finish(self, ok: bool) -> None:
        for name, run in self.runs.items():
            with _mirroring(name, "closing the run"):
                run.finish(ok)


@contextmanager
def _mirroring(name: str, what: str) -> Iterator[None]:
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        # Whatever breaks in a tracker, hours of computing must not be lost with it: it mirrors our files.
        cause = f"{type(error).__name__}: {error}"
        logger.error("%s failed at %s, the job goes on and keeps its own files: %s", name, what, cause)
