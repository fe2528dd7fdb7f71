"""What each intervention does to one layer's neurons, member by member from the equations."""

from __future__ import annotations

import math

import torch

from valuelocate.neurons import NeuronSet


def members(neurons: NeuronSet, layer: int, pole: int) -> list[int]:
    """Positions in the set of the members of a pole in a layer."""
    return [
        at for at in range(len(neurons)) if int(neurons.layer[at]) == layer and int(neurons.pole[at]) == pole
    ]


def valuelocate(
    rows: torch.Tensor,
    neurons: NeuronSet,
    layer: int,
    *,
    towards: bool,
    gamma: float,
    amplitude: str = "p",
    weighted: bool = True,
    keep: float = 0.9,
    with_targets_only: bool = False,
    clamp: bool = True,
    add: bool = True,
) -> torch.Tensor:
    """g_j <- min(g_j, 0) for j in S_o; g_i <- g_i + keep gamma A_i w(delta_i) for i in S_t."""
    pole = 1 if towards else -1
    targets, opposing = members(neurons, layer, pole), members(neurons, layer, -pole)
    edited = rows.clone()
    for row in range(len(rows)):
        for at in opposing if clamp and (targets or not with_targets_only) else []:
            column = int(neurons.neuron[at])
            edited[row, column] = min(float(edited[row, column]), 0.0)
        for at in targets if add else []:
            delta = float(neurons.columns["delta"][at])
            weight = 1 / (1 + math.exp(-10 * (abs(delta) - 0.15))) if weighted else 1.0
            size = float(neurons.columns[f"{amplitude}_{'pos' if towards else 'neg'}"][at])
            edited[row, int(neurons.neuron[at])] += keep * gamma * size * weight
    return edited


def scale(
    rows: torch.Tensor, neurons: NeuronSet, layer: int, *, towards: bool, factor: float
) -> torch.Tensor:
    edited = rows.clone()
    for at in members(neurons, layer, 1):
        edited[:, int(neurons.neuron[at])] *= factor if towards else 1 / factor
    return edited


def zero(rows: torch.Tensor, neurons: NeuronSet, layer: int, *, towards: bool) -> torch.Tensor:
    edited = rows.clone()
    for at in members(neurons, layer, -1 if towards else 1):
        edited[:, int(neurons.neuron[at])] = 0.0
    return edited


def shift(
    rows: torch.Tensor, neurons: NeuronSet, layer: int, *, towards: bool, gamma: float, site: str
) -> torch.Tensor:
    edited = rows.clone()
    for at in members(neurons, layer, 1) + members(neurons, layer, -1):
        step = gamma * float(neurons.columns[f"shift_{site}"][at])
        edited[:, int(neurons.neuron[at])] += step if towards else -step
    return edited
