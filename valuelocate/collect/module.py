"""The pass that reads neurons: a LightningModule for the predict loop, and its data."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from lightning.pytorch.utilities.exceptions import SIGTERMException
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader

from valuelocate.collect.batches import BatchPlan, ContrastBatch
from valuelocate.collect.contrast import ContrastMetric
from valuelocate.collect.percentile import PercentileMetric, PercentileSettings, tokens_by_group
from valuelocate.collect.reduce import TokenPlan, group_rows, plan_tokens, sum_responses
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel, read_neurons
from valuelocate.model.positions import TokenSet, token_mask
from valuelocate.neurons import Site
from valuelocate.store import write_atomically

logger = logging.getLogger(__name__)


class ContrastData(LightningDataModule):
    """Batches planned beforehand, so that every number of processes runs the very same ones."""

    def __init__(self, batches: Sequence[BatchPlan], *, pad_id: int) -> None:
        super().__init__()
        self.batches = tuple(batches)
        self.pad_id = pad_id

    def predict_dataloader(self) -> DataLoader[Any]:
        """Return this process's share: every world-size-th batch, none repeated, and None where none is left.

        All shares are of one length, since Lightning ends the loop of a process without a batch before the
        hook in which the processes meet.
        """
        trainer = self.trainer
        rank, world = (trainer.global_rank, trainer.world_size) if trainer else (0, 1)
        share: list[BatchPlan | None] = list(self.batches[rank::world])
        share += [None] * (-(-len(self.batches) // world) - len(share))
        return DataLoader(_Share(share, self.pad_id), batch_size=None, num_workers=0)

    def transfer_batch_to_device(self, batch: Any, device: torch.device, dataloader_idx: int) -> Any:
        """Leave batches where they are; the language model moves them to its own device."""
        return batch


class _Share(torch.utils.data.Dataset[ContrastBatch | None]):
    def __init__(self, plans: Sequence[BatchPlan | None], pad_id: int) -> None:
        self.plans, self.pad_id = plans, pad_id

    def __len__(self) -> int:
        return len(self.plans)

    def __getitem__(self, index: int) -> ContrastBatch | None:
        plan = self.plans[index]
        return None if plan is None else plan.build(self.pad_id)


class CollectionModule(LightningModule):
    """Runs the backbone over answered prompts and streams the neurons into metrics.

    The language model is held outside the module tree (it is no `nn.Module`), so that Lightning places and
    reduces the metrics and never casts, wraps or synchronises the weights.
    """

    contrast: ContrastMetric
    percentile: PercentileMetric | None

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
        self.percentile_settings = percentile
        self.checkpoint, self.checkpoint_seconds = checkpoint, checkpoint_seconds
        self.result = result
        self._done = 0
        self._saved_at = 0.0

    def setup(self, stage: str) -> None:
        """Place the model where each process has a device of its own, and make the metrics there."""
        if self.trainer.world_size > 1 and not is_sharded(self.lm):
            model: nn.Module = self.lm.model
            model.to(self.trainer.strategy.root_device)
        self.make_metrics()

    def make_metrics(self) -> None:
        """Start from nothing. Not before `setup`: other processes would be handed states in shared memory."""
        shape = (self.lm.n_layers, self.lm.width)
        settings = self.percentile_settings
        self.contrast = ContrastMetric(*shape, self.sites)
        self.percentile = PercentileMetric(*shape, settings) if settings else None

    def on_predict_start(self) -> None:
        """Continue from an interrupted pass of as many processes, if there was one."""
        self._done, self._saved_at = 0, time.monotonic()
        path = self._state_path()
        if not path.is_file():
            return
        try:
            self._restore(load_file(path))
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            logger.warning(
                "the state of the interrupted pass is left out: %s cannot be read: %s", path, error
            )

    def predict_step(self, batch: ContrastBatch | None, batch_idx: int) -> int:
        """Read one batch, unless an interrupted pass had read it, and return how many rows it has."""
        if batch is None:
            return 0
        if batch_idx >= self._done:
            self.read(batch)
            self._done = batch_idx + 1
            if self.trainer.received_sigterm:
                self._save_state()
                raise SIGTERMException
            if time.monotonic() - self._saved_at > self.checkpoint_seconds:
                self._save_state()
        return len(batch.tokens)

    def on_predict_end(self) -> None:
        """Reduce over processes; the first of them writes the result, since spawned ones cannot return it."""
        statistics = self.contrast.compute()
        if self.percentile is not None:
            statistics |= self.percentile.compute()
        if self.trainer.is_global_zero:
            write_atomically(self.result, lambda path: save_file(statistics, path))

    def finish(self) -> None:
        """Remove the state of the unfinished pass."""
        for path in self.checkpoint.parent.glob(f"*{self.checkpoint.name}-*"):
            path.unlink(missing_ok=True)

    def read(self, batch: ContrastBatch) -> None:
        """Run the backbone over a batch and add its neurons to the metrics.

        Raises:
            UserError: the model gives values that are not finite.
        """
        mask = token_mask(batch.tokens, self.token_set)
        groups = group_rows(mask.sum(1).to(self.contrast.active.device, torch.float32), batch.swapped)
        tokens_of = tokens_by_group(mask, groups) if self.percentile is not None else []
        finite: dict[tuple[int, Site], Tensor] = {}

        @cache
        def plan_on(device: torch.device) -> TokenPlan:
            return plan_tokens(mask, width=self.lm.width, device=device)

        def reader(layer: int, site: Site, values: Tensor) -> None:
            sums = sum_responses(values, plan_on(values.device), count_active=site == "gate_act")
            self.contrast.update(layer, site, sums, groups)
            if self.percentile is not None and site == "gate_act":
                self.percentile.update(layer, values, tokens_of)
            finite[layer, site] = sums.mean.isfinite().all()

        with read_neurons(self.lm, reader, sites=self.sites, layers=self.layers):
            self.lm.forward(batch.tokens, head=False)
        for (layer, site), flag in finite.items():
            if not flag:
                raise UserError(
                    f"model '{self.lm.name}': layer {layer} has values at {site} that are not finite in "
                    f"{str(self.lm.dtype).removeprefix('torch.')}; use model.dtype=bfloat16 or float32"
                )

    def _metrics(self) -> dict[str, ContrastMetric | PercentileMetric]:
        found: dict[str, ContrastMetric | PercentileMetric] = {"contrast": self.contrast}
        return found | ({"percentile": self.percentile} if self.percentile is not None else {})

    def _states(self) -> dict[str, Any]:
        return {
            f"{name}/{key}": state
            for name, metric in self._metrics().items()
            for key, state in metric.metric_state.items()
        }

    def _state_path(self) -> Path:
        # A state belongs to one share of the batches, so to one rank of one number of processes.
        name = f"{self.checkpoint.name}-{self.trainer.global_rank}-of-{self.trainer.world_size}.safetensors"
        return self.checkpoint.with_name(name)

    def _save_state(self) -> None:
        state = {name: tensor.cpu() for name, tensor in self._states().items()}
        state["done"] = torch.tensor(self._done)
        write_atomically(self._state_path(), lambda path: save_file(state, path))
        self._saved_at = time.monotonic()

    def _restore(self, saved: dict[str, Tensor]) -> None:
        states = self._states()
        if any(saved[name].shape != tensor.shape for name, tensor in states.items()):
            raise KeyError("tensors of other shapes")
        done = int(saved["done"])
        for name, tensor in states.items():
            tensor.copy_(saved[name])
        self._done = done


def is_sharded(lm: LanguageModel) -> bool:
    """Whether transformers has spread the model over devices."""
    return len(set((getattr(lm.model, "hf_device_map", None) or {}).values())) > 1
