"""The settings of the evaluate stage."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from valuelocate.errors import UserError
from valuelocate.evaluate.base import AnswerEvaluator, PromptEvaluator
from valuelocate.evaluate.fluency import FluencyEvaluator
from valuelocate.intervene import Intervention

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
    calibration_questions: int = 32
    """Questions of `dev` whose answers choose the dose: the target's first, then those of other values, since
    fluency is no matter of the value and few answers tell it badly."""
    evaluators: Mapping[str, Evaluator] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grid = [float(strength) for strength in self.strengths]
        rising = all(low < high for low, high in pairwise(grid))
        if not grid or not rising or grid[0] <= 0 or not math.isfinite(grid[-1]):
            raise UserError(f"evaluate.strengths={list(self.strengths)}: expected positive, rising numbers")
        for name in ("max_new_tokens", "batch_size", "calibration_questions"):
            if getattr(self, name) < 1:
                raise UserError(f"evaluate.{name}={getattr(self, name)}: must be at least 1")
        for key, evaluator in self.evaluators.items():
            place = f"evaluate.evaluators.{key}"
            if not isinstance(evaluator, PromptEvaluator | AnswerEvaluator):
                raise UserError(f"{place}: expected an evaluator, found {type(evaluator).__name__}")
            if evaluator.name != key:
                raise UserError(f"{place}.name={evaluator.name}: expected the evaluator's key, {key}")

    @property
    def answer_evaluators(self) -> dict[str, AnswerEvaluator]:
        """Those that score generated answers."""
        return {key: found for key, found in self.evaluators.items() if isinstance(found, AnswerEvaluator)}

    @property
    def directed(self) -> frozenset[tuple[str, str]]:
        """The (evaluator, metric) pairs for which a gain is defined."""
        return frozenset((key, metric) for key, found in self.evaluators.items() for metric in found.directed)

    def prompt_evaluators(self, intervention: Intervention) -> dict[str, PromptEvaluator]:
        """Return those that need no generated answers, with the measures that can see the edits.

        Refuses what could not be measured or claimed; it needs no model.

        Raises:
            UserError: nothing reads a preference, a measure asked for by name cannot see the edits, there is
                no fluency to choose the dose by, or no strength of the grid has a meaning.
        """
        intervention.doses(self.strengths)
        fluent = any(isinstance(found, FluencyEvaluator) for found in self.evaluators.values())
        if intervention.strength == "dev" and not fluent:
            raise UserError(
                f"evaluate={sorted(self.evaluators)}: intervene.strength=dev chooses the dose by fluency; "
                "add fluency, or give intervene.strength a number"
            )
        found = {
            key: evaluator.for_positions(intervention.positions)
            for key, evaluator in self.evaluators.items()
            if isinstance(evaluator, PromptEvaluator)
        }
        if not found:
            raise UserError(
                f"evaluate={sorted(self.evaluators)}: a job's claim is about the preference under the "
                f"edit and under every random draw, and nothing here reads it; add preference"
            )
        return found
