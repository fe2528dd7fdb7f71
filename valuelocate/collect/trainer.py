"""The Lightning trainer that spreads a pass over processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from lightning import Callback, LightningDataModule, LightningModule, Trainer
from lightning.fabric.plugins.environments import (
    LightningEnvironment,
    SLURMEnvironment,
    TorchElasticEnvironment,
)
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch.multiprocessing import ProcessRaisedException

from valuelocate.collect.processes import quiet
from valuelocate.errors import UserError

_ACCELERATORS = ("auto", "cpu", "gpu")
_STRATEGIES = ("auto", "ddp_spawn", "ddp_fork", "ddp")


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """What is handed to Lightning; precision stays 32-true, since another would cast the statistics too."""

    accelerator: str = "auto"
    """auto (cuda where the model is there, else the cpu), cpu, gpu."""
    devices: int = 1
    """Processes on each machine, each with one device."""
    num_nodes: int = 1
    """Machines; several need torchrun or Slurm."""
    strategy: str = "auto"
    """auto: one process. ddp_spawn starts processes, in a sweep too. ddp_fork does so without importing
    everything anew, but each has one thread (OpenMP does not survive a fork) and CUDA is out of the question.
    ddp is for processes of torchrun or Slurm."""

    def __post_init__(self) -> None:
        for name, known in (("accelerator", _ACCELERATORS), ("strategy", _STRATEGIES)):
            if getattr(self, name) not in known:
                raise UserError(f"trainer.{name}={getattr(self, name)}: expected one of {', '.join(known)}")
        for name in ("devices", "num_nodes"):
            if getattr(self, name) < 1:
                raise UserError(f"trainer.{name}={getattr(self, name)}: must be at least 1")
        if self.processes > 1 and self.strategy == "auto":
            raise UserError(f"trainer.devices={self.devices}: several devices need trainer=ddp")
        if self.num_nodes > 1 and self.strategy != "ddp":
            raise UserError(
                f"trainer.num_nodes={self.num_nodes}: several need torchrun or Slurm and strategy=ddp"
            )
        if self.outside and not _started_outside():
            raise UserError(
                "trainer.strategy=ddp: nothing started the other processes; use torchrun or Slurm, or "
                "trainer.strategy=ddp_spawn, which starts them itself"
            )
        if self.accelerator == "gpu" and self.devices > torch.cuda.device_count():
            raise UserError(
                f"trainer.accelerator=gpu trainer.devices={self.devices}: found {torch.cuda.device_count()} "
                f"CUDA devices; use fewer, or trainer.accelerator=auto"
            )

    @property
    def processes(self) -> int:
        """Number of processes in all."""
        return self.devices * self.num_nodes

    @property
    def outside(self) -> bool:
        """Whether the processes run before the pass begins, each of them the whole job."""
        return self.strategy == "ddp" and self.processes > 1

    @property
    def started(self) -> bool:
        """Whether processes are started for the pass."""
        return self.strategy in ("ddp_spawn", "ddp_fork")

    @property
    def threads(self) -> int:
        """Threads of a process started for the pass: this one's, shared out."""
        return 1 if self.strategy == "ddp_fork" else max(1, torch.get_num_threads() // self.devices)

    def build(self, device: torch.device, callbacks: Sequence[Callback] = ()) -> Trainer:
        """Return a trainer for the predict loop, without Lightning's own files, bars and summaries.

        Args:
            device: where the model is; the statistics go there too, but for mps, which has no float64.
            callbacks: Lightning's.

        Raises:
            UserError: these devices are not here.
        """
        accelerator = self.accelerator
        if accelerator == "auto":
            accelerator = "gpu" if device.type == "cuda" else "cpu"
        own = (
            accelerator == "gpu"
            and self.processes == 1
            and device.type == "cuda"
            and device.index is not None
        )
        try:
            with quiet():
                return Trainer(
                    accelerator="cuda" if accelerator == "gpu" else accelerator,
                    devices=[device.index] if own else self.devices,
                    num_nodes=self.num_nodes,
                    strategy=self.strategy,
                    callbacks=list(callbacks),
                    precision="32-true",
                    inference_mode=False,
                    logger=False,
                    enable_checkpointing=False,
                    enable_progress_bar=False,
                    enable_model_summary=False,
                    use_distributed_sampler=False,
                )
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            raise UserError(
                f"trainer: Lightning cannot run with devices={self.devices} strategy={self.strategy}: {error}"
            ) from error


def run_pass(trainer: Trainer, module: LightningModule, data: LightningDataModule) -> None:
    """Run the predict loop.

    Raises:
        UserError: one was raised, in this process or in one that was started for the pass.
        KeyboardInterrupt: Ctrl-C.
    """
    try:
        with quiet(), _own_port():
            trainer.predict(module, datamodule=data, return_predictions=False)
    except ProcessRaisedException as error:
        # All that comes back from another process is the text of its traceback.
        _, ours, told = str(error).rpartition(f"{UserError.__module__}.{UserError.__name__}: ")
        if ours:
            raise UserError(told.strip()) from error
        raise
    except SystemExit as stop:
        # What Lightning makes of Ctrl-C, at which the caller's job would end without a word of why.
        if isinstance(stop.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from stop
        raise


@contextmanager
def _own_port() -> Iterator[None]:
    """Take a pass's port out of the environment, where Lightning leaves it for the next pass to take."""
    before = os.environ.get("MASTER_PORT")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("MASTER_PORT", None)


def _started_outside() -> bool:
    return (
        TorchElasticEnvironment.detect()
        or SLURMEnvironment.detect()
        or LightningEnvironment().creates_processes_externally
    )
