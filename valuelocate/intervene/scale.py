"""Multiply the positive pole's neurons by a factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from valuelocate.intervene.base import (
    Direction,
    Edit,
    Intervention,
    Strength,
    by_layer,
    check_request,
    check_settings,
    check_strength,
    make_edit,
    members_of,
    some_doses,
)
from valuelocate.model.positions import EditPositions
from valuelocate.neurons import NeuronSet, Site


@dataclass(frozen=True, kw_only=True)
class ScaleIntervention(Intervention):
    """h_i <- s h_i for S+ when pushing towards the positive pole, h_i <- h_i / s when pushing away; s > 0.

    At every position it folds exactly into the down projection. A factor below 1 turns the directions round.
    """

    id: ClassVar[str] = "scale"

    selection: ClassVar[Literal["ends", "magnitude"]] = "ends"

    strength: Strength = "dev"
    """The factor s."""
    positions: EditPositions = "response"
    """Tokens that are edited: generated, response, all."""
    allow_other_model: bool = False
    """Whether neurons of another model may be edited."""

    def __post_init__(self) -> None:
        check_settings(self.strength, self.positions, above_zero=True)

    @property
    def edit_site(self) -> Site:
        """Always `mid`; scaling at `gate_act` comes to the same."""
        return "mid"

    def doses(self, grid: Sequence[float]) -> tuple[float, ...]:
        """Return the factors above 1; at 1 nothing happens, and below it the directions turn round."""
        return some_doses([float(factor) for factor in grid if factor > 1], grid, "above 1")

    def edit(
        self, neurons: NeuronSet, *, direction: Direction, strength: float, part: str | None = None
    ) -> Edit:
        """Return the edit of S+.

        Raises:
            UserError: see `Intervention.edit`.
        """
        check_request(self, direction, part)
        check_strength(strength, above_zero=True)
        members = members_of(neurons, 1)
        factor = float(strength) if direction == "towards" else 1 / strength
        factors = torch.full((len(members),), factor, dtype=torch.float64)
        return make_edit(self, neurons, by_layer(members, {"scale": members.neuron, "scale_by": factors}))
