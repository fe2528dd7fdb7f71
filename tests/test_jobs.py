"""Which job it is, and its folder on disk."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from valuelocate.errors import UserError
from valuelocate.jobs import JobFolder, JobIdentity, identify, objective, read_status

CONFIG: dict[str, Any] = {
    "value": "openness_to_change",
    "seed": 0,
    "study": "default",
    "debug": False,
    "paths": {"outputs": "outputs"},
    "track": {"wandb": {"mode": "offline"}},
    "report": {"bins": 80},
    "trainer": {"devices": 1},
    "intervene": {"strength": 1.0, "grid": [1.0, 2.5]},
    "compare": {"draws": 19, "methods": ["a", "b"]},
}


def identity(config: dict[str, Any] | None = None, **parts: Any) -> JobIdentity:
    known = {"name": ("openness", "tiny"), "dataset_hash": "d", "fingerprint": "f", **parts}
    return identify(config or CONFIG, **known)


@pytest.mark.parametrize(
    "change",
    [
        {"study": "other"},
        {"debug": True},
        {"paths": {"outputs": "elsewhere"}},
        {"track": {}},
        {"report": {"bins": 3}},
        {"trainer": {"devices": 2}},
        {"hydra": {"run": 1}},
        {"intervene": {"strength": 1, "grid": [1, 2.5]}},
        {"compare": {"draws": 19, "methods": ["a", "b", "c"]}},
    ],
)
def test_what_changes_no_number_changes_no_job(change: dict[str, Any]) -> None:
    assert identity({**CONFIG, **change}).digest == identity().digest


@pytest.mark.parametrize(
    "change",
    [
        {"value": "conservation"},
        {"seed": 1},
        {"intervene": {"strength": 2.0}},
        {"compare": {"draws": 99}},
        {"added": None},
    ],
)
def test_what_changes_a_number_is_another_job(change: dict[str, Any]) -> None:
    assert identity({**CONFIG, **change}).digest != identity().digest


@pytest.mark.parametrize("part", [{"dataset_hash": "e"}, {"fingerprint": "g"}, {"fingerprint": None}])
def test_data_and_model_are_part_of_the_job(part: dict[str, Any]) -> None:
    assert identity(**part).digest != identity().digest


def test_order_of_keys_is_no_part_of_the_job() -> None:
    assert identity(dict(reversed(CONFIG.items()))).digest == identity().digest


def test_folder_has_a_readable_name_and_the_hash() -> None:
    found = identity(name=("Openness to change", "org/model-7B", "", "../up"))
    assert found.folder_name == f"Openness_to_change-org_model_7B-up-{found.digest[:8]}"


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path / "study", identity())


def finished(folder: JobFolder, estimate: float | None = 0.25) -> None:
    status = folder.start(CONFIG, ["value=openness"])
    (folder.path / "result.json").write_text(json.dumps({"estimate": estimate}), encoding="utf-8")
    folder.finish(status)


def test_job_runs_from_nothing_to_done(folder: JobFolder) -> None:
    assert folder.status() is None
    assert folder.stored_objective() is None
    status = folder.start(CONFIG, ["value=openness"])
    assert json.loads((folder.path / "status.json").read_text()) == {
        "state": "running",
        "error": None,
        "attempt": 1,
        "overrides": ["value=openness"],
    }
    assert yaml.safe_load((folder.path / "config.yaml").read_text()) == CONFIG
    assert folder.stored_objective() is None
    folder.fail(status, "too few neurons")
    assert folder.status() is not None
    assert folder.status().error == "too few neurons"  # type: ignore[union-attr]
    finished(folder)
    assert folder.stored_objective() == 0.25
    done = read_status(folder.path)
    assert done is not None
    assert (done.state, done.error, done.attempt) == ("done", None, 2)


def test_interrupted_job_runs_again(folder: JobFolder) -> None:
    folder.start(CONFIG)
    assert folder.stored_objective() is None
    assert folder.start(CONFIG).attempt == 2


def test_done_without_result_runs_again(folder: JobFolder) -> None:
    finished(folder)
    (folder.path / "result.json").unlink()
    assert folder.stored_objective() is None


def test_nothing_unfinished_is_left_of_writing(folder: JobFolder) -> None:
    finished(folder)
    assert {path.name for path in folder.path.iterdir()} == {"config.yaml", "status.json", "result.json"}


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_unreadable_status_is_told_with_what_to_do(folder: JobFolder, text: str) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "status.json").write_text(text)
    with pytest.raises(UserError, match="delete the folder"):
        folder.status()


def test_unknown_state_counts_as_never_started(folder: JobFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "status.json").write_text('{"state": "odd"}')
    assert folder.status() is None


@pytest.mark.parametrize(
    ("result", "wanted"), [({"estimate": 2}, 2.0), ({"estimate": None}, math.nan), ({}, math.nan)]
)
def test_objective(result: dict[str, Any], wanted: float) -> None:
    assert objective(result) == pytest.approx(wanted, nan_ok=True)


def test_second_launch_waits_and_finds_the_job_done(
    folder: JobFolder, caplog: pytest.LogCaptureFixture
) -> None:
    found: list[float | None] = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with JobFolder(folder.study, folder.identity).held():
            found.append(folder.stored_objective())

    other = threading.Thread(target=second)
    with folder.held():
        other.start()
        entered.wait()
        other.join(timeout=0.3)
        assert other.is_alive()
        finished(folder)
    other.join(timeout=10)
    assert found == [0.25]
    assert "run by another process" in caplog.text


def test_other_processes_of_a_job_write_nothing_and_wait_for_nobody(
    folder: JobFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with folder.held():
        monkeypatch.setenv("RANK", "1")
        with folder.held():
            folder.fail(folder.start(CONFIG), "x")
        monkeypatch.delenv("RANK")
    assert folder.status() is None


def test_launch_that_got_nowhere_is_replaced(folder: JobFolder) -> None:
    nowhere = JobFolder(folder.study, identity(dataset_hash=None, fingerprint=None))
    nowhere.fail(nowhere.start(CONFIG), "no such folder")
    folder.replace(nowhere)
    assert not nowhere.path.exists()
    finished(folder)
    folder.replace(folder)
    assert folder.path.exists()
