"""The metric that streams counts and moments of two poles, under the true labelling and a shuffled one.

Responses are held apart by (pole) x (swapped by the shuffled labelling or not). Both labellings are unions of
these four groups, so the control costs nothing in the pass.
"""

from __future__ import annotations

import torch
from jaxtyping import Float64
from torch import Tensor
from torchmetrics import Metric

from valuelocate.collect.reduce import Groups, ResponseSums, merge_moments, token_moments, weighted_moments
from valuelocate.collect.statistics import (
    COLLECTED_SITES,
    ConditionStatistics,
    ContrastStatistics,
    to_tensors,
)
from valuelocate.neurons import Site

LABELLINGS = ("true", "shuffled")
"""The poles as they are, and swapped within a random half of the questions (a control)."""

POLES = ("positive", "negative")


class ContrastMetric(Metric):
    """Counts and moments of every neuron over pairs of responses; memory does not grow with their number.

    The states are [layer, swapped, pole, neuron] and [site, layer, (count, mean, squared deviation), swapped,
    pole, neuron], without the pole for the differences within pairs.
    """

    full_state_update = False

    active: Tensor
    token: Tensor
    response: Tensor
    paired: Tensor

    def __init__(self, n_layers: int, width: int, sites: tuple[Site, ...] = COLLECTED_SITES) -> None:
        super().__init__()
        self.sites = sites
        shape = (len(sites), n_layers, 3, 2, 2, width)
        self.add_state("active", torch.zeros(n_layers, 2, 2, width, dtype=torch.int64), dist_reduce_fx="sum")
        for name in ("token", "response"):
            self.add_state(name, torch.zeros(shape, dtype=torch.float64), dist_reduce_fx=_merge_ranks)
        self.add_state(
            "paired", torch.zeros(*shape[:4], width, dtype=torch.float64), dist_reduce_fx=_merge_ranks
        )

    def update(self, layer: int, site: Site, sums: ResponseSums, groups: Groups) -> None:
        """Add one layer's neurons of a batch at one site; rows come in pairs, positive first."""
        device = self.active.device
        sums = sums.to(device)
        at = self.sites.index(site)
        if site == "gate_act":
            if sums.active is None:
                raise ValueError("the sums at gate_act must count active tokens")
            self.active[layer] += (groups.response @ sums.active.double()).long().view_as(self.active[layer])
        mean = sums.mean.double()
        difference = mean[0::2] - mean[1::2]
        _merge_into(self.token[at, layer], token_moments(sums, groups))
        _merge_into(self.response[at, layer], weighted_moments(mean, groups.response))
        _merge_into(self.paired[at, layer], weighted_moments(difference, groups.pair))

    def compute(self) -> dict[str, Tensor]:
        """Return the statistics of both labellings, flat; `from_tensors` makes them `ContrastStatistics`."""
        # Flat, because torchmetrics takes results apart and refuses frozen dataclasses.
        return to_tensors({name: self._contrast(swap=bool(index)) for index, name in enumerate(LABELLINGS)})

    def _contrast(self, *, swap: bool) -> ContrastStatistics:
        kept, swapped = self.paired.cpu().unbind(3)
        if swap:
            # Swapping the poles of a pair turns its difference round.
            swapped = torch.stack([swapped[:, :, 0], -swapped[:, :, 1], swapped[:, :, 2]], 2)
        paired = _merge_parts(kept, swapped)
        positive, negative = (self._condition(pole, pole != swap) for pole in (False, True))
        return ContrastStatistics(
            positive=positive,
            negative=negative,
            paired_mean=self._by_site(paired[:, :, 1]),
            paired_spread=self._by_site(paired[:, :, 2]),
            pairs=_count(paired),
        )

    def _condition(self, kept: bool, swapped: bool) -> ConditionStatistics:
        """Unite the rows of pole `kept` of pairs that stay and of pole `swapped` of swapped ones."""
        active = self.active[:, 0, int(kept)] + self.active[:, 1, int(swapped)]
        token, response = (
            _merge_parts(state[..., 0, int(kept), :].cpu(), state[..., 1, int(swapped), :].cpu())
            for state in (self.token, self.response)
        )
        return ConditionStatistics(
            active=active.cpu(),
            tokens=_count(token),
            responses=_count(response),
            token_mean=self._by_site(token[:, :, 1]),
            token_spread=self._by_site(token[:, :, 2]),
            response_mean=self._by_site(response[:, :, 1]),
            response_spread=self._by_site(response[:, :, 2]),
        )

    def _by_site(self, stacked: Float64[Tensor, "site layer neuron"]) -> dict[Site, Tensor]:
        found = dict(zip(self.sites, stacked, strict=True))
        # A plain FFN has one tensor for both sites, collected once.
        return {site: found.get(site, stacked[0]) for site in COLLECTED_SITES}


def _count(moments: Float64[Tensor, "site layer 3 neuron"]) -> int:
    # The largest, since layers that were not read have none.
    return int(moments[:, :, 0].max())


def _merge_parts(*parts: Float64[Tensor, "site layer 3 *rest"]) -> Float64[Tensor, "site layer 3 *rest"]:
    return _merge_ranks(torch.stack(parts))


def _merge_ranks(
    stacked: Float64[Tensor, "rank site layer 3 *rest"],
) -> Float64[Tensor, "site layer 3 *rest"]:
    return merge_moments(stacked.movedim(3, 1)).movedim(0, 2)


def _merge_into(state: Float64[Tensor, "3 *rest"], new: Float64[Tensor, "3 group neuron"]) -> None:
    state.copy_(merge_moments(torch.stack([state, new.view_as(state)])))
