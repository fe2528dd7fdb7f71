"""Reductions of neuron activations: pure functions from a batch's tokens to sums that merge exactly.

Notation: A response r has n_r tokens; its mean of a neuron is a_r and its squared deviation m2_r. Everything a
condition needs follows from these, so a batch is reduced over tokens once and over responses as often as wanted.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

Moments = Float64[Tensor, "3 *shape"]
"""Packed count, mean and squared deviation: one tensor, so that one merge function serves every reduction."""


class ResponseSums(NamedTuple):
    """What a batch's responses say of one layer's neurons."""

    tokens: Float64[Tensor, " response"]
    mean: Float64[Tensor, "response neuron"]
    spread: Float64[Tensor, "response neuron"]
    """Squared deviation from the response's own mean."""
    active: Int64[Tensor, "response neuron"]
    """Number of tokens with a positive value."""


class TokenPlan(NamedTuple):
    """Which tokens of a batch are counted, and to which response each belongs."""

    index: Int64[Tensor, " token"]
    """Into the flattened [batch * token]."""
    segment: Float[Tensor, "response token"]
    """One where a token belongs to a response; a matrix product with it sums over responses."""
    response: Int64[Tensor, " token"]
    tokens: Float[Tensor, " response"]


def plan_tokens(mask: Bool[Tensor, "batch token"]) -> TokenPlan:
    """Lay out the counted tokens of a batch once, for all of its layers and sites."""
    rows, _ = mask.nonzero(as_tuple=True)
    segment = torch.zeros(mask.shape[0], len(rows), device=mask.device)
    segment[rows, torch.arange(len(rows), device=mask.device)] = 1
    return TokenPlan(mask.reshape(-1).nonzero()[:, 0], segment, rows, segment.sum(1))


def sum_responses(values: Float[Tensor, "batch token neuron"], plan: TokenPlan) -> ResponseSums:
    """Reduce the counted tokens of each response.

    The squared deviation is taken around the response's own mean, because a difference of sums of squares in
    single precision loses all digits of a small variance around a large mean.
    """
    chosen = values.reshape(-1, values.shape[-1]).index_select(0, plan.index).float()
    mean = (plan.segment @ chosen) / plan.tokens.clamp(min=1)[:, None]
    active = plan.segment @ (chosen > 0).float()
    spread = plan.segment @ chosen.sub_(mean.index_select(0, plan.response)).square_()
    return ResponseSums(plan.tokens.double(), mean.double(), spread.double(), active.long())


def pool_tokens(sums: ResponseSums, keep: Bool[Tensor, " response"]) -> Moments:
    """Return token-pooled moments [3, neuron] of the kept responses."""
    count = sums.tokens[keep][:, None].expand(-1, sums.mean.shape[1])
    return merge_moments(torch.stack([count, sums.mean[keep], sums.spread[keep]], dim=1))


def moments(rows: Float64[Tensor, "row neuron"]) -> Moments:
    """Return moments [3, neuron] over rows of equal weight."""
    count = torch.full_like(rows[0], len(rows)) if len(rows) else rows.new_zeros(rows.shape[1])
    mean = rows.mean(0) if len(rows) else count
    return torch.stack([count, mean, (rows - mean).square().sum(0)])


def merge_moments(parts: Float64[Tensor, "part 3 *shape"]) -> Moments:
    """Merge moments of disjoint samples (Chan, Golub and LeVeque 1983)."""
    count, mean, spread = parts.unbind(dim=1)
    total = count.sum(0)
    centre = (count * mean).sum(0) / total.clamp(min=1)
    return torch.stack([total, centre, (spread + count * (mean - centre).square()).sum(0)])
