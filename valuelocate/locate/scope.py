"""Which layers neurons may be selected from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from valuelocate.errors import UserError
from valuelocate.locate.base import check_choice

Third = Literal["early", "middle", "late"]


class Scope(ABC):
    """A rule that picks layers of a model of any depth."""

    @abstractmethod
    def mask(self, n_layers: int) -> Bool[Tensor, " layer"]:
        """Return which layers are in scope, at least one.

        Raises:
            UserError: a layer that does not exist, or none in scope; the message names the config key.
        """


@dataclass(frozen=True, kw_only=True)
class AllLayers(Scope):
    """Every layer."""

    def mask(self, n_layers: int) -> Bool[Tensor, " layer"]:
        """Return all layers."""
        return torch.ones(n_layers, dtype=torch.bool)


@dataclass(frozen=True, kw_only=True)
class LayerThird(Scope):
    """The early, middle or late third of the depth; a layer lies where its midpoint lies."""

    third: Third

    def __post_init__(self) -> None:
        check_choice("scope.third", self.third, get_args(Third))

    def mask(self, n_layers: int) -> Bool[Tensor, " layer"]:
        """Return the layers of the third."""
        # In whole numbers: layer + 1/2 over n_layers may fall exactly on a third.
        third = 3 * (2 * torch.arange(n_layers) + 1) // (2 * n_layers)
        return _some(third == get_args(Third).index(self.third), f"scope={self.third}", n_layers)


@dataclass(frozen=True, kw_only=True)
class LayerList(Scope):
    """Layers by number, from 0."""

    layers: Sequence[int]

    def __post_init__(self) -> None:
        if not isinstance(self.layers, list | tuple) or not all(type(layer) is int for layer in self.layers):
            raise UserError(f"scope.layers={self.layers}: expected layer numbers, e.g. scope.layers=[3,4]")
        if not self.layers:
            raise UserError("scope.layers is empty: name the layers, e.g. scope.layers=[3,4]")

    def mask(self, n_layers: int) -> Bool[Tensor, " layer"]:
        """Return the named layers."""
        missing = sorted({layer for layer in self.layers if not 0 <= layer < n_layers})
        if missing:
            known = f"the model has layers 0 to {n_layers - 1}"
            raise UserError(f"scope.layers={list(self.layers)}: {known}, not {missing}")
        chosen = torch.zeros(n_layers, dtype=torch.bool)
        chosen[list(self.layers)] = True
        return chosen


@dataclass(frozen=True, kw_only=True)
class LayerFraction(Scope):
    """Layers whose midpoint lies between two shares of the depth, the lower bound included."""

    lower: float
    upper: float

    def __post_init__(self) -> None:
        for key, share in (("scope.from", self.lower), ("scope.to", self.upper)):
            if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
                raise UserError(f"{key}={share}: expected a share of the depth between 0 and 1")
        if self.lower >= self.upper:
            raise UserError(f"scope.from={self.lower} must be below scope.to={self.upper}")

    def mask(self, n_layers: int) -> Bool[Tensor, " layer"]:
        """Return the layers between the bounds."""
        depth = (torch.arange(n_layers, dtype=torch.float64) + 0.5) / n_layers
        chosen = (depth >= self.lower) & (depth < self.upper)
        return _some(chosen, f"scope.from={self.lower} scope.to={self.upper}", n_layers)


def layer_fraction(**bounds: float) -> LayerFraction:
    """Build a `LayerFraction` from the config keys `from` and `to`; `from` is no name for a Python field.

    Raises:
        UserError: a key that is missing or unknown, or bounds out of order.
    """
    if set(bounds) != {"from", "to"}:
        found = ", ".join(sorted(bounds)) or "neither"
        raise UserError(f"scope=fraction takes scope.from and scope.to; found {found}")
    return LayerFraction(lower=bounds["from"], upper=bounds["to"])


def _some(chosen: Bool[Tensor, " layer"], key: str, n_layers: int) -> Bool[Tensor, " layer"]:
    if not chosen.any():
        raise UserError(f"{key}: none of the model's {n_layers} layers lies there; widen it or use scope=all")
    return chosen
