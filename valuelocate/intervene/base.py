"""What an intervention is, and the edit it makes of a set of neurons."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from torch import Tensor

from valuelocate.errors import UserError
from valuelocate.intervene.operators import LayerOperator
from valuelocate.locate.base import check_choice
from valuelocate.model import write_neurons
from valuelocate.model.positions import EDIT_POSITIONS, EditPositions
from valuelocate.neurons import NeuronSet, Site
from valuelocate.store import digest

if TYPE_CHECKING:
    from valuelocate.model import LanguageModel

Direction = Literal["towards", "away"]
"""`towards` the value's positive pole, or `away` from it, towards the negative one."""

Strength = float | Literal["dev"]
"""A dose, or `dev`: the largest dose that is usable on the dev split."""


@dataclass(frozen=True, kw_only=True)
class Edit:
    """A finished edit: what happens to which neurons, where and at which tokens."""

    operators: Mapping[int, LayerOperator]
    """By layer; layers that are not edited are absent."""
    site: Site
    positions: EditPositions
    fingerprint: str
    """Of the model whose neurons these are."""
    allow_other_model: bool = False

    @property
    def k(self) -> int:
        """Number of neurons it touches."""
        return sum(len(operator.columns) for operator in self.operators.values())

    def digest(self) -> str:
        """Return a hash of everything that decides what the edit does."""
        layers = {str(layer): operator.describe() for layer, operator in self.operators.items()}
        return digest(
            {
                "layers": layers,
                "site": self.site,
                "positions": self.positions,
                "fingerprint": self.fingerprint,
            }
        )

    @contextmanager
    def applied(self, lm: LanguageModel) -> Iterator[None]:
        """Edit the model while the `with` lasts; afterwards it is bit for bit what it was.

        Raises:
            UserError: the neurons are another model's and `allow_other_model` is off, or do not exist here.
        """
        self._check_model(lm)
        compiled = {layer: operator.compiled() for layer, operator in self.operators.items()}
        with write_neurons(lm, compiled, site=self.site, positions=self.positions):
            yield

    def _check_model(self, lm: LanguageModel) -> None:
        if lm.fingerprint != self.fingerprint and not self.allow_other_model:
            raise UserError(
                f"these neurons were selected in the model {self.fingerprint}, not in '{lm.name}' "
                f"({lm.fingerprint}); locate them here, or set intervene.allow_other_model=true"
            )
        for layer, operator in self.operators.items():
            if layer >= lm.n_layers or (len(operator.columns) and int(operator.columns.max()) >= lm.width):
                raise UserError(
                    f"the edit names neurons in layer {layer} that '{lm.name}' does not have (layers 0 to "
                    f"{lm.n_layers - 1}, neurons 0 to {lm.width - 1}); locate them in this model"
                )


class Intervention(ABC):
    """A rule that makes an edit of a set of neurons."""

    id: ClassVar[str]
    selection: ClassVar[Literal["ends", "magnitude"]]
    """How its neurons are selected."""
    strength: Strength
    positions: EditPositions
    allow_other_model: bool

    @property
    @abstractmethod
    def edit_site(self) -> Site:
        """Where it edits; its amplitudes come from the statistics of this site."""

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts of the edit that can be applied alone; none where it has one part only."""
        return ()

    def doses(self, grid: Sequence[float]) -> tuple[float, ...]:
        """Return the strengths of a grid at which this intervention has a meaning and an effect.

        Raises:
            UserError: none of them does.
        """
        return some_doses([float(strength) for strength in grid if strength > 0], grid)

    @abstractmethod
    def edit(
        self, neurons: NeuronSet, *, direction: Direction, strength: float, part: str | None = None
    ) -> Edit:
        """Return the edit that pushes the model in a direction.

        Args:
            neurons: the set; its poles say which neurons belong to which direction.
            direction: towards the value's positive pole, or away from it.
            strength: the dose, 0 or more.
            part: one of `parts`, or None for the whole.

        Raises:
            UserError: a strength, direction or part without meaning, a statistic that was not collected, or
                no neurons to push in this direction. The message names the config key.
        """


def check_settings(strength: Strength, positions: str, *, above_zero: bool = False) -> None:
    """Check what every intervention's config holds: a strength and positions.

    Raises:
        UserError: it names the config key.
    """
    check_choice("intervene.positions", positions, EDIT_POSITIONS)
    if strength != "dev":
        check_strength(strength, above_zero=above_zero)


def check_strength(strength: object, *, above_zero: bool = False) -> None:
    """Refuse what is not a finite number of 0 or more (or above 0).

    Raises:
        UserError: it names the config key.
    """
    limit = "above 0" if above_zero else "of 0 or more"
    if not isinstance(strength, int | float) or isinstance(strength, bool) or not math.isfinite(strength):
        raise UserError(f"intervene.strength={strength}: expected a number {limit}, or dev")
    if strength < 0 or (above_zero and strength == 0):
        hint = "; every study reports the direction 'away' beside 'towards'" if strength < 0 else ""
        raise UserError(f"intervene.strength={strength}: expected a number {limit}, or dev{hint}")


def check_request(intervention: Intervention, direction: str, part: str | None) -> None:
    """Refuse a direction or part that does not exist.

    Raises:
        UserError: it names what exists.
    """
    check_choice("direction", direction, get_args(Direction))
    if part is not None and part not in intervention.parts:
        known = ", ".join(intervention.parts) or "none"
        raise UserError(f"part={part}: this intervention's parts are: {known}")


def some_doses(doses: Sequence[float], grid: Sequence[float], rule: str = "above 0") -> tuple[float, ...]:
    """Return the doses, refusing none.

    Raises:
        UserError: it names the config key and the rule.
    """
    if not doses:
        raise UserError(f"evaluate.strengths={list(grid)}: this intervention needs one or more {rule}")
    return tuple(doses)


def members_of(neurons: NeuronSet, pole: int) -> NeuronSet:
    """Return S+ (pole 1) or S- (pole -1), refusing an empty set: the edit would silently do less than asked.

    Raises:
        UserError: the set has no such neurons.
    """
    members = neurons.of_pole(pole)
    if not len(members):
        raise UserError(
            f"the set of '{neurons.locator}' has no neurons of {'S+' if pole > 0 else 'S-'}, which this edit "
            f"needs; select more (select.share) or use another locator"
        )
    return members


def target_pole(direction: Direction) -> int:
    """Return the pole a direction pushes to: +1 or -1."""
    return 1 if direction == "towards" else -1


def by_layer(members: NeuronSet, parts: Mapping[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    """Split tensors over the members of a set into one mapping a layer, layers and neurons in order."""
    order = members.flat().argsort()
    layers, counts = members.layer[order].unique_consecutive(return_counts=True)
    pieces = {name: part[order].split(counts.tolist()) for name, part in parts.items()}
    return {
        layer: {name: piece[at] for name, piece in pieces.items()} for at, layer in enumerate(layers.tolist())
    }


def make_edit(
    intervention: Intervention, neurons: NeuronSet, *parts: Mapping[int, Mapping[str, Tensor]]
) -> Edit:
    """Join what happens to each layer into an edit of an intervention's site and positions."""
    layers = sorted({layer for part in parts for layer in part})
    joined = {layer: ChainMap(*(dict(part.get(layer, {})) for part in parts)) for layer in layers}
    return Edit(
        operators={layer: LayerOperator(**tensors) for layer, tensors in joined.items()},
        site=intervention.edit_site,
        positions=intervention.positions,
        fingerprint=neurons.fingerprint,
        allow_other_model=intervention.allow_other_model,
    )
