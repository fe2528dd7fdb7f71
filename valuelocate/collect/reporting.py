"""What a pass tells while it runs, from the one process that speaks."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer

from valuelocate.collect.processes import be_quiet
from valuelocate.console import is_main_process, progress, set_up_logging


class Reporting(Callback):
    """Shows progress, and prepares processes that were started for the pass: their log and their threads.

    It travels to such a process inside the trainer, before Lightning says anything there.
    """

    def __init__(self, title: str, units: Sequence[int], *, unit: str, threads: int) -> None:
        """Take the units of each batch, and the threads of a process that is started for the pass."""
        self.title, self.units, self.unit, self.threads = title, tuple(units), unit, threads
        # Of the command line's log; 0 where a notebook has set up its own, or none.
        self.log_level = logging.getLogger("valuelocate").level
        self.home = os.getpid()
        self._shown = ExitStack()

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if key != "_shown"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _shown=ExitStack())
        be_quiet()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Make a process that was started for the pass like the one that started it."""
        if os.getpid() == self.home:
            return
        torch.set_num_threads(self.threads)
        if self.log_level:
            set_up_logging(debug=self.log_level == logging.DEBUG)

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to show progress."""
        if is_main_process():
            shown = progress(self.title, total=sum(self.units), unit=self.unit)
            self._advance = self._shown.enter_context(shown)

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        *rest: int,
    ) -> None:
        """Count what all processes have done by now."""
        if is_main_process():
            done = slice(batch_idx * trainer.world_size, (batch_idx + 1) * trainer.world_size)
            self._advance(sum(self.units[done]))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Leave the last line."""
        self._shown.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Leave the last line after an error too."""
        self._shown.close()
