"""What is known of every neuron under the two poles of a value, and the metrics that stream it.

Su et al. 2025 and NPTI (Deng et al. 2024) need activation counts; the contrast statistics need means and
variances per response. Both come from one pass; memory does not grow with the number of prompts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor
from torchmetrics import Metric

from valuelocate.collect.reduce import ResponseSums, TokenPlan, merge_moments, moments, pool_tokens, sum_responses
from valuelocate.neurons import Site

COLLECTED_SITES: tuple[Site, ...] = ("gate_act", "mid")
LABELLINGS = ("true", "shuffled")
"""The poles as they are, and swapped within a random half of the questions (a control)."""


@dataclass(frozen=True, kw_only=True)
class ConditionStatistics:
    """One pole of a contrast, every tensor [layer, neuron]."""

    active: Int64[Tensor, "layer neuron"]
    """Tokens with a positive value at `gate_act`."""
    tokens: int
    responses: int
    token_mean: Mapping[Site, Float64[Tensor, "layer neuron"]]
    """Mean over all tokens of all responses."""
    token_spread: Mapping[Site, Float64[Tensor, "layer neuron"]]
    """Squared deviation over all tokens; divide by tokens - 1 for the variance."""
    response_mean: Mapping[Site, Float64[Tensor, "layer neuron"]]
    """Mean over responses of each response's mean."""
    response_spread: Mapping[Site, Float64[Tensor, "layer neuron"]]
    a95: Float64[Tensor, "layer neuron"] | None = None
    """95th percentile over tokens at `gate_act`, not below 0; None where it was not collected."""

    @property
    def probability(self) -> Float64[Tensor, "layer neuron"]:
        """Share of tokens in which a neuron is active (Su et al. 2025; NPTI)."""
        return self.active.double() / self.tokens


@dataclass(frozen=True, kw_only=True)
class ContrastStatistics:
    """The positive against the negative pole of a value."""

    positive: ConditionStatistics
    negative: ConditionStatistics
    paired_mean: Mapping[Site, Float64[Tensor, "layer neuron"]]
    """Mean over questions of (response mean under the positive - under the negative description)."""
    paired_spread: Mapping[Site, Float64[Tensor, "layer neuron"]]
    pairs: int

    @property
    def delta(self) -> Float64[Tensor, "layer neuron"]:
        """Difference of activation probabilities p+ - p- (Su et al. 2025)."""
        return self.positive.probability - self.negative.probability

    def shift(self, site: Site) -> Float64[Tensor, "layer neuron"]:
        """Difference of token-pooled means mu+ - mu- at a site."""
        return self.positive.token_mean[site] - self.negative.token_mean[site]


class ContrastMetric(Metric):
    """Streams counts and moments of pairs of responses under the two poles of a value.

    Rows of a batch come in pairs: even rows answer under the positive, odd rows under the negative description.
    """

    full_state_update = False

    active: Tensor
    token_moments: Tensor
    response_moments: Tensor
    paired_moments: Tensor

    def __init__(self, n_layers: int, width: int, sites: tuple[Site, ...] = COLLECTED_SITES) -> None:
        super().__init__()
        self.sites = sites
        shape = (n_layers, width)
        zeros = torch.zeros(len(sites), len(LABELLINGS), 2, 3, *shape, dtype=torch.float64)
        self.add_state("active", torch.zeros(len(LABELLINGS), 2, *shape, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("token_moments", zeros.clone(), dist_reduce_fx=_merge_ranks)
        self.add_state("response_moments", zeros.clone(), dist_reduce_fx=_merge_ranks)
        self.add_state("paired_moments", zeros[:, :, 0].clone(), dist_reduce_fx=_merge_ranks)

    def update(
        self,
        layer: int,
        site: Site,
        values: Float[Tensor, "batch token neuron"],
        plan: TokenPlan,
        swapped: Bool[Tensor, " pair"],
    ) -> None:
        """Add one layer's neurons of a batch at one site; `swapped` says which pairs the shuffle swaps."""
        sums = ResponseSums(*(part.to(self.active.device) for part in sum_responses(values, plan)))
        at = self.sites.index(site)
        even = torch.arange(len(sums.tokens), device=self.active.device) % 2 == 0
        flip = swapped.to(self.active.device).repeat_interleave(2)
        difference = sums.mean[0::2] - sums.mean[1::2]
        for labelling, positive in enumerate((even, even ^ flip)):
            for pole, keep in enumerate((positive, ~positive)):
                if site == "gate_act":
                    self.active[labelling, pole, layer] += sums.active[keep].sum(0)
                _merge_into(self.token_moments[at, labelling, pole, :, layer], pool_tokens(sums, keep))
                _merge_into(self.response_moments[at, labelling, pole, :, layer], moments(sums.mean[keep]))
        sign = 1 - 2 * swapped.to(difference.device, torch.float64)[:, None]
        for labelling, signed in enumerate((difference, difference * sign)):
            _merge_into(self.paired_moments[at, labelling, :, layer], moments(signed))

    def compute(self) -> dict[str, Tensor]:
        """Return the statistics of both labellings, flat; `from_tensors` makes them `ContrastStatistics`."""
        # Flat, because torchmetrics takes results apart and refuses frozen dataclasses.
        return to_tensors({name: self._contrast(index) for index, name in enumerate(LABELLINGS)})

    def _contrast(self, labelling: int) -> ContrastStatistics:
        paired = self.paired_moments[:, labelling]
        positive, negative = (self._condition(labelling, pole) for pole in (0, 1))
        return ContrastStatistics(
            positive=positive,
            negative=negative,
            paired_mean=self._by_site(paired[:, 1]),
            paired_spread=self._by_site(paired[:, 2]),
            pairs=int(paired[0, 0].max()),
        )

    def _condition(self, labelling: int, pole: int) -> ConditionStatistics:
        token, response = self.token_moments[:, labelling, pole], self.response_moments[:, labelling, pole]
        return ConditionStatistics(
            active=self.active[labelling, pole].cpu(),
            # The largest, since layers that were not read have none.
            tokens=int(token[0, 0].max()),
            responses=int(response[0, 0].max()),
            token_mean=self._by_site(token[:, 1]),
            token_spread=self._by_site(token[:, 2]),
            response_mean=self._by_site(response[:, 1]),
            response_spread=self._by_site(response[:, 2]),
        )

    def _by_site(self, stacked: Tensor) -> dict[Site, Tensor]:
        found = {site: stacked[index].cpu() for index, site in enumerate(self.sites)}
        # A plain FFN has one tensor for both sites, collected once.
        return {site: found.get(site, stacked[0].cpu()) for site in COLLECTED_SITES}


def _merge_ranks(stacked: Float64[Tensor, "rank *shape"]) -> Tensor:
    """Merge packed moments whose statistic axis stands third from the end."""
    axis = stacked.ndim - 3
    return merge_moments(stacked.movedim(axis, 1)).movedim(0, axis - 1)


def _merge_into(state: Float64[Tensor, "3 neuron"], new: Float64[Tensor, "3 neuron"]) -> None:
    state.copy_(merge_moments(torch.stack([state, new])))


def to_tensors(statistics: Mapping[str, ContrastStatistics]) -> dict[str, Tensor]:
    """Flatten statistics for a safetensors file: names are paths such as `true/positive/token_mean/mid`."""
    flat: dict[str, Tensor] = {}

    def put(path: str, value: Any) -> None:
        if isinstance(value, Tensor):
            flat[path] = value
        elif isinstance(value, int):
            flat[path] = torch.tensor(value)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                put(f"{path}/{key}", item)
        elif value is not None:
            for key, item in vars(value).items():
                put(f"{path}/{key}", item)

    for labelling, contrast in statistics.items():
        put(labelling, contrast)
    return flat


def from_tensors(flat: Mapping[str, Tensor]) -> dict[str, ContrastStatistics]:
    """Undo `to_tensors`."""
    tree: dict[str, Any] = {}
    for path, tensor in flat.items():
        *parents, leaf = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = int(tensor) if tensor.ndim == 0 else tensor
    return {labelling: _contrast_from(branch) for labelling, branch in tree.items()}


def _contrast_from(branch: Mapping[str, Any]) -> ContrastStatistics:
    poles = {pole: ConditionStatistics(**branch[pole]) for pole in ("positive", "negative")}
    return ContrastStatistics(**{**branch, **poles})
