"""The Lightning trainer that spreads collection over devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lightning import Callback, Trainer

from valuelocate.errors import UserError

_STRATEGIES = ("auto", "ddp_spawn", "ddp_fork", "ddp")


@dataclass(frozen=True, kw_only=True)
class TrainerSettings:
    """What is handed to Lightning; precision stays 32-true, since another would cast the statistics too."""

    accelerator: str = "auto"
    """auto, cpu, gpu."""
    devices: int = 1
    """Processes, each with one device."""
    num_nodes: int = 1
    strategy: str = "auto"
    """auto; ddp_spawn and ddp_fork start their own processes, in a sweep too; ddp is for torchrun and Slurm."""

    def __post_init__(self) -> None:
        if self.strategy not in _STRATEGIES:
            raise UserError(f"trainer.strategy={self.strategy}: expected one of {', '.join(_STRATEGIES)}")
        if self.devices < 1 or self.num_nodes < 1:
            raise UserError(f"trainer.devices={self.devices} trainer.num_nodes={self.num_nodes}: must be at least 1")
        if self.devices > 1 and self.strategy == "auto":
            raise UserError(f"trainer.devices={self.devices}: several devices need trainer=ddp")

    def build(self, callbacks: Sequence[Callback] = ()) -> Trainer:
        """Return a trainer for the predict loop, without Lightning's own files, bars and summaries."""
        return Trainer(
            accelerator=self.accelerator,
            devices=self.devices,
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
