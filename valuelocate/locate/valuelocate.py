"""ValueLocate: the difference of activation probabilities between the two poles (Su et al. 2025)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from valuelocate.locate.base import LocateContext, Locator, as_scores
from valuelocate.neurons import NeuronScores, ScoreKind, Site


@dataclass(frozen=True, kw_only=True)
class ValueLocateLocator(Locator):
    """Score delta = p+ - p-, where p is the share of answer tokens with a positive value at `gate_act`.

    The statistic of Su et al. 2025, taken over from NPTI (Deng et al. 2024). Which neurons are selected by
    it, and with what amplitude and at what positions they are edited, are choices of their own (`select`,
    `intervene`).
    """

    id: ClassVar[str] = "valuelocate"
    kind: ClassVar[ScoreKind] = "activation"

    @property
    def score_site(self) -> Site:
        """Always `gate_act`: only there does "active" mean "above 0" in a gated FFN."""
        return "gate_act"

    def score(self, context: LocateContext) -> NeuronScores:
        """Return delta, in [-1, 1]."""
        return as_scores(self, context, context.statistics.delta)
