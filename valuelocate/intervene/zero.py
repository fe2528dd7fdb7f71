"""Set one pole's neurons to zero."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch

from valuelocate.errors import UserError
from valuelocate.intervene.base import (
    Direction,
    Edit,
    Intervention,
    Strength,
    by_layer,
    check_request,
    check_settings,
    make_edit,
    members_of,
    target_pole,
)
from valuelocate.model.positions import EditPositions
from valuelocate.neurons import NeuronSet, Site


@dataclass(frozen=True, kw_only=True)
class ZeroIntervention(Intervention):
    """h_j <- 0, for S- when pushing towards the positive pole and for S+ when pushing away.

    There is one dose: `strength` has no effect and must be 1, or dev, which is then 1.
    """

    id: ClassVar[str] = "zero"

    selection: ClassVar[Literal["ends", "magnitude"]] = "ends"

    strength: Strength = "dev"
    """Not used; 1 or dev."""
    positions: EditPositions = "response"
    """Tokens that are edited: generated, response, all."""
    allow_other_model: bool = False
    """Whether neurons of another model may be edited."""

    def __post_init__(self) -> None:
        check_settings(self.strength, self.positions)
        if self.strength != "dev":
            _check_one(self.strength)

    @property
    def edit_site(self) -> Site:
        """Always `mid`; zero at `gate_act` comes to the same."""
        return "mid"

    def doses(self, grid: Sequence[float]) -> tuple[float, ...]:
        """Return the one dose, whatever the grid."""
        return (1.0,)

    def edit(
        self, neurons: NeuronSet, *, direction: Direction, strength: float, part: str | None = None
    ) -> Edit:
        """Return the edit of the pole that is pushed away from.

        Raises:
            UserError: see `Intervention.edit`; among others a strength other than 1.
        """
        check_request(self, direction, part)
        _check_one(strength)
        members = members_of(neurons, -target_pole(direction))
        factor = torch.zeros(len(members), dtype=torch.float64)
        return make_edit(self, neurons, by_layer(members, {"scale": members.neuron, "scale_by": factor}))


def _check_one(strength: object) -> None:
    if strength != 1:
        raise UserError(f"intervene.strength={strength}: intervene=zero has one dose; leave it at 1 or dev")
