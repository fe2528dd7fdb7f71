"""The pass that reads neurons: a LightningModule for the predict loop, and its data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool
from lightning import LightningDataModule, LightningModule
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import DataLoader

from valuelocate.collect.percentile import PercentileMetric, PercentileSettings
from valuelocate.collect.reduce import plan_tokens
from valuelocate.collect.statistics import ContrastMetric
from valuelocate.model import LanguageModel, TokenBatch, read_neurons
from valuelocate.model.positions import TokenSet, token_mask
from valuelocate.neurons import Site
from valuelocate.store import write_atomically


@dataclass(frozen=True, kw_only=True)
class ContrastBatch:
    """Pairs of answered prompts: even rows under the positive, odd rows under the negative description."""

    tokens: TokenBatch
    swapped: Bool[Tensor, " pair"]
    """Pairs whose poles the shuffled labelling swaps."""


class ContrastData(LightningDataModule):
    """Batches laid out beforehand, so that every process count runs the very same ones."""

    def __init__(self, batches: Sequence[ContrastBatch]) -> None:
        super().__init__()
        self.batches = list(batches)

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return this process's share: every world-size-th batch, none repeated."""
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        share = range(rank, len(self.batches), world)
        return DataLoader([self.batches[index] for index in share], batch_size=None, num_workers=0)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave batches where they are; the language model moves them to its own device."""
        return batch


class CollectionModule(LightningModule):
    """Runs the backbone over answered prompts and streams the neurons into metrics.

    The language model is held outside the module tree (it is no `nn.Module`), so that Lightning places and
    reduces the metrics and never casts, wraps or synchronises the weights.
    """

    def __init__(
        self,
        lm: LanguageModel,
        *,
        tokens: TokenSet,
        layers: Sequence[int],
        percentile: PercentileSettings | None,
        checkpoint: Path,
        checkpoint_seconds: float,
        result: Path,
    ) -> None:
        super().__init__()
        self.lm = lm
        self.token_set: TokenSet = tokens
        self.layers = tuple(layers)
        # One tensor serves both sites of a plain FFN.
        self.sites: tuple[Site, ...] = ("gate_act",) if lm.ffn.plain else ("gate_act", "mid")
        self.contrast = ContrastMetric(lm.n_layers, lm.width, self.sites)
        self.percentile = PercentileMetric(lm.n_layers, lm.width, percentile) if percentile else None
        self.checkpoint, self.checkpoint_seconds = checkpoint, checkpoint_seconds
        self.result = result
        self._done = 0
        self._saved_at = time.monotonic()

    def setup(self, stage: str) -> None:
        """Place the model on this process's device, where processes own one each, and start from nothing."""
        for metric in self._metrics().values():
            # Spawned processes are handed tensors in shared memory; states must be each process's own.
            metric.reset()
        if self.trainer.world_size > 1:
            self.lm.model.to(self.trainer.strategy.root_device)

    def on_predict_start(self) -> None:
        """Continue from an interrupted pass of as many processes, if there was one."""
        path = self._state_path()
        if not path.is_file():
            return
        state = load_file(path)
        self._done = int(state.pop("done"))
        for name, tensor in state.items():
            metric, key = name.split("/")
            setattr(getattr(self, metric), key, tensor.to(getattr(getattr(self, metric), key).device))
        for metric in self._metrics().values():
            # Not an update that torchmetrics saw, but state all the same.
            metric._update_count += 1

    def predict_step(self, batch: ContrastBatch, batch_idx: int) -> None:
        """Read one batch, unless an interrupted pass had read it."""
        if batch_idx < self._done:
            return
        plan = plan_tokens(token_mask(batch.tokens, self.token_set).to(self.lm.device))

        def reader(layer: int, site: Site, values: Tensor) -> None:
            self.contrast.update(layer, site, values, plan, batch.swapped)
            if self.percentile is not None and site == "gate_act":
                self.percentile.update(layer, values, plan)

        with read_neurons(self.lm, reader, sites=self.sites, layers=self.layers):
            self.lm.forward(batch.tokens, head=False)
        self._done = batch_idx + 1
        if time.monotonic() - self._saved_at > self.checkpoint_seconds:
            self._save_state()

    def on_predict_end(self) -> None:
        """Reduce over processes; the first of them writes the result, since spawned ones cannot return it."""
        statistics = self.contrast.compute()
        if self.percentile is not None:
            positive, negative = self.percentile.compute()
            statistics |= {"true/positive/a95": positive, "true/negative/a95": negative}
        if self.trainer.is_global_zero:
            write_atomically(self.result, lambda path: save_file(statistics, path))

    def finish(self) -> None:
        """Remove the state of the unfinished pass."""
        for path in self.checkpoint.parent.glob(f"{self.checkpoint.name}-*"):
            path.unlink()

    def _metrics(self) -> dict[str, ContrastMetric | PercentileMetric]:
        found: dict[str, ContrastMetric | PercentileMetric] = {"contrast": self.contrast}
        return found | ({"percentile": self.percentile} if self.percentile is not None else {})

    def _state_path(self) -> Path:
        # A state belongs to one share of the batches, so to one rank of one number of processes.
        name = f"{self.checkpoint.name}-{self.trainer.global_rank}-of-{self.trainer.world_size}.safetensors"
        return self.checkpoint.with_name(name)

    def _save_state(self) -> None:
        state = {
            f"{name}/{key}": getattr(metric, key).cpu() for name, metric in self._metrics().items() for key in metric._defaults
        }
        state["done"] = torch.tensor(self._done)
        write_atomically(self._state_path(), lambda path: save_file(state, path))
        self._saved_at = time.monotonic()
