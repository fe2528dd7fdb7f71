"""The settings of the evaluate stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from valuelocate.errors import UserError
from valuelocate.evaluate.base import AnswerEvaluator, PromptEvaluator

Evaluator = PromptEvaluator | AnswerEvaluator


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """What is measured, at which strengths, and how long the answers are."""

    strengths: Sequence[float] = (0.25, 0.5, 1, 1.5, 2, 3, 4)
    """Grid of the strength curve, increasing; unit: that of `intervene.strength`."""
    max_new_tokens: int = 96
    """Tokens of an answer."""
    batch_size: int = 16
    """Answers generated at a time."""
    evaluators: Mapping[str, Evaluator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grid = [float(strength) for strength in self.strengths]
        rising = all(low < high for low, high in pairwise(grid))
        if not grid or not rising or grid[0] <= 0 or not math.isfinite(grid[-1]):
            raise UserError(f"evaluate.strengths={list(self.strengths)}: expected positive, rising numbers")
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"evaluate.{name}={getattr(self, name)}: must be at least 1")
        for key, evaluator in self.evaluators.items():
            place = f"evaluate.evaluators.{key}"
            if not isinstance(evaluator, PromptEvaluator | AnswerEvaluator):
                raise UserError(f"{place}: expected an evaluator, found {type(evaluator).__name__}")
            if evaluator.name != key:
                raise UserError(f"{place}.name={evaluator.name}: expected the evaluator's key, {key}")

    @property
    def prompt_evaluators(self) -> dict[str, PromptEvaluator]:
        """Those that need no generated answers."""
        return {key: found for key, found in self.evaluators.items() if isinstance(found, PromptEvaluator)}

    @property
    def answer_evaluators(self) -> dict[str, AnswerEvaluator]:
        """Those that score generated answers."""
        return {key: found for key, found in self.evaluators.items() if isinstance(found, AnswerEvaluator)}

    @property
    def directed(self) -> frozenset[tuple[str, str]]:
        """The (evaluator, metric) pairs for which a gain is defined."""
        return frozenset((key, metric) for key, found in self.evaluators.items() for metric in found.directed)
