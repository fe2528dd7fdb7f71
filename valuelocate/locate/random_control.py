"""The random control of a selected set: as many neurons in every layer, with the same amplitudes."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from valuelocate.errors import UserError
from valuelocate.locate.seeds import generator
from valuelocate.neurons import NeuronSet


def random_matched(neurons: NeuronSet, *, seed: int, draw: int) -> NeuronSet:
    """Return random neurons that take the places of a set's members.

    Every member is replaced by a neuron of its own layer, drawn without replacement, which takes over its
    pole and all its columns; so each layer keeps its numbers of S+ and S- and its amplitudes, in random
    order. Layers without members stay without, which keeps the scope. A layer's neurons are drawn outside
    S+ and S- where that leaves twice as many as are wanted, else outside S+ only. The same holds for sets
    selected by magnitude, whose pole is the sign of the score.

    Args:
        neurons: the set to match.
        seed: of the study.
        draw: number of the draw; draws are independent of each other.

    Raises:
        UserError: a layer has too few neurons outside S+.
    """
    source = generator("random_matched", seed, draw, neurons.locator, neurons.value)
    drawn = torch.empty_like(neurons.neuron)
    outside_positive_only = []
    for layer in neurons.layer.unique().tolist():
        members = neurons.layer == layer
        pool, overlaps = _pool(neurons, members, layer)
        if overlaps:
            outside_positive_only.append(layer)
        count = int(members.sum())
        drawn[members] = pool[torch.randperm(len(pool), generator=source)[:count]]
    notes = {"matched_to": neurons.locator, "seed": str(seed), "draw": str(draw)}
    if outside_positive_only:
        notes["outside_positive_only"] = ",".join(str(layer) for layer in outside_positive_only)
    return replace(neurons, neuron=drawn, locator="random_matched", notes={**neurons.notes, **notes})


def _pool(
    neurons: NeuronSet, members: Bool[Tensor, " neuron"], layer: int
) -> tuple[Int64[Tensor, " candidate"], bool]:
    """Return the neurons of a layer to draw from, and whether they may belong to S-."""
    count = int(members.sum())
    outside_both = _complement(neurons.neuron[members], neurons.width)
    if len(outside_both) >= 2 * count:
        return outside_both, False
    outside_positive = _complement(neurons.neuron[members & (neurons.pole > 0)], neurons.width)
    if len(outside_positive) >= count:
        return outside_positive, True
    raise UserError(
        f"random control: layer {layer} has {neurons.width} neurons, {count} of them selected: too few are "
        f"left to draw as many at random; select fewer (e.g. a smaller select.share)"
    )


def _complement(taken: Int64[Tensor, " taken"], width: int) -> Int64[Tensor, " free"]:
    free = torch.ones(width, dtype=torch.bool)
    free[taken] = False
    return free.nonzero()[:, 0]
