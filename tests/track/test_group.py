from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from valuelocate.errors import UserError
from valuelocate.track import NullRun, NullTracker, TrackedJob, Tracker, tracking


class Recording(NullRun):
    def __init__(self, calls: list[str]) -> None:
        self.calls = calls

    def log_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        self.calls.append(f"metrics {len(rows)}")

    def finish(self, ok: bool) -> None:
        self.calls.append(f"finish {ok}")


class Failing(NullRun):
    def log_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        raise RuntimeError("service died")

    def finish(self, ok: bool) -> None:
        raise RuntimeError("service died")


@dataclass(frozen=True, kw_only=True)
class RecordingTracker(Tracker):
    calls: list[str] = field(default_factory=list)

    def start(self, job: TrackedJob) -> Recording:
        self.calls.append(f"start {job.name}")
        return Recording(self.calls)


@dataclass(frozen=True, kw_only=True)
class FailingTracker(Tracker):
    def start(self, job: TrackedJob) -> Failing:
        return Failing()


@dataclass(frozen=True, kw_only=True)
class RefusingTracker(Tracker):
    def start(self, job: TrackedJob) -> Failing:
        raise UserError("track.refusing.key=1: expected 2")


def job(folder: Path) -> TrackedJob:
    return TrackedJob(name="job", hash="0", attempt=1, study="s", task="study", folder=folder, config={})


def test_every_tracker_gets_everything_and_is_closed(tmp_path: Path) -> None:
    trackers = [RecordingTracker(), NullTracker()]
    with tracking(trackers, job(tmp_path)) as run:
        run.log_metrics([{"strength": 1.0}])
        run.log_ranking(pd.DataFrame())
        run.log_result({})
        run.log_figures({})
        run.log_file(tmp_path / "x", "neurons")
    assert trackers[0].calls == ["start job", "metrics 1", "finish True"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failed_job_closes_its_run_as_failed(tmp_path: Path, error: type[BaseException]) -> None:
    tracker = RecordingTracker()
    with pytest.raises(error), tracking([tracker], job(tmp_path)):
        raise error
    assert tracker.calls[-1] == "finish False"


def test_failing_tracker_is_named_and_the_others_go_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    healthy = RecordingTracker()
    with tracking([FailingTracker(), healthy], job(tmp_path)) as run:
        run.log_metrics([])
    assert healthy.calls == ["start job", "metrics 0", "finish True"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert all("FailingTracker" in error and "service died" in error for error in errors)


def test_mistaken_setting_stops_the_job_and_closes_what_was_open(tmp_path: Path) -> None:
    opened = RecordingTracker()
    with (
        pytest.raises(UserError, match=r"track\.refusing"),
        tracking([opened, RefusingTracker()], job(tmp_path)),
    ):
        pytest.fail("the job must not start")
    assert opened.calls == ["start job", "finish False"]


def test_other_processes_of_a_job_open_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    tracker = RecordingTracker()
    with tracking([tracker], job(tmp_path)) as run:
        run.log_metrics([])
    assert tracker.calls == []


def test_without_w_and_b_it_is_never_imported(tmp_path: Path) -> None:
    script = """
import sys, pathlib
from valuelocate.track import NullTracker, TrackedJob, WandbTracker, provenance, tracking
job = TrackedJob(name="j", hash="0", attempt=1, study="s", task="study", folder=pathlib.Path("."), config={})
WandbTracker()
provenance(seeds={"seed": 0})
with tracking([NullTracker()], job) as run:
    run.log_metrics([{"strength": 1.0}])
assert "wandb" not in sys.modules, "wandb was imported"
"""
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[2])


def test_config_files_build_their_trackers() -> None:
    import yaml

    from valuelocate.components import Assembly

    files = sorted((Path(__file__).parents[2] / "conf" / "track").glob("*.yaml"))
    assert [path.stem for path in files] == ["none", "wandb"]
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert text.startswith(f"# @package track.{path.stem}\n")
        assembly = Assembly()
        built: Any = assembly.component(yaml.safe_load(text), f"track.{path.stem}")
        assembly.check("mistakes")
        assert isinstance(built, Tracker)
