from __future__ import annotations

import logging
import os
import warnings
from typing import Any

import pytest
import torch
from lightning import LightningDataModule, LightningModule, Trainer

from valuelocate.collect import TrainerSettings
from valuelocate.collect.processes import outside_processes, quiet
from valuelocate.collect.trainer import run_pass
from valuelocate.errors import UserError

CPU = torch.device("cpu")
OUTSIDE_KEYS = ("LOCAL_RANK", "RANK", "WORLD_SIZE", "SLURM_NTASKS", "TORCHELASTIC_RUN_ID")


@pytest.fixture(autouse=True)
def no_outside_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in OUTSIDE_KEYS:
        monkeypatch.delenv(key, raising=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"accelerator": "tpu"}, r"trainer\.accelerator=tpu: expected one of auto, cpu, gpu"),
        ({"strategy": "fsdp"}, r"trainer\.strategy=fsdp: expected one of auto, ddp_spawn, ddp_fork, ddp"),
        ({"devices": 0}, r"trainer\.devices=0: must be at least 1"),
        ({"num_nodes": 0}, r"trainer\.num_nodes=0: must be at least 1"),
        ({"devices": 2}, r"trainer\.devices=2: several devices need trainer=ddp"),
        ({"num_nodes": 2, "strategy": "ddp_spawn"}, r"trainer\.num_nodes=2: several need torchrun or Slurm"),
        ({"devices": 2, "strategy": "ddp"}, r"trainer\.strategy=ddp: nothing started the other processes"),
        (
            {"devices": 99, "accelerator": "gpu", "strategy": "ddp_spawn"},
            r"trainer\.devices=99: found \d+ CUDA devices",
        ),
    ],
)
def test_settings_without_meaning_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        TrainerSettings(**changes)


def test_ddp_is_for_processes_started_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    settings = TrainerSettings(devices=2, strategy="ddp")
    assert (settings.outside, settings.started, settings.processes) == (True, False, 2)


def test_the_trainer_leaves_nothing_behind_and_says_nothing(
    capfd: pytest.CaptureFixture[str], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = TrainerSettings().build(CPU)
    assert (trainer.world_size, trainer.precision, trainer.loggers) == (1, "32-true", [])
    assert not list(tmp_path.iterdir())
    assert capfd.readouterr() == ("", "")


def test_what_lightning_refuses_is_told_as_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("valuelocate.collect.trainer.Trainer", _refuse)
    with pytest.raises(
        UserError, match="trainer: Lightning cannot run with devices=1 strategy=auto: no such"
    ):
        TrainerSettings().build(CPU)


def _refuse(**settings: Any) -> None:
    raise ValueError("no such thing")


@pytest.mark.parametrize(("strategy", "threads"), [("ddp_spawn", 3), ("ddp_fork", 1)])
def test_threads_are_shared_out(strategy: str, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert TrainerSettings(devices=2, strategy=strategy).threads == threads
    assert TrainerSettings(devices=9, strategy=strategy).threads == 1


class _Data(LightningDataModule):
    def predict_dataloader(self) -> list[int]:
        return [0]


class _Module(LightningModule):
    def predict_step(self, batch: Any, batch_idx: int) -> int:
        return 1


class _Exits(_Module):
    def predict_step(self, batch: Any, batch_idx: int) -> int:
        raise SystemExit(3)


def test_an_exit_that_is_not_ctrl_c_stays_one() -> None:
    with pytest.raises(SystemExit) as stopped:
        run_pass(TrainerSettings().build(CPU), _Exits(), _Data())
    assert stopped.value.code == 3


@pytest.mark.parametrize("before", [None, "1234"])
def test_the_port_of_a_pass_is_not_left_to_the_next(
    before: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MASTER_PORT", raising=False)
    if before:
        monkeypatch.setenv("MASTER_PORT", before)

    def predict(self: Trainer, *args: Any, **kwargs: Any) -> None:
        os.environ.setdefault("MASTER_PORT", "5678")

    monkeypatch.setattr(Trainer, "predict", predict)
    run_pass(TrainerSettings().build(CPU), _Module(), _Data())
    assert os.environ.pop("MASTER_PORT", None) == before


@pytest.mark.parametrize(
    ("environment", "processes"),
    [({}, 1), ({"WORLD_SIZE": "4"}, 4), ({"SLURM_NTASKS": "3"}, 3), ({"WORLD_SIZE": "many"}, 1)],
)
def test_outside_processes_are_those_of_the_launcher(
    environment: dict[str, str], processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    assert outside_processes() == processes


def test_quiet_is_narrow_and_ends(caplog: pytest.LogCaptureFixture) -> None:
    notices = logging.getLogger("lightning.pytorch.utilities.rank_zero")
    level = notices.level
    with quiet():
        assert not notices.isEnabledFor(logging.INFO)
        assert notices.isEnabledFor(logging.WARNING)
        warnings.warn(
            "`isinstance(treespec, LeafSpec)` is deprecated, use another", FutureWarning, stacklevel=1
        )
        with pytest.raises(FutureWarning, match="something else"):
            warnings.warn("something else is deprecated", FutureWarning, stacklevel=1)
    assert notices.level == level
    with pytest.raises(FutureWarning, match="LeafSpec"):
        warnings.warn(
            "`isinstance(treespec, LeafSpec)` is deprecated, use another", FutureWarning, stacklevel=1
        )
