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
    forwards: int = 0
    """Forward passes of the backbone, a decoding step being one."""
    backwards: int = 0
    tokens: int = 0
    """Positions run through the backbone, padding included."""
    peak_memory_mb: float = 0.0
    """Largest memory so far, of the accelerator where there is one, else of the process."""

    @property
    def tokens_per_second(self) -> float:
        """Positions a second."""
        return self.tokens / self.seconds if self.seconds else 0.0


class CostMeter:
    """Watches a backbone and adds what it does to the stage that is running."""

    def __init__(self) -> None:
        self.stages: dict[str, StageCost] = {}
        self._current: StageCost | None = None

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Charge what happens inside to a stage; a stage may be entered again."""
        cost = self.stages.setdefault(name, StageCost())
        self._current, before = cost, self._current
        started = time.perf_counter()
        try:
            yield
        finally:
            cost.seconds += time.perf_counter() - started
            cost.peak_memory_mb = max(cost.peak_memory_mb, _peak_memory_mb())
            self._current = before

    @contextmanager
    def watching(self, backbone: nn.Module) -> Iterator[None]:
        """Count the forward passes of a module while the `with` lasts."""
        handle = backbone.register_forward_pre_hook(self._count, with_kwargs=True)
        try:
            yield
        finally:
            handle.remove()

    def _count(self, module: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        if self._current is None:
            return
        tokens = kwargs.get("input_ids", args[0] if args else None)
        tokens = kwargs["inputs_embeds"] if tokens is None else tokens
        self._current.forwards += 1
        self._current.tokens += int(tokens.shape[0] * tokens.shape[1])

    def summary(self) -> dict[str, dict[str, float]]:
        """Return every stage's cost as plain numbers."""
        return {name: asdict(cost) | {"tokens_per_second": cost.tokens_per_second} for name, cost in self.stages.items()}


def _peak_memory_mb() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _PER_MEGABYTE
