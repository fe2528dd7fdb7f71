"""Difference of mean activations between the two poles, plain or on a common scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import torch
from jaxtyping import Float64
from torch import Tensor

from valuelocate.errors import UserError
from valuelocate.locate.base import LocateContext, Locator, as_scores, check_choice
from valuelocate.neurons import NeuronScores, ScoreKind, Site

if TYPE_CHECKING:
    from valuelocate.collect.statistics import ConditionStatistics

Scale = Literal["none", "pooled_sd", "layer_median"]
Table = Float64[Tensor, "layer neuron"]

MEAN_SITES: tuple[Site, ...] = ("gate_act", "mid")
"""Sites at which means are collected."""

_VARIANCE_FLOOR = 1e-8
"""Added to the pooled variance, as in DPN-LE; keeps neurons that hardly vary from ranking first."""


@dataclass(frozen=True, kw_only=True)
class MeanDiffLocator(Locator):
    """Score mu+ - mu-, where mu is the mean over responses of each response's mean.

    Unscaled, it ranks layers and neurons of large activations first; `scale` removes that.
    """

    id: ClassVar[str] = "mean_diff"
    kind: ClassVar[ScoreKind] = "activation"

    site: Site = "mid"
    """gate_act or mid."""
    scale: Scale = "none"
    """`pooled_sd`: Cohen's d; `layer_median`: in units of the layer's median absolute difference."""

    def __post_init__(self) -> None:
        check_choice("locate.site", self.site, MEAN_SITES)
        check_choice("locate.scale", self.scale, get_args(Scale))

    @property
    def score_site(self) -> Site:
        """The site of the means."""
        return self.site

    def score(self, context: LocateContext) -> NeuronScores:
        """Return the difference of means.

        Raises:
            UserError: `scale` is pooled_sd and there are fewer than three responses in all.
        """
        positive, negative = context.statistics.positive, context.statistics.negative
        difference = mean_difference(positive, negative, self.site)
        if self.scale == "pooled_sd":
            difference = difference / pooled_deviation(positive, negative, self.site)
        elif self.scale == "layer_median":
            difference = in_layer_medians(difference)
        return as_scores(self, context, difference)


def mean_difference(positive: ConditionStatistics, negative: ConditionStatistics, site: Site) -> Table:
    """Return mu+ - mu- of per-response means, in units of the activation."""
    return positive.response_mean[site] - negative.response_mean[site]


def pooled_deviation(positive: ConditionStatistics, negative: ConditionStatistics, site: Site) -> Table:
    """Return sqrt(((n+ - 1) s2+ + (n- - 1) s2-) / (n+ + n- - 2) + 1e-8), the denominator of Cohen's d.

    Raises:
        UserError: fewer than three responses in all.
    """
    freedom = positive.responses + negative.responses - 2
    if freedom < 1:
        raise UserError(
            f"locate.scale=pooled_sd needs at least 3 responses, found {freedom + 2}; use more questions or "
            f"locate.scale=none"
        )
    spread = positive.response_spread[site] + negative.response_spread[site]
    return (spread / freedom + _VARIANCE_FLOOR).sqrt()


def in_layer_medians(difference: Table) -> Table:
    """Divide every layer by the (lower) median of its absolute differences.

    Differences of exactly zero (neurons that never fire) are left out of the median, since they tell nothing
    of the layer's scale; a layer of zeros stays zero.
    """
    size = difference.abs()
    unit = torch.where(size > 0, size, torch.nan).nanmedian(dim=1, keepdim=True).values
    return torch.where(unit.isnan(), 0.0, difference / unit)
