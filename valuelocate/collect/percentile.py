"""The 95th percentile of each neuron's activation (a95 of NPTI, Deng et al. 2024), streamed by a histogram.

NPTI counts in 301 bins of 0.01, so its values are capped at 2.99 and quantised; here the bins are set in the
config, the percentile is interpolated inside its bin, and the open last bin ends at the neuron's own maximum.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torchmetrics import Metric

from valuelocate.collect.reduce import TokenPlan
from valuelocate.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PercentileSettings:
    """Bins of the histogram: one for values not above 0, `bins` equal ones up to `top`, and an open one."""

    share: float = 0.95
    bins: int = 256
    """Memory is 8 bytes a bin, neuron and pole."""
    top: float = 4.0
    """Upper edge of the last closed bin, in units of the activation."""

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UserError(f"collect.percentile.share={self.share}: must lie between 0 and 1")
        if self.bins < 2 or self.top <= 0:
            raise UserError(f"collect.percentile: bins={self.bins} must be at least 2 and top={self.top} above 0")


class PercentileMetric(Metric):
    """Histograms of `gate_act` over the counted tokens, by pole, layer and neuron."""

    full_state_update = False

    counts: Tensor
    peak: Tensor

    def __init__(self, n_layers: int, width: int, settings: PercentileSettings) -> None:
        super().__init__()
        self.settings = settings
        self.add_state("counts", torch.zeros(2, n_layers, width, settings.bins + 2, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("peak", torch.zeros(2, n_layers, width), dist_reduce_fx="max")

    def update(self, layer: int, values: Float[Tensor, "batch token neuron"], plan: TokenPlan) -> None:
        """Add one layer's neurons of a batch whose even rows are positive and odd rows negative."""
        chosen = values.reshape(-1, values.shape[-1]).index_select(0, plan.index).float().to(self.counts.device)
        is_negative = (plan.response % 2 == 1).to(chosen.device)
        for pole, keep in enumerate((~is_negative, is_negative)):
            rows = chosen[keep]
            if not len(rows):
                continue
            self.counts[pole, layer] += histogram(rows, bins=self.settings.bins, top=self.settings.top)
            self.peak[pole, layer] = torch.maximum(self.peak[pole, layer], rows.amax(0))

    def compute(self) -> tuple[Float64[Tensor, "layer neuron"], Float64[Tensor, "layer neuron"]]:
        """Return the percentile under the positive and the negative descriptions."""
        positive, negative = (
            quantile(self.counts[pole].cpu(), self.peak[pole].cpu(), share=self.settings.share, top=self.settings.top)
            for pole in (0, 1)
        )
        return positive, negative


def histogram(rows: Float[Tensor, "token neuron"], *, bins: int, top: float) -> Int64[Tensor, "neuron bin"]:
    """Count each neuron's values: bin 0 is (-inf, 0], bins 1 to `bins` are equal up to `top`, the last is open."""
    width = rows.shape[1]
    index = (rows / (top / bins)).ceil().clamp_(0, bins + 1).long()
    flat = index + torch.arange(width, device=rows.device) * (bins + 2)
    return torch.bincount(flat.reshape(-1), minlength=width * (bins + 2)).view(width, bins + 2)


def quantile(
    counts: Int64[Tensor, "*shape bin"], peak: Float[Tensor, " *shape"], *, share: float, top: float
) -> Float64[Tensor, " *shape"]:
    """Return the value below which `share` of the counts lie, linear within a bin and at least 0."""
    bins = counts.shape[-1] - 2
    cumulative = counts.cumsum(-1).double()
    target = share * cumulative[..., -1:]
    found = (cumulative >= target).long().argmax(-1, keepdim=True)
    inside = counts.gather(-1, found).double().clamp(min=1)
    below = cumulative.gather(-1, found) - counts.gather(-1, found)
    part = ((target - below) / inside).squeeze(-1)
    lower = (found.squeeze(-1) - 1).clamp(min=0).double() * (top / bins)
    is_open = found.squeeze(-1) == bins + 1
    upper = torch.where(is_open, peak.double().clamp(min=top), lower + top / bins)
    return torch.where(found.squeeze(-1) == 0, 0.0, lower + part * (upper - lower))
