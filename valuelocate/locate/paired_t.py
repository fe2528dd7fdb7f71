"""The paired t statistic of per-response means under the two poles of a value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float64
from torch import Tensor

from valuelocate.errors import UserError
from valuelocate.locate.base import LocateContext, Locator, as_scores, check_choice
from valuelocate.locate.mean_diff import MEAN_SITES
from valuelocate.neurons import NeuronScores, ScoreKind, Site

_ROUNDING = 1e-12
"""A deviation below this share of the mean is the rounding of double precision, not variation."""


@dataclass(frozen=True, kw_only=True)
class PairedTLocator(Locator):
    """Score mean(D) / (sd(D) / sqrt(n)), with D_q the difference of a question's two response means.

    Both answers of a pair are to the same question, so what the question itself does to a neuron cancels.
    """

    id: ClassVar[str] = "paired_t"
    kind: ClassVar[ScoreKind] = "activation"

    site: Site = "mid"
    """gate_act or mid."""

    def __post_init__(self) -> None:
        check_choice("locate.site", self.site, MEAN_SITES)

    @property
    def score_site(self) -> Site:
        """The site of the means."""
        return self.site

    def score(self, context: LocateContext) -> NeuronScores:
        """Return t; 0 where the differences do not vary.

        Raises:
            UserError: fewer than two pairs.
        """
        statistics = context.statistics
        if statistics.pairs < 2:
            raise UserError(
                f"locate=paired_t needs at least 2 questions with both poles, found {statistics.pairs}; "
                f"use more questions or locate=mean_diff"
            )
        t = paired_t(statistics.paired_mean[self.site], statistics.paired_spread[self.site], statistics.pairs)
        return as_scores(self, context, t)


def paired_t(
    mean: Float64[Tensor, "layer neuron"], spread: Float64[Tensor, "layer neuron"], pairs: int
) -> Float64[Tensor, "layer neuron"]:
    """Return the t statistic from the mean and the squared deviation of paired differences.

    It is 0 where the differences do not vary (a neuron that never fires), NaN for fewer than two pairs.
    """
    if pairs < 2:
        return torch.full_like(mean, torch.nan)
    deviation = (spread / (pairs - 1)).sqrt()
    varies = deviation > _ROUNDING * mean.abs()
    return torch.where(varies, mean * math.sqrt(pairs) / deviation, 0.0)
