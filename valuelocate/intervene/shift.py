"""Add the difference of the poles' means to every selected neuron."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

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
    target_pole,
)
from valuelocate.locate.base import check_choice
from valuelocate.model.positions import EditPositions
from valuelocate.neurons import NeuronSet, Site

SHIFT_SITES: tuple[Site, ...] = ("mid", "gate_act")


@dataclass(frozen=True, kw_only=True)
class ShiftIntervention(Intervention):
    """h_j <- h_j + d gamma (mu+_j - mu-_j) for every selected neuron; d is 1 towards and -1 away (DPN-LE).

    mu is the mean over all collected tokens at the edit's site. A strength of 1 moves the selected neurons by
    the whole distance between the poles.
    """

    id: ClassVar[str] = "shift"

    selection: ClassVar[Literal["ends", "magnitude"]] = "magnitude"

    strength: Strength = "dev"
    """gamma."""
    positions: EditPositions = "response"
    """Tokens that are edited: generated, response, all."""
    site: Site = "mid"
    """mid or gate_act."""
    allow_other_model: bool = False
    """Whether neurons of another model may be edited."""

    def __post_init__(self) -> None:
        check_settings(self.strength, self.positions)
        check_choice("intervene.site", self.site, SHIFT_SITES)

    @property
    def edit_site(self) -> Site:
        """As configured."""
        return self.site

    def edit(
        self, neurons: NeuronSet, *, direction: Direction, strength: float, part: str | None = None
    ) -> Edit:
        """Return the edit of the whole set; strength 0 is the unedited model.

        Raises:
            UserError: see `Intervention.edit`.
        """
        check_request(self, direction, part)
        check_strength(strength)
        shift = target_pole(direction) * float(strength) * neurons.column(f"shift_{self.site}")
        adds = by_layer(neurons, {"add": neurons.neuron, "add_by": shift}) if strength > 0 else {}
        return make_edit(self, neurons, adds)
