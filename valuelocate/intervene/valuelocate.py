"""The edit of Su et al. 2025: silence the opposing neurons and raise the target ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal, get_args

import torch
from jaxtyping import Float64
from torch import Tensor

from valuelocate.errors import UserError
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
    target_pole,
)
from valuelocate.locate.base import check_choice
from valuelocate.model.positions import EditPositions
from valuelocate.neurons import NeuronSet, Site

Amplitude = Literal["p", "a95"]
Weighting = Literal["sigmoid", "none"]

_STEEPNESS, _MIDPOINT = 10.0, 0.15
"""Of the weight; NPTI's constants, with delta as a fraction."""


@dataclass(frozen=True, kw_only=True)
class ValueLocateIntervention(Intervention):
    """Clamp the opposing neurons and add to the target ones, at `gate_act`.

    With target set S_t, opposing set S_o and dose gamma:

        g_j <- min(g_j, 0)                               for j in S_o
        g_i <- g_i + keep * gamma * A_i * w(delta_i)     for i in S_t
        w(delta) = 1 / (1 + exp(-10 (|delta| - 0.15)))

    The paper's working code and NPTI (Deng et al. 2024) draw a mask that keeps 9 in 10 neurons at each step;
    here `keep` is its mean, so that the edit is deterministic. The clamp does not depend on gamma: strength 0
    is the clamp alone, not the unedited model.
    """

    id: ClassVar[str] = "valuelocate"

    selection: ClassVar[Literal["ends", "magnitude"]] = "ends"

    strength: Strength = "dev"
    """gamma; NPTI takes 0.6 to 1.5, the paper's working code 0.1 to 2."""
    positions: EditPositions = "response"
    """Tokens that are edited: generated, response, all."""
    amplitude: Amplitude = "p"
    """A: `p`, the activation probability under the pole pushed to, or `a95`, NPTI's 95th percentile."""
    weighting: Weighting = "sigmoid"
    """w: as above, or `none` for 1."""
    keep: float = 0.9
    """Mean of the mask."""
    clamp: bool = True
    """Whether opposing neurons are clamped."""
    layers_with_targets_only: bool = False
    """Whether clamps are left out in layers without a target neuron, as in NPTI's code."""
    allow_other_model: bool = False
    """Whether neurons of another model may be edited."""

    def __post_init__(self) -> None:
        check_settings(self.strength, self.positions)
        check_choice("intervene.amplitude", self.amplitude, get_args(Amplitude))
        check_choice("intervene.weighting", self.weighting, get_args(Weighting))
        if isinstance(self.keep, bool) or not isinstance(self.keep, int | float) or not 0 < self.keep <= 1:
            raise UserError(f"intervene.keep={self.keep}: expected a share above 0 and up to 1")

    @property
    def edit_site(self) -> Site:
        """Always `gate_act`, before the product with the up projection."""
        return "gate_act"

    @property
    def parts(self) -> tuple[str, ...]:
        """`clamp` and `add`, where there are both."""
        return ("clamp", "add") if self.clamp else ()

    def edit(
        self, neurons: NeuronSet, *, direction: Direction, strength: float, part: str | None = None
    ) -> Edit:
        """Return the edit; `towards` raises S+ and clamps S-, `away` the other way round.

        Raises:
            UserError: see `Intervention.edit`; among others no a95 was collected.
        """
        check_request(self, direction, part)
        check_strength(strength)
        pole = target_pole(direction)
        targets = members_of(neurons, pole)
        # A dose of 0 adds nothing; without the operators it is the very edit of the part "clamp".
        adds = self._increments(targets, pole, float(strength)) if part != "clamp" and strength > 0 else {}
        clamps = self._clamps(members_of(neurons, -pole), targets) if self.clamp and part != "add" else {}
        return make_edit(self, neurons, clamps, adds)

    def _increments(self, targets: NeuronSet, pole: int, strength: float) -> dict[int, dict[str, Tensor]]:
        side = "pos" if pole > 0 else "neg"
        try:
            amplitude = targets.column(f"{self.amplitude}_{side}")
        except UserError as error:
            raise UserError(f"intervene.amplitude={self.amplitude}: {error}") from error
        weight = sigmoid_weight(targets.column("delta")) if self.weighting == "sigmoid" else 1.0
        increment = self.keep * strength * amplitude * weight
        return by_layer(targets, {"add": targets.neuron, "add_by": increment})

    def _clamps(self, opposing: NeuronSet, targets: NeuronSet) -> dict[int, dict[str, Tensor]]:
        if self.layers_with_targets_only:
            opposing = opposing.where(torch.isin(opposing.layer, targets.layer))
        return by_layer(opposing, {"clamp": opposing.neuron})


def sigmoid_weight(delta: Float64[Tensor, " neuron"]) -> Float64[Tensor, " neuron"]:
    """Return 1 / (1 + exp(-10 (|delta| - 0.15))), the weight of NPTI (Deng et al. 2024)."""
    return torch.sigmoid(_STEEPNESS * (delta.abs() - _MIDPOINT))
