"""Order among neurons: by score or size, the same for tables and sets."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor

from valuelocate.locate.seeds import hashes
from valuelocate.neurons import NeuronScores

How = Literal["ends", "magnitude"]
"""`ends`: S+ from the top and S- from the bottom of the ranking; `magnitude`: the largest |score|, or for
scores of kind `effect` the largest score."""


class Budget(NamedTuple):
    """How many neurons are wanted; their sum where poles do not matter."""

    positive: int
    negative: int


class Chosen(NamedTuple):
    """Selected neurons (layer * width + neuron), best first within a pole, and their poles."""

    members: Int64[Tensor, " neuron"]
    pole: Int64[Tensor, " neuron"]


def choose(scores: NeuronScores, budget: Budget, *, how: How, seed: int) -> Chosen:
    """Return at most as many neurons as the budget wants; those of score zero are never among them."""
    return _ends(scores, budget, seed) if how == "ends" else _largest(scores, sum(budget), seed)


def ranked(
    keys: Float64[Tensor, "layer neuron"], scores: NeuronScores, seed: int
) -> Int64[Tensor, " in_scope"]:
    """Return the neurons in scope (layer * width + neuron), largest key first, ties by a seeded hash."""
    width = keys.shape[1]
    layers = scores.in_scope.nonzero()[:, 0]
    inside = (layers[:, None] * width + torch.arange(width)).reshape(-1).numpy()
    chosen = keys.reshape(-1).numpy()[inside]
    return torch.from_numpy(inside[np.lexsort((hashes(inside, "tie", seed), -chosen))])


def _ends(scores: NeuronScores, budget: Budget, seed: int) -> Chosen:
    order = ranked(scores.scores, scores, seed)
    value = scores.scores.reshape(-1)[order]
    top = order[value > 0][: budget.positive]
    bottom = order[value < 0].flip(0)[: budget.negative]
    return Chosen(torch.cat([top, bottom]), torch.cat([torch.ones_like(top), -torch.ones_like(bottom)]))


def _largest(scores: NeuronScores, count: int, seed: int) -> Chosen:
    keys = scores.scores.abs() if scores.kind == "activation" else scores.scores
    order = ranked(keys, scores, seed)
    members = order[keys.reshape(-1)[order] > 0][:count]
    return Chosen(members, scores.scores.reshape(-1)[members].sign().long())
