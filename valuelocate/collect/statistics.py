"""What is known of every neuron under the two poles of a value.

Su et al. 2025 and NPTI (Deng et al. 2024) need activation counts; the contrast statistics need means and
variances per response. Both come from one pass.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from valuelocate.neurons import Site

COLLECTED_SITES: tuple[Site, ...] = ("gate_act", "mid")


@dataclass(frozen=True, kw_only=True)
class ConditionStatistics:
    """One pole of a contrast, every tensor [layer, neuron]; zero in layers that were not read."""

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
