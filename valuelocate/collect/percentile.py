"""The 95th percentile of each neuron's activation (a95 of NPTI, Deng et al. 2024), streamed by a histogram.

NPTI counts in 301 bins of 0.01, so its values are capped at 2.99 and quantised; here the bins are set in the
config, the percentile is interpolated inside its bin, and the open last bin ends at the largest value seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Float64, Int, Int64
from torch import Tensor
from torchmetrics import Metric

from valuelocate.collect.contrast import LABELLINGS, POLES
from valuelocate.collect.reduce import Groups
from valuelocate.errors import UserError


@dataclass(frozen=True, kw_only=True)
class PercentileSettings:
    """Bins of the histogram: one for values not above 0, `bins` equal ones up to `top`, and an open one."""

    share: float = 0.95
    bins: int = 256
    """Memory is 16 bytes a bin and neuron."""
    top: float = 4.0
    """Upper edge of the last closed bin, in units of the activation."""

    def __post_init__(self) -> None:
        if not 0 < self.share < 1:
            raise UserError(f"collect.percentile.share={self.share}: must lie between 0 and 1")
        if self.bins < 2:
            raise UserError(f"collect.percentile.bins={self.bins}: must be at least 2")
        if not self.top > 0:
            raise UserError(f"collect.percentile.top={self.top}: must be above 0")


class PercentileMetric(Metric):
    """Histograms of `gate_act` over the tokens that count, in the groups of `ContrastMetric`."""

    full_state_update = False

    counts: Tensor
    peak: Tensor

    def __init__(self, n_layers: int, width: int, settings: PercentileSettings) -> None:
        super().__init__()
        self.settings = settings
        shape = (n_layers, 2, 2, width)
        # 32 bits halve the memory; they hold 2 billion tokens of a group.
        counts = torch.zeros(*shape, settings.bins + 2, dtype=torch.int32)
        self.add_state("counts", counts, dist_reduce_fx="sum")
        self.add_state("peak", torch.zeros(shape), dist_reduce_fx="max")

    def update(
        self,
        layer: int,
        values: Float[Tensor, "row token neuron"],
        tokens_of: Sequence[Tensor],
    ) -> None:
        """Add one layer's neurons of a batch; `tokens_of` has each group's tokens, from `tokens_by_group`."""
        flat = values.reshape(-1, values.shape[-1])
        counts, peak = (state[layer].flatten(0, 1) for state in (self.counts, self.peak))
        for group, index in enumerate(tokens_of):
            if len(index):
                rows = flat.index_select(0, index.to(flat.device)).float()
                counts[group] += histogram(rows, bins=self.settings.bins, top=self.settings.top).to(counts)
                torch.maximum(peak[group], rows.amax(0).to(peak), out=peak[group])

    def compute(self) -> dict[str, Tensor]:
        """Return the percentile [layer, neuron] by labelling and pole, named as in `to_tensors`."""
        return {
            f"{labelling}/{pole}/a95": self._percentile(index, (index + swap) % 2)
            for swap, labelling in enumerate(LABELLINGS)
            for index, pole in enumerate(POLES)
        }

    def _percentile(self, kept: int, swapped: int) -> Float64[Tensor, "layer neuron"]:
        # Layer by layer, since the cumulative counts in double precision take several times the memory.
        return torch.stack(
            [
                quantile(
                    counts[0, kept].cpu().long() + counts[1, swapped].cpu(),
                    torch.maximum(peak[0, kept], peak[1, swapped]).cpu(),
                    share=self.settings.share,
                    top=self.settings.top,
                )
                for counts, peak in zip(self.counts, self.peak, strict=True)
            ]
        )


def tokens_by_group(mask: Bool[Tensor, "row token"], groups: Groups) -> list[Tensor]:
    """Return, for each group of `Groups.response`, its tokens as indices into the flattened batch."""
    members = groups.response.bool()[:, :, None].to(mask.device)
    return [(mask & member).reshape(-1).nonzero()[:, 0] for member in members]


def histogram(rows: Float[Tensor, "token neuron"], *, bins: int, top: float) -> Int64[Tensor, "neuron bin"]:
    """Count each neuron's values: bin 0 is (-inf, 0], bins 1 to `bins` are equal up to `top`, one is open."""
    width = rows.shape[1]
    # What is not a number has no bin; the pass ends with an error of its own.
    index = (rows * (bins / top)).nan_to_num_(0.0).ceil_().clamp_(0, bins + 1).int()
    index += torch.arange(width, device=rows.device, dtype=torch.int32) * (bins + 2)
    return torch.bincount(index.reshape(-1), minlength=width * (bins + 2)).view(width, bins + 2)


def quantile(
    counts: Int[Tensor, "*shape bin"], peak: Float[Tensor, " *shape"], *, share: float, top: float
) -> Float64[Tensor, " *shape"]:
    """Return the value below which `share` of the counts lie, linear within a bin and at least 0."""
    bins = counts.shape[-1] - 2
    cumulative = counts.cumsum(-1)
    target = share * cumulative[..., -1].double()
    found = (cumulative < target[..., None]).sum(-1).clamp(max=bins + 1)
    inside = counts.gather(-1, found[..., None])[..., 0].double()
    below = cumulative.gather(-1, found[..., None])[..., 0].double() - inside
    lower = (found - 1).double() * (top / bins)
    upper = torch.where(found == bins + 1, peak.double().clamp(min=top), lower + top / bins)
    part = (target - below) / inside.clamp(min=1)
    return torch.where(found == 0, 0.0, lower + part * (upper - lower))
