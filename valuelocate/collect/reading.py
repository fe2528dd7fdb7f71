"""A reading pass over planned batches: in this process, in some started for it, or in those of torchrun."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from lightning import Trainer

from valuelocate.collect.batches import BatchPlan
from valuelocate.collect.module import CollectionModule, ContrastData, is_sharded
from valuelocate.collect.percentile import PercentileSettings
from valuelocate.collect.reporting import Reporting
from valuelocate.collect.trainer import TrainerSettings, run_pass
from valuelocate.costs import CostMeter
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel
from valuelocate.model.positions import TokenSet
from valuelocate.store import Draft, Entry, Store

KIND = "statistics"
"""Of the store's entries."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A pass and where its statistics are kept."""

    lm: LanguageModel
    batches: Sequence[BatchPlan]
    tokens: TokenSet
    layers: Sequence[int]
    percentile: PercentileSettings | None
    checkpoint_seconds: float
    settings: TrainerSettings
    store: Store
    parts: Mapping[str, Any]
    """What the statistics depend on."""
    cost: Mapping[str, float]
    """What is known of the pass before it runs; stored beside the statistics."""
    meter: CostMeter | None

    def entry(self) -> Entry:
        """Return the statistics from the store, or run the pass.

        Raises:
            UserError: the trainer cannot take the model, the model gives values that are not finite, or the
                store cannot be written or is not seen by all processes.
        """
        if not self.settings.outside:
            return self.store.get_or_make(KIND, self.parts, lambda draft: self._make(self._trainer(), draft))
        return self._shared_entry(self._trainer())

    def _shared_entry(self, trainer: Trainer) -> Entry:
        """Let the first process look into the store, for all must join the pass or none."""
        strategy = trainer.strategy
        strategy.setup_environment()
        if not trainer.is_global_zero:
            if strategy.broadcast(False):
                self._run(trainer, Path())
        else:
            makes: list[bool] = []

            def make(draft: Draft) -> None:
                makes.append(strategy.broadcast(True))
                self._make(trainer, draft)

            self.store.get_or_make(KIND, self.parts, make)
            if not makes:
                strategy.broadcast(False)
        strategy.barrier()
        entry = self.store.get(KIND, self.parts)
        if entry is None:
            raise UserError(
                f"paths.store={self.store.root}: process {trainer.global_rank} does not see what process 0 "
                f"wrote; the machines must share the folder"
            )
        return entry

    def _make(self, trainer: Trainer, draft: Draft) -> None:
        started = time.perf_counter()
        module = self._run(trainer, draft.folder / "tensors.safetensors")
        draft.json({**self.cost, "seconds": time.perf_counter() - started}, name="cost")
        module.finish()

    def _run(self, trainer: Trainer, result: Path) -> CollectionModule:
        module = CollectionModule(
            self.lm,
            tokens=self.tokens,
            layers=self.layers,
            percentile=self.percentile,
            checkpoint=self.store.scratch(KIND, self.parts, "state"),
            checkpoint_seconds=self.checkpoint_seconds,
            result=result,
        )
        run_pass(trainer, module, ContrastData(self.batches, pad_id=self.lm.pad_id))
        if self.meter is not None and self.settings.started:
            self.meter.add(
                forwards=len(self.batches), tokens=sum(batch.n_positions for batch in self.batches)
            )
        return module

    def _trainer(self) -> Trainer:
        if self.settings.started and is_sharded(self.lm):
            raise UserError(
                f"trainer.strategy={self.settings.strategy}: the model is spread over devices "
                f"(model.device_map) and cannot be handed to other processes; use trainer=default"
            )
        if self.settings.strategy == "ddp_fork" and torch.cuda.is_initialized():
            raise UserError(
                "trainer.strategy=ddp_fork: CUDA is in use and does not survive a fork; use "
                "trainer.strategy=ddp_spawn"
            )
        reporting = Reporting(
            "reading neurons",
            [batch.n_tokens for batch in self.batches],
            unit="tokens",
            threads=self.settings.threads,
        )
        return self.settings.build(self.lm.device, [reporting])
