"""Reductions of neuron activations: pure functions from a batch's tokens to moments that merge.

Two steps. Over tokens: each response has, by neuron, its mean, its squared deviation and its number of
active tokens. Over responses: moments of groups of responses, which merge over batches and processes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

_CACHED_CELLS = 1 << 17
"""Numbers two threads work on at a time: half a megabyte, which all passes but the first find in cache."""


class Window(NamedTuple):
    """A rectangle of a batch that is reduced in one go."""

    rows: slice
    columns: slice
    keep: Bool[Tensor, "row column 1"]
    """The tokens that count."""
    whole: bool
    """Whether all of them do."""


class TokenPlan(NamedTuple):
    """Which tokens of a batch count, laid out once for all of its layers and sites."""

    windows: tuple[Window, ...]
    tokens: Float[Tensor, " row"]
    """Number of tokens that count in each row."""


class ResponseSums(NamedTuple):
    """What a batch's responses say of one layer's neurons at one site; zero in rows without a token."""

    tokens: Float[Tensor, " row"]
    mean: Float[Tensor, "row neuron"]
    spread: Float[Tensor, "row neuron"]
    """Squared deviation from the response's own mean."""
    active: Float[Tensor, "row neuron"] | None
    """Number of tokens with a positive value."""

    def to(self, device: torch.device) -> ResponseSums:
        """Return the sums on another device."""
        active = None if self.active is None else self.active.to(device)
        return ResponseSums(self.tokens.to(device), self.mean.to(device), self.spread.to(device), active)


def plan_tokens(mask: Bool[Tensor, "row token"], *, width: int, device: torch.device) -> TokenPlan:
    """Cut a batch into windows around the tokens that count, for layers of `width` neurons on a device."""
    # An accelerator takes the whole batch: it gains nothing from small windows and pays for every launch.
    share = max(1, torch.get_num_threads() // 2) * _CACHED_CELLS // width
    cells = share if device.type == "cpu" else mask.numel()
    return TokenPlan(
        windows=tuple(
            window._replace(keep=window.keep.to(device)) for window in _windows(mask.cpu(), max(1, cells))
        ),
        tokens=mask.sum(1).float().to(device),
    )


def _windows(mask: Bool[Tensor, "row token"], cells: int) -> Iterator[Window]:
    """Yield rectangles of consecutive rows, of at most `cells` tokens unless one row has more."""
    column = torch.arange(mask.shape[1])
    starts = torch.where(mask, column, mask.shape[1]).amin(1).tolist()
    stops = torch.where(mask, column + 1, 0).amax(1).tolist()
    first, low, high = 0, mask.shape[1], 0
    for row, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        wider = min(low, start), max(high, stop)
        if row > first and (row + 1 - first) * (wider[1] - wider[0]) > cells:
            yield from _window(mask, slice(first, row), slice(low, high))
            first, wider = row, (start, stop)
        low, high = wider
    yield from _window(mask, slice(first, mask.shape[0]), slice(low, high))


def _window(mask: Bool[Tensor, "row token"], rows: slice, columns: slice) -> Iterator[Window]:
    keep = mask[rows, columns]
    if keep.any():
        yield Window(rows, columns, keep[:, :, None], bool(keep.all()))


def sum_responses(
    values: Float[Tensor, "row token neuron"], plan: TokenPlan, *, count_active: bool
) -> ResponseSums:
    """Reduce the tokens of each response that count; what stands at the others is never looked at.

    The squared deviation is taken around the response's own mean, because a difference of sums of squares in
    single precision loses all digits of a small variance around a large mean. Sums and not matrix products,
    since the user's settings of torch may let those run in less than single precision.
    """
    shape = (values.shape[0], values.shape[2])
    mean, spread, active = (torch.zeros(shape, device=values.device) for _ in range(3))
    largest = max((window.keep.numel() for window in plan.windows), default=0)
    scratch = torch.empty(largest * shape[1], device=values.device)
    for rows, columns, keep, whole in plan.windows:
        read = values[rows, columns].float()
        work = scratch[: read.numel()].view(read.shape)
        if not whole:
            read = read.where(keep, 0.0)
        if count_active:
            torch.sum(torch.gt(read, 0, out=work), 1, out=active[rows])
        centre = torch.sum(read, 1, out=mean[rows]).div_(plan.tokens[rows, None].clamp(min=1))
        torch.sub(read, centre[:, None], out=work)
        if not whole:
            work.mul_(keep)
        torch.sum(work.square_(), 1, out=spread[rows])
    return ResponseSums(plan.tokens, mean, spread, active if count_active else None)


class Groups(NamedTuple):
    """Which group each response and each pair of a batch belongs to.

    Rows come in pairs: even rows answer under the positive, odd rows under the negative description. Groups
    are (swapped by the shuffled labelling or not) x (pole), and both labellings are unions of them.
    """

    response: Float64[Tensor, "group row"]
    """One where a response that has tokens is in a group: (kept, swapped) x (positive, negative)."""
    pair: Float64[Tensor, "group pair"]
    """The same for pairs: kept, swapped."""


def group_rows(tokens: Float[Tensor, " row"], swapped: Bool[Tensor, " pair"]) -> Groups:
    """Sort a batch's rows into groups; a response without tokens is in none, nor is its pair."""
    swapped = swapped.to(tokens.device)
    read = tokens.double() > 0
    sides = torch.stack([~swapped, swapped]) & (read[0::2] & read[1::2])
    member = (
        torch.stack([~swapped, swapped])[:, None, :, None]
        & torch.eye(2, device=tokens.device).bool()[:, None, :]
    )
    return Groups(response=(member.reshape(4, -1) & read).double(), pair=sides.double())


def token_moments(sums: ResponseSums, groups: Groups) -> Float64[Tensor, "3 group neuron"]:
    """Return moments over all tokens of each group's responses."""
    pooled = weighted_moments(sums.mean.double(), groups.response * sums.tokens.double())
    pooled[2] += groups.response @ sums.spread.double()
    return pooled


def weighted_moments(
    rows: Float64[Tensor, "row neuron"], weight: Float64[Tensor, "group row"]
) -> Float64[Tensor, "3 group neuron"]:
    """Return total weight, mean and squared deviation of each group's rows; a row is in one group at most."""
    total = weight.sum(1, keepdim=True)
    centre = (weight @ rows) / total.clamp(min=1)
    own = (weight > 0).to(rows.dtype).T @ centre
    return torch.stack([total.expand_as(centre), centre, weight @ (rows - own).square()])


def merge_moments(parts: Float64[Tensor, "part 3 *shape"]) -> Float64[Tensor, "3 *shape"]:
    """Merge packed count, mean and squared deviation of disjoint samples (Chan, Golub and LeVeque 1983)."""
    count, mean, spread = parts.unbind(dim=1)
    total = count.sum(0)
    centre = (count * mean).sum(0) / total.clamp(min=1)
    return torch.stack([total, centre, (spread + count * (mean - centre).square()).sum(0)])
