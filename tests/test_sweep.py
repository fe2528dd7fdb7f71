"""The default sweep, what may not be swept, and the end of a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import DictConfig, OmegaConf

from valuelocate import sweep
from valuelocate.composition import parse_overrides
from valuelocate.errors import MistakesError, UserError
from valuelocate.jobs import Ended
from valuelocate.sweep import (
    close_sweep,
    default_sweep,
    end_sweep,
    record,
    records,
    refuse_script_ddp,
    refuse_swept,
)


def composed(**changes: Any) -> DictConfig:
    root = {"task": "study", "study": "default", "compare": {"methods": ["a", "b"]}, "hydra": {"sweeper": {}}}
    return OmegaConf.create({**root, **changes})


@pytest.mark.parametrize(
    ("overrides", "changes", "wanted"),
    [
        ([], {}, ["locate=a,b"]),
        (["model=qwen", "value=openness"], {}, ["locate=a,b"]),
        (["evaluate=[judge,fluency]"], {}, ["locate=a,b"]),
        ([], {"compare": {"methods": ["a"]}}, ["locate=a"]),
        ([], {"compare": {"methods": []}}, []),
        (["value=openness,conservation"], {}, []),
        (["intervene.strength=0.5,1"], {}, []),
        (["seed=range(0,3)"], {}, []),
        (["locate=a"], {}, []),
        ([], {"task": "doctor"}, []),
        ([], {"hydra": {"sweeper": {"params": {"value": "x,y"}}}}, []),
        ([], {"hydra": {"sweeper": {"params": None}}}, ["locate=a,b"]),
    ],
)
def test_default_sweep(overrides: list[str], changes: dict[str, Any], wanted: list[str]) -> None:
    assert default_sweep(parse_overrides(overrides), composed(**changes)) == wanted


@pytest.mark.parametrize(
    ("overrides", "changes", "told"),
    [
        (["study=a,b"], {}, "study"),
        (["experiment=a,b"], {}, "experiment"),
        (["paths.outputs=a,b"], {}, "paths.outputs"),
        (["task=study,doctor"], {}, "task"),
        ([], {"hydra": {"sweeper": {"params": {"study": "a,b"}}}}, "study"),
        ([], {"study": "${compare.methods[0]}"}, "study"),
    ],
)
def test_what_jobs_share_is_not_swept(overrides: list[str], changes: dict[str, Any], told: str) -> None:
    with pytest.raises(MistakesError) as raised:
        refuse_swept(parse_overrides(overrides), composed(**changes))
    assert raised.value.messages[0].startswith(told)


def test_other_keys_may_be_swept() -> None:
    overrides = parse_overrides(["value=a,b", "study=one", "intervene.strength=1,2"])
    refuse_swept(overrides, composed())
    with pytest.raises(MistakesError):
        refuse_swept([*overrides, *parse_overrides(["study=one,two"])], composed())


@pytest.mark.parametrize(
    ("strategy", "devices"), [("auto", 2), ("ddp_spawn", 2), ("ddp_fork", 2), ("ddp", 1)]
)
def test_strategies_that_a_sweep_allows(strategy: str, devices: int) -> None:
    refuse_script_ddp(strategy, devices)
    # The very same devices are refused once the strategy starts the command line again.
    with pytest.raises(UserError):
        refuse_script_ddp("ddp", 2)


def test_script_ddp_is_refused_unless_started_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("LOCAL_RANK", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS"):
        monkeypatch.delenv(key, raising=False)
    with pytest.raises(UserError, match=r"trainer.strategy=ddp starts the command line again"):
        refuse_script_ddp("ddp", 2)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "1")
    refuse_script_ddp("ddp", 2)


def test_records_come_back_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ends = {number: Ended(name=f"job {number}", state="failed", error="x") for number in (0, 2, 10)}
    for number in (10, 0, 2):
        record(tmp_path / "sweep", number, ends[number])
    monkeypatch.setenv("RANK", "1")
    record(tmp_path / "sweep", 11, ends[0])
    assert [(number, end.name, end.error) for number, end in records(tmp_path / "sweep").items()] == [
        (0, "job 0", "x"),
        (2, "job 2", "x"),
        (10, "job 10", "x"),
    ]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "study" / "job").mkdir(parents=True)
    return tmp_path / "study"


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    found: list[Path] = []
    monkeypatch.setattr(sweep, "tell_comparison", found.append)
    return found


def test_sweep_that_went_well_leaves_nothing(study: Path, compared: list[Path]) -> None:
    folder = study / ".sweep-1"
    record(folder, 0, Ended(name="a"))
    record(folder, 1, Ended(name="b", state="skipped"))
    end_sweep(folder, task="study", study=study)
    assert compared == [study]
    assert close_sweep(folder)
    assert [path.name for path in study.iterdir()] == ["job"]


def test_failed_job_makes_the_sweep_fail(
    study: Path, compared: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study / ".sweep-1"
    record(folder, 0, Ended(name="a"))
    record(folder, 1, Ended(name="value=b", state="failed", error="[/too] few neurons"))
    end_sweep(folder, task="study", study=study)
    out = capsys.readouterr().out
    assert "[/too] few neurons" in out
    assert "2 jobs: 1 done, 0 skipped, 1 failed" in out
    assert compared == [study]
    assert not close_sweep(folder)


def test_other_tasks_have_no_comparison(study: Path, compared: list[Path]) -> None:
    record(study / ".sweep-1", 0, Ended(name="doctor"))
    end_sweep(study / ".sweep-1", task="doctor", study=study)
    assert compared == []
    assert close_sweep(study / ".sweep-1")


@pytest.mark.parametrize("error", [UserError("disk full"), RuntimeError("broken")])
def test_comparison_that_fails_makes_the_sweep_fail(
    study: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(folder: Path) -> None:
        raise error

    monkeypatch.setattr(sweep, "tell_comparison", fail)
    record(study / ".sweep-1", 0, Ended(name="a"))
    end_sweep(study / ".sweep-1", task="study", study=study)
    err = capsys.readouterr().err
    assert str(error) in err
    assert ("Traceback" in err) == isinstance(error, RuntimeError)
    assert not close_sweep(study / ".sweep-1")


def test_sweep_that_never_ended_did_not_go_well(study: Path) -> None:
    record(study / ".sweep-1", 0, Ended(name="a"))
    assert not close_sweep(study / ".sweep-1")
    assert not close_sweep(study / ".sweep-never")


def test_study_that_no_job_reached_is_removed(tmp_path: Path) -> None:
    record(tmp_path / "outputs" / "study" / ".sweep-1", 0, Ended(name="a", state="failed"))
    close_sweep(tmp_path / "outputs" / "study" / ".sweep-1")
    assert list((tmp_path / "outputs").iterdir()) == []


def test_files_of_a_launcher_are_kept(study: Path) -> None:
    folder = study / ".sweep-1"
    record(folder, 0, Ended(name="a"))
    (folder / "log").touch()
    close_sweep(folder)
    assert [path.name for path in folder.iterdir()] == ["log"]


def test_comparison_of_a_study_that_was_never_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"study=never: there is no folder"):
        sweep.write_comparison(tmp_path / "never")
