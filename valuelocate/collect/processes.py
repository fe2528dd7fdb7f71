"""Passes in several processes: how many there are, and what Lightning says of them."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_NOTICES = (
    "lightning.pytorch.utilities.rank_zero",
    "lightning.fabric.utilities.rank_zero",
    "lightning.fabric.utilities.distributed",
    "lightning.pytorch.accelerators.cuda",
)
"""Loggers that tell of devices, of process groups, and of other products, for every trainer anew."""

_WARNINGS = (
    # Lightning's own use of torch's pytree.
    r"`isinstance\(treespec, LeafSpec\)` is deprecated",
    # Batches are lists of numbers that lie in memory; a worker would only have to copy them.
    r"The 'predict_dataloader' does not have many workers",
    # The trainer places the metrics, and the model may be elsewhere.
    r"GPU available but not used",
    # A process without a batch has nothing to add, and says so.
    r"The ``compute`` method of metric",
)

_WORLD_KEYS = ("WORLD_SIZE", "SLURM_NTASKS")


def outside_processes() -> int:
    """Return how many processes torchrun or Slurm started for this job; 1 where there is only this one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_world_size()
    for key in _WORLD_KEYS:
        if os.environ.get(key, "").isdigit():
            return max(1, int(os.environ[key]))
    return 1


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out Lightning's notices, and its warnings that do not concern a pass without training."""
    loggers = [logging.getLogger(name) for name in _NOTICES]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        try:
            be_quiet()
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def be_quiet() -> None:
    """Do the same for good, in a process that was started for the pass alone."""
    for name in _NOTICES:
        logging.getLogger(name).setLevel(logging.WARNING)
    for message in _WARNINGS:
        warnings.filterwarnings("ignore", message=message)
