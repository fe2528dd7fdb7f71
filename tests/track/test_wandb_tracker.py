from __future__ import annotations

import getpass
import json
import logging
import os
import platform
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import pytest
import yaml

from tests.track.offline_run import OfflineRun
from valuelocate.errors import UserError
from valuelocate.track import TrackedJob, TrackedRun, WandbTracker, tracking
from valuelocate.track.wandb_tracker import WandbRun, run_id

CONFIG = {"seed": 0, "value": "openness_to_change", "model": {"path": "package:tiny", "layers": [1, 2]}}
ROWS = [
    {"strength": 2.0, "towards/preference/t1/edit": 0.4},
    {"strength": 0.5, "towards/preference/t1/edit": 0.1},
    {"strength": 1.0, "towards/preference/t1/edit": 0.2},
]
# The smallest record of load needs a second thread and a quarter of a second.
TRACKER = WandbTracker(ranking_rows=3, system_metrics=False)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own and no W&B settings, so that nothing of the person who runs the tests is used."""
    for name in [name for name in os.environ if name.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("HOME", str(folder))
    return folder


def job(folder: Path, **changes: Any) -> TrackedJob:
    fields = {
        "name": "tiny-openness-valuelocate-1a2b3c4d",
        "hash": "1a2b3c4d" * 8,
        "attempt": 1,
        "study": "first look",
    }
    fields |= {"task": "study", "folder": folder, "config": CONFIG, "tags": ("tiny", "openness")} | changes
    return TrackedJob(**fields)


def log_everything(run: TrackedRun, folder: Path) -> None:
    run.log_ranking(pd.DataFrame({"layer": range(5), "neuron": range(5), "score": [0.5, 0.4, 0.3, 0.2, 0.1]}))
    run.log_metrics(ROWS)
    run.log_result({"estimate": 0.4, "verdict": "moved", "p_rank": None, "away": {"verdict": "not_moved"}})
    run.log_figures({"dose": go.Figure(go.Scatter(x=[0.5, 1], y=[0.1, 0.2]))})
    path = folder / "neurons.safetensors"
    path.write_bytes(b"neurons")
    run.log_file(path, "neurons")


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> OfflineRun:
    folder = tmp_path_factory.mktemp("job")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder / "home"))
        with tracking([TRACKER], job(folder)) as run:
            log_everything(run, folder)
    return OfflineRun(folder)


def test_header_names_the_run_after_the_job(logged: OfflineRun) -> None:
    header = logged.header
    assert header.run_id == "first-look-1a2b3c4d-1"
    assert header.display_name == "tiny-openness-valuelocate-1a2b3c4d"
    assert (header.run_group, header.job_type, header.project) == ("first look", "study", "valuelocate")
    assert list(header.tags) == ["tiny", "openness"]


def test_config_is_in_the_run_and_in_a_file(logged: OfflineRun) -> None:
    assert logged.config == CONFIG
    assert yaml.safe_load((logged.folder / "files" / "resolved_config.yaml").read_text()) == CONFIG
    assert "resolved_config.yaml" in [file.path for files in logged.of("files") for file in files.files]


def test_metrics_run_along_rising_strength(logged: OfflineRun) -> None:
    rows = [row for row in logged.history if "strength" in row]
    assert [row["strength"] for row in rows] == [0.5, 1.0, 2.0]
    assert [row["curve/towards/preference/t1/edit"] for row in rows] == [0.1, 0.2, 0.4]
    curves = [metric for metric in logged.of("metric") if metric.glob_name == "curve/*"]
    assert [metric.step_metric for metric in curves] == ["strength"]


def test_result_is_the_summary_and_curves_are_not(logged: OfflineRun) -> None:
    assert logged.summary["result/estimate"] == 0.4
    assert logged.summary["result/verdict"] == "moved"
    assert logged.summary["result/p_rank"] is None
    assert logged.summary["result/away"] == {"verdict": "not_moved"}
    assert not [name for name in logged.summary if name.startswith("curve/")]


def test_ranking_is_a_table_of_the_first_rows_and_says_so(logged: OfflineRun) -> None:
    (path,) = (logged.folder / "files" / "media" / "table").rglob("*.json")
    table = json.loads(path.read_text())
    assert table["columns"] == ["layer", "neuron", "score"]
    assert [row[2] for row in table["data"]] == [0.5, 0.4, 0.3]
    assert (logged.summary["ranking_rows_shown"], logged.summary["ranking_rows_all"]) == (3, 5)


def test_figure_is_kept_as_plotly(logged: OfflineRun) -> None:
    (path,) = (logged.folder / "files" / "media" / "plotly").rglob("*.json")
    assert json.loads(path.read_text())["data"][0]["type"] == "scatter"


def test_file_is_an_artifact_that_points_at_it(logged: OfflineRun) -> None:
    (artifact,) = [artifact for artifact in logged.of("artifact") if artifact.type == "neurons"]
    assert artifact.name == "neurons-1a2b3c4d"
    assert [Path(entry.path).name for entry in artifact.manifest.contents] == ["neurons.safetensors"]


def test_nothing_is_staged_in_the_home_folder(logged: OfflineRun) -> None:
    home = logged.folder.parents[1] / "home"
    assert not list(home.rglob("artifacts/staging/*"))


def test_run_names_neither_host_nor_user(logged: OfflineRun) -> None:
    assert (logged.header.host, logged.header.HasField("git")) == ("", False)
    assert not list((logged.folder / "files").rglob("wandb-metadata.json"))
    # Short host names such as "vm" occur by chance in any text.
    for name in (platform.node(), getpass.getuser()):
        assert len(name) < 6 or name.encode() not in logged.raw


def test_success_and_failure_give_their_exit_code(logged: OfflineRun, tmp_path: Path) -> None:
    class BrokenError(Exception):
        pass

    with pytest.raises(BrokenError), tracking([TRACKER], job(tmp_path)):
        raise BrokenError
    assert [end.exit_code for end in logged.of("exit")] == [0]
    assert [end.exit_code for end in OfflineRun(tmp_path).of("exit")] == [1]


def test_two_jobs_in_one_process_are_two_runs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with tracking([TRACKER], job(tmp_path / name, hash=name * 8)) as run:
            run.log_metrics([{"strength": 1.0, name: 1.0}])
    first, second = OfflineRun(tmp_path / "a"), OfflineRun(tmp_path / "b")
    assert first.header.run_id != second.header.run_id
    assert ["curve/a" in row for row in first.history] == [True]
    assert ["curve/b" in row for row in second.history] == [True]


def test_id_differs_by_study_job_and_attempt(tmp_path: Path) -> None:
    ids = {
        run_id(job(tmp_path, **{name: value}))
        for name, value in [("hash", "0" * 8), ("attempt", 2), ("study", "b")]
    }
    assert len(ids | {run_id(job(tmp_path))}) == 4
    assert not set("".join(ids)) & set(r"/\#?%: ")


def test_second_attempt_says_so_in_its_name(tmp_path: Path) -> None:
    with tracking([TRACKER], job(tmp_path, attempt=2)):
        pass
    assert OfflineRun(tmp_path).header.display_name.endswith("(attempt 2)")


def test_upload_command_is_told_once_and_nothing_is_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO, "valuelocate"), tracking([TRACKER], job(tmp_path)) as run:
        log_everything(run, tmp_path)
    told = [record.getMessage() for record in caplog.records if "wandb sync" in record.getMessage()]
    assert len(told) == 1
    assert told[0].endswith(str(OfflineRun(tmp_path).folder))
    assert capfd.readouterr() == ("", "")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_environment_is_left_as_it_was(tmp_path: Path) -> None:
    before = dict(os.environ)
    with tracking([TRACKER], job(tmp_path)) as run:
        log_everything(run, tmp_path)
    assert {name: value for name, value in os.environ.items() if name == "WANDB_DATA_DIR"} == {}
    assert set(before) <= set(os.environ)


def test_w_and_b_that_cannot_start_is_an_error_in_the_log_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(**_settings: Any) -> None:
        raise OSError("no space left")

    monkeypatch.setattr("wandb.init", refuse)
    with tracking([TRACKER], job(tmp_path)) as run:
        log_everything(run, tmp_path)
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "WandbTracker" in record.getMessage()
    assert "no space left" in record.getMessage()


def test_run_is_closed_where_its_config_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_run: WandbRun) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(WandbRun, "save_config", refuse)
    with tracking([TRACKER], job(tmp_path)):
        pass
    assert "no space left" in caplog.text
    assert [end.exit_code for end in OfflineRun(tmp_path).of("exit")] == [1]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"mode": "disabled"}, "track.wandb.mode=disabled"),
        ({"mode": "online"}, "WANDB_API_KEY"),
        ({"project": ""}, "track.wandb.project"),
        ({"ranking_rows": 0}, "track.wandb.ranking_rows=0"),
        ({"ranking_rows": 10_001}, "track.wandb.ranking_rows=10001"),
        ({"finish_timeout": 0}, "track.wandb.finish_timeout=0"),
    ],
)
def test_impossible_settings_are_refused_by_name(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        WandbTracker(**fields)
