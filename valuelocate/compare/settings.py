"""The settings of the compare stage: controls, intervals and the methods of a default sweep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from valuelocate.errors import UserError
from valuelocate.evaluate.bootstrap import Resampling


@dataclass(frozen=True, kw_only=True)
class CompareSettings:
    """How edits are held against their controls."""

    draws: int = 19
    """Random matched sets; the smallest rank p is 1 / (draws + 1)."""
    level: float = 0.95
    """Of intervals."""
    resamples: int = 2000
    """Of the bootstrap."""
    other_value: str | None = None
    """Value whose neurons serve as a control; None: the nearest on the circle, or the first of a theory
    without one."""
    methods: Sequence[str] = ("valuelocate", "mean_diff", "paired_t", "random_matched")
    """What a bare multirun compares."""

    def __post_init__(self) -> None:
        if isinstance(self.draws, bool) or not isinstance(self.draws, int) or self.draws < 1:
            raise UserError(f"compare.draws={self.draws}: expected at least 1; an effect is claimed from 19")
        if not 0 < self.level < 1:
            raise UserError(f"compare.level={self.level}: expected a share between 0 and 1, such as 0.95")
        if isinstance(self.resamples, bool) or not isinstance(self.resamples, int) or self.resamples < 100:
            raise UserError(f"compare.resamples={self.resamples}: expected a whole number of at least 100")
        if not self.methods or len(set(self.methods)) != len(self.methods):
            raise UserError(f"compare.methods={list(self.methods)}: expected at least one method, each once")

    def resampling(self, seed: int) -> Resampling:
        """Return how intervals are made."""
        return Resampling(level=self.level, resamples=self.resamples, seed=seed)
