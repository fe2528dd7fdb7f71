"""Random scores as a locating method of their own: what an edit does at neurons that nothing was asked of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch

from valuelocate.locate.base import LocateContext, Locator, as_scores
from valuelocate.locate.seeds import generator
from valuelocate.neurons import NeuronScores, ScoreKind, Site


@dataclass(frozen=True, kw_only=True)
class RandomMatchedLocator(Locator):
    """Score every neuron by a seeded uniform draw from (-1, 1).

    As a method it is matched to the others in the number of neurons, and takes its amplitudes from the same
    statistics. The number per layer cannot be matched here, for there is no other method to match it to: the
    draw is uniform over the neurons in scope. The control that is matched per layer and in amplitude is the
    function `random_matched` of `random_control`, which starts from a selected set.
    """

    id: ClassVar[str] = "random_matched"
    kind: ClassVar[ScoreKind] = "activation"

    @property
    def score_site(self) -> Site:
        """`gate_act`, by convention; no activation is looked at."""
        return "gate_act"

    def score(self, context: LocateContext) -> NeuronScores:
        """Return the draw of the context's seed and value."""
        source = generator("random_matched locator", context.seed, context.value)
        shape = context.statistics.delta.shape
        return as_scores(self, context, 2 * torch.rand(shape, generator=source, dtype=torch.float64) - 1)
