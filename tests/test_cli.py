"""The command line from its arguments to its exit code, on fake components and the real root config."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.fake_study import Entry, make_entry
from valuelocate.jobs import read_status
from valuelocate.tasks import TASKS

ROOT = Path(__file__).parent.parent


@pytest.fixture
def entry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Entry]:
    root, ours = logging.getLogger(), logging.getLogger("valuelocate")
    before = root.handlers[:], root.level, ours.level
    yield make_entry(tmp_path, capsys, monkeypatch)
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_single_run(entry: Entry) -> None:
    launched = entry("value=openness")
    assert launched.code == 0
    assert "estimate 1.0" in launched.out
    (job,) = entry.jobs()
    assert job.startswith("openness_to_change-tiny-valuelocate-valuelocate-")
    folder = entry.folder / "outputs" / "default" / job
    assert yaml.safe_load((folder / "config.yaml").read_text())["value"] == "openness_to_change"
    status = read_status(folder)
    assert status is not None
    assert status.overrides == ("value=openness",)


def test_nothing_but_results_is_left_behind(entry: Entry) -> None:
    entry()
    entry("-m")
    entry("-m", "task=doctor", "model=tiny,qwen")
    assert {path.name for path in entry.folder.iterdir()} == {"outputs"}
    assert {path.name for path in (entry.folder / "outputs").iterdir()} == {"default"}
    beside = {path.name for path in (entry.folder / "outputs" / "default").iterdir() if not path.is_dir()}
    assert beside == {"study.parquet", "compare.html"}


def test_finished_job_is_skipped_whatever_its_value_is_called(entry: Entry) -> None:
    assert entry("value=openness").code == 0
    second = entry("value=openness_to_change", "study=default", "track=[]", "trainer.devices=2")
    assert second.code == 0
    assert "done already" in second.err
    assert len(entry.pipeline.ran) == 1
    assert entry("value=openness", "seed=1").code == 0
    assert len(entry.pipeline.ran) == 2


def test_bare_multirun_compares_methods(entry: Entry) -> None:
    launched = entry("model=qwen", "value=openness", "-m", "intervene.strength=2")
    assert launched.code == 0, launched.err
    assert "2 jobs" in launched.out
    assert "locate=valuelocate" in launched.err
    assert "locate=mean_diff" in launched.err
    assert (entry.folder / "outputs" / "default" / "compare.html").is_file()


def test_sweep_runs_every_combination(entry: Entry) -> None:
    assert entry("-m", "value=openness,conservation", "intervene.strength=0.5,1").code == 0
    assert len(entry.pipeline.ran) == 4
    assert {job.locate.outcome for job in entry.pipeline.ran} == {"fine"}


def test_preset_brings_its_own_sweep(entry: Entry, tmp_path: Path) -> None:
    own = tmp_path / "own" / "experiment"
    own.mkdir(parents=True)
    (own / "two.yaml").write_text(
        "# @package _global_\nstudy: two\nhydra: {sweeper: {params: {value: 'openness,conservation'}}}\n"
    )
    launched = entry("--config-dir", str(own.parent), "experiment=two", "-m")
    assert launched.code == 0, launched.err
    assert "locate=" not in launched.err
    assert list(entry.jobs("two").values()) == ["done", "done"]


def test_failing_jobs_do_not_stop_a_sweep(entry: Entry) -> None:
    launched = entry("-m", "locate=broken,valuelocate,wrong")
    assert launched.code == 1
    assert "3 jobs: 1 done, 0 skipped, 2 failed" in launched.out
    assert "tensors do not fit" in launched.out
    states = entry.jobs()
    assert sorted(states.values()) == ["done", "failed", "failed"]
    assert (entry.folder / "outputs" / "default" / "study.parquet").is_file()


@pytest.mark.parametrize(
    ("swept", "told"),
    [
        ("value=openness,nonsense", "theory 'schwartz' has no such value"),
        ("intervene.strength=-1,1", "must be above 0"),
        ("model=lost,qwen", "no such folder"),
        ("trainer=default,script", "starts the command line again"),
    ],
)
def test_job_that_cannot_begin_is_a_failed_job_of_its_sweep(entry: Entry, swept: str, told: str) -> None:
    launched = entry("-m", swept)
    assert launched.code == 1
    failed = [name for name, state in entry.jobs().items() if state == "failed"]
    assert len(failed) == 1
    status = read_status(entry.folder / "outputs" / "default" / failed[0])
    assert status is not None
    assert told in str(status.error)
    assert len(entry.pipeline.ran) == swept.count(",")


def test_sweep_over_a_group_skips_what_is_done(entry: Entry) -> None:
    entry("-m", "locate=broken,valuelocate")
    again = entry("-m", "locate=broken,valuelocate")
    assert again.code == 1
    assert "2 jobs: 0 done, 1 skipped, 1 failed" in again.out
    failed = next(name for name, state in entry.jobs().items() if state == "failed")
    status = read_status(entry.folder / "outputs" / "default" / failed)
    assert status is not None
    assert status.attempt == 2


def test_mistake_in_a_single_run_is_one_message(entry: Entry) -> None:
    launched = entry("value=opennes", "intervene.strength=-1")
    assert launched.code == 1
    assert launched.err.splitlines() == [
        "error: the config has mistakes:",
        "intervene.strength=-1: must be above 0",
        "value=opennes: theory 'schwartz' has no such value; did you mean openness, openness_to_change?",
    ]
    assert not (entry.folder / "outputs").exists()


def test_users_mistake_inside_a_job_has_no_traceback(entry: Entry) -> None:
    launched = entry("locate=wrong")
    assert launched.code == 1
    assert launched.err == "error: select.size=1: too few neurons\n"
    (job,) = entry.jobs()
    assert "too few neurons" in (entry.folder / "outputs" / "default" / job / "job.log").read_text()


def test_crash_is_a_line_here_and_a_traceback_in_the_log(entry: Entry) -> None:
    launched = entry("locate=broken")
    assert launched.code == 1
    assert launched.err.startswith("error: RuntimeError: tensors do not fit\n")
    assert "job.log" in launched.err
    assert "Traceback" not in launched.err
    (job,) = entry.jobs()
    assert "Traceback" in (entry.folder / "outputs" / "default" / job / "job.log").read_text()


@pytest.mark.parametrize("how", ["debug=true", "HYDRA_FULL_ERROR"])
def test_traceback_is_shown_on_request(entry: Entry, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "HYDRA_FULL_ERROR":
        monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    arguments = [how] if "=" in how else []
    assert "Traceback" in entry("locate=broken", *arguments).err
    assert "Traceback" in entry("locate=brocken", *arguments).err


def test_interrupted_job_is_marked_and_runs_again(entry: Entry) -> None:
    launched = entry("locate.outcome=interrupt")
    assert launched.code == 130
    assert set(entry.jobs().values()) == {"failed"}
    assert entry("locate.outcome=interrupt").code == 130
    assert len(entry.pipeline.ran) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["model=tinny"], "model=tinny: no such choice; did you mean tiny? (model has: lost, qwen, tiny)"),
        (["track=[wandbb]"], "track=wandbb: no such choice; did you mean wandb?"),
        (["experiment=quik"], "experiment=quik: no such choice; did you mean quick?"),
        (["modell=tiny"], "modell: no such key; did you mean model?"),
        (["intervene.strenght=1"], "intervene.strenght: no such key; did you mean intervene.strength?"),
        (["locate.zzz=1"], "locate.zzz: no such key; locate has: outcome"),
        (["-m", "intervene.strenght=1,2"], "did you mean intervene.strength?"),
        (["strength=2"], "strength: no such key; did you mean intervene.strength?"),
        (
            ["-m", "compare.methods=[valuelocate,mean_dif]"],
            "locate=mean_dif: no such choice; did you mean mean_diff?",
        ),
        (["-m", "model=tiny,tinny"], "model=tinny: no such choice; did you mean tiny?"),
        (["locate=[valuelocate,mean_diff]"], "locate is one choice, not a list"),
        (["-m", "locate=[a,b],[c]"], "locate is one choice, not a list"),
        (["select=[share]"], "select is one choice, not a list"),
        (["value=openness,conservation"], "value=openness,conservation is a sweep: add -m"),
        (["openness"], "openness: not an override; write key=value"),
        (["value=[a"], "value=[a: cannot be read as key=value"),
        (["task=studdy"], "task=studdy: no such task; did you mean study?"),
        (["study=a/b"], "study=a/b: expected a folder name"),
        (["-m", "study=a,b"], "study: cannot be swept"),
        (["-m", "trainer=script"], "trainer.strategy=ddp starts the command line again"),
        (["--config-dir", "nowhere"], "--config-dir nowhere: no such folder"),
        (["--config-path", "conf"], "--config-path conf: give an absolute path"),
        (["--experimental-rerun", "x.pickle"], "never loaded"),
        (["--cfg", "job", "model=tinny"], "model=tinny: no such choice"),
    ],
)
def test_command_line_that_is_refused(entry: Entry, arguments: list[str], told: str) -> None:
    launched = entry(*arguments)
    assert launched.code == 2
    assert told in launched.err
    assert launched.err.startswith("error: ")
    assert "Traceback" not in launched.err
    assert entry.pipeline.ran == []
    assert list(entry.folder.iterdir()) == []


def test_mistakes_of_a_command_line_are_told_together(entry: Entry) -> None:
    launched = entry("model=tinny", "modell=1", "track=[none,x]", "value=openness")
    assert launched.code == 2
    assert len(launched.err.splitlines()) == 3


def test_experiment_that_gives_a_list_for_one_choice(entry: Entry, tmp_path: Path) -> None:
    own = tmp_path / "own" / "experiment"
    own.mkdir(parents=True)
    (own / "listed.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /locate: [valuelocate, mean_diff]\n"
    )
    launched = entry("--config-dir", str(own.parent), "experiment=listed")
    assert launched.code == 2
    assert "locate: the experiment gives a list" in launched.err


def test_members_from_a_folder_of_ones_own(entry: Entry, tmp_path: Path) -> None:
    own = tmp_path / "own" / "model"
    own.mkdir(parents=True)
    (own / "mine.yaml").write_text("_target_: tests.fake_study.FakeModel\nname: mine\npath: home\n")
    assert entry("-cd", str(own.parent), "model=mine").code == 0
    assert entry("model=mine").code == 2
    assert [job.model.name for job in entry.pipeline.ran] == ["mine"]


def test_overrides_may_stand_on_both_sides_of_a_flag(entry: Entry) -> None:
    assert entry("seed=1", "-m", "value=openness,conservation").code == 0
    assert {job.seed for job in entry.pipeline.ran} == {1}


def test_sweep_folder_of_ones_own(entry: Entry) -> None:
    assert entry("-m", "value=openness,conservation", "hydra.sweep.dir=records").code == 0
    assert not (entry.folder / "records").exists()


def test_help_lists_tasks_and_groups(entry: Entry) -> None:
    launched = entry("--help")
    assert launched.code == 0
    for word in (*TASKS, "model: lost, qwen, tiny", "locate: ", "intervene.strength=0.5,1,2", "Exit codes"):
        assert word in launched.out
    assert list(entry.folder.iterdir()) == []


def test_doctor_gets_the_job(entry: Entry) -> None:
    assert entry("task=doctor", "model=qwen").code == 0
    assert [job.model.name for job in entry.pipeline.checked] == ["qwen"]
    assert not (entry.folder / "outputs").exists()


def test_compare_rebuilds_a_study(entry: Entry) -> None:
    entry("study=mine")
    launched = entry("task=compare", "study=mine")
    assert launched.code == 0
    assert (entry.folder / "outputs" / "mine" / "compare.html").is_file()
    missing = entry("task=compare", "study=never")
    assert missing.code == 1
    assert "study=never: there is no folder" in missing.err


def test_outputs_elsewhere(entry: Entry, tmp_path: Path) -> None:
    assert entry(f"paths.outputs={tmp_path / 'far'}").code == 0
    assert list(entry.folder.iterdir()) == []
    (job,) = (tmp_path / "far" / "default").glob("*/result.json")
    assert json.loads(job.read_text())["estimate"] == 1.0


def test_other_ranks_run_the_job_and_write_nothing(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    # A pipeline of its own would find no status; here the main process has begun the job.
    entry("locate.outcome=interrupt")
    before = sorted(path.name for path in (entry.folder / "outputs" / "default").rglob("*"))
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(entry.pipeline, "run_study_job", lambda job, folder, config: {"estimate": 1.0})
    launched = entry("locate.outcome=interrupt")
    assert launched.code == 0
    assert launched.out == ""
    assert sorted(path.name for path in (entry.folder / "outputs" / "default").rglob("*")) == before


@pytest.mark.parametrize("command", [["run.py"], ["-m", "valuelocate.cli"]])
def test_entry_from_another_folder(command: list[str], tmp_path: Path) -> None:
    """The real config, in a process of its own: refused before anything heavy is imported or written."""
    arguments = [str(ROOT / part) if part == "run.py" else part for part in command]
    done = subprocess.run(
        [sys.executable, *arguments, "task=nothing"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "task=nothing: no such task" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_other_ranks_of_a_sweep_go_by_their_own_jobs(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(entry.pipeline, "run_study_job", lambda job, folder, config: {"estimate": 1.0})
    assert entry("-m", "value=openness,conservation").code == 0
    assert entry("-m", "value=openness,nonsense").code == 1
    assert list((entry.folder / "outputs").iterdir()) == []
