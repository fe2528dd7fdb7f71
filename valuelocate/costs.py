"""What each stage costs, counted while it runs: seconds, forward passes, tokens, peak memory."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

_PER_MEGABYTE = 2**20 if sys.platform == "darwin" else 2**10
"""getrusage counts bytes on macOS and kilobytes elsewhere."""


@dataclass
class StageCost:
    """Sums of one stage over all its parts."""

    seconds: float = 0.0
    """Without those of a stage inside it."""
    forwards: int = 0
    """Forward passes of the backbone, a decoding step being one."""
    backwards: int = 0
    tokens: int = 0
    """Positions run through the backbone, padding included."""
    peak_memory_mb: float = 0.0
    """Largest memory so far, of the accelerators where there are any, else of the process."""

    @property
    def tokens_per_second(self) -> float:
        """Positions a second."""
        return self.tokens / self.seconds if self.seconds else 0.0


class CostMeter:
    """Watches a backbone and adds what it does to the stage that is running."""

    def __init__(self) -> None:
        self.stages: dict[str, StageCost] = {}
        self._current: StageCost | None = None
        self._since = 0.0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge what happens inside to a stage and not to the one around it; it may be entered again."""
        before = self._current
        self._turn_to(self.stages.setdefault(name, StageCost()))
        try:
            yield
        finally:
            self._turn_to(before)

    def _turn_to(self, stage: StageCost | None) -> None:
        now = time.perf_counter()
        if self._current is not None:
            self._current.seconds += now - self._since
            self._current.peak_memory_mb = max(self._current.peak_memory_mb, _peak_memory_mb())
        self._current, self._since = stage, now

    @contextmanager
    def watching(self, backbone: nn.Module) -> Iterator[None]:
        """Count the forward passes of a module while the `with` lasts."""
        handle = backbone.register_forward_pre_hook(self._count, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def _count(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        tokens = kwargs.get("input_ids", args[0] if args else None)
        tokens = kwargs["inputs_embeds"] if tokens is None else tokens
        self.add(forwards=1, tokens=int(tokens.shape[0] * tokens.shape[1]))

    def add(self, *, forwards: int, tokens: int) -> None:
        """Charge forward passes to the stage that is running, e.g. those of other processes."""
        if self._current is not None:
            self._current.forwards += forwards
            self._current.tokens += tokens

    def summary(self) -> dict[str, dict[str, float]]:
        """Return every stage's cost as plain numbers."""
        return {
            name: asdict(cost) | {"tokens_per_second": cost.tokens_per_second}
            for name, cost in self.stages.items()
        }


def _peak_memory_mb() -> float:
    if torch.cuda.is_available():
        devices = range(torch.cuda.device_count())
        return sum(torch.cuda.max_memory_allocated(device) for device in devices) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PER_MEGABYTE
