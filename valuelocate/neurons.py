"""Neurons and what is known of them: scores over all neurons, and selected sets.

A neuron is (layer, index into the FFN's inner vector). Every score, set and file names the site at which it
was measured, the model's fingerprint and the hash of the data, since libraries call four different tensors
"the neuron" and their signs and scales differ.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float64, Int64
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from valuelocate.errors import UserError

Site = Literal["gate_act", "mid", "up", "preact"]
"""`gate_act`: after the activation, before the product; `mid`: input of the down projection; `up`: output of
the up projection; `preact`: before the activation. In a plain FFN `gate_act` and `mid` are one tensor."""

SITES: tuple[str, ...] = get_args(Site)
ScoreKind = Literal["activation", "effect"]
"""`activation`: how the neuron behaves under the two poles; `effect`: what it does to the target."""

Neurons = Int64[Tensor, " neuron"]
Column = Float64[Tensor, " neuron"]

_METADATA_KEY = "valuelocate"
_COLUMN = "column."
_INDEX_FIELDS = ("layer", "neuron", "pole")
_META_FIELDS = (
    "n_layers",
    "width",
    "locator",
    "value",
    "score_site",
    "fingerprint",
    "data_hash",
    "k_requested",
)


@dataclass(frozen=True, kw_only=True)
class NeuronScores:
    """A signed score for every neuron; larger = more towards the value's positive pole."""

    scores: Float64[Tensor, "layer neuron"]
    in_scope: Bool[Tensor, " layer"]
    """Layers that may be selected from."""
    site: Site
    locator: str
    kind: ScoreKind
    value: str
    """Id of the value."""
    fingerprint: str
    """Of the model."""
    data_hash: str

    def __post_init__(self) -> None:
        if self.scores.ndim != 2 or self.in_scope.shape != self.scores.shape[:1]:
            raise ValueError(
                f"scores must be [layer, neuron] and in_scope [layer]; found {tuple(self.scores.shape)} "
                f"and {tuple(self.in_scope.shape)}"
            )
        if not torch.isfinite(self.scores).all():
            raise ValueError(f"locator '{self.locator}' gave scores that are not finite")

    @property
    def n_in_scope(self) -> int:
        """Number of neurons in scope."""
        return int(self.in_scope.sum()) * self.scores.shape[1]


@dataclass(frozen=True, kw_only=True)
class NeuronSet:
    """Selected neurons with their pole and the statistics that edits need.

    `columns` always holds score, delta (p+ - p-), p_pos, p_neg, and the mean differences shift_mid and
    shift_gate_act; a95_pos and a95_neg (95th percentiles) only where they were collected.
    """

    layer: Neurons
    neuron: Neurons
    pole: Int64[Tensor, " neuron"]
    """+1: the neuron belongs to the positive pole's set S+; -1: to S-."""
    columns: Mapping[str, Column]
    n_layers: int
    width: int
    """Neurons in a layer."""
    locator: str
    value: str
    score_site: Site
    fingerprint: str
    data_hash: str
    k_requested: int
    notes: Mapping[str, str] = field(default_factory=dict)
    """Whatever a reader of the file should know, e.g. the draw of a random control."""

    def __post_init__(self) -> None:
        sizes = {len(self.layer), len(self.neuron), len(self.pole), *(len(c) for c in self.columns.values())}
        if len(sizes) > 1:
            raise ValueError(f"layer, neuron, pole and columns must be of one length; found {sorted(sizes)}")
        for name, index, limit in (("layer", self.layer, self.n_layers), ("neuron", self.neuron, self.width)):
            if len(index) and not 0 <= int(index.min()) <= int(index.max()) < limit:
                raise ValueError(
                    f"{name} must lie between 0 and {limit - 1}; found {index.min()} to {index.max()}"
                )
        if not (self.pole.abs() == 1).all():
            raise ValueError(f"pole must be 1 or -1; found {self.pole.unique().tolist()}")
        flat = self.flat()
        if len(flat.unique()) != len(flat):
            raise ValueError("a neuron set holds a neuron twice")

    def __len__(self) -> int:
        return len(self.layer)

    @property
    def k_effective(self) -> int:
        """Number of neurons in the set; below `k_requested` where scores of exactly zero were left out."""
        return len(self)

    def flat(self) -> Neurons:
        """Return layer * width + neuron for every member."""
        return self.layer * self.width + self.neuron

    def column(self, name: str) -> Column:
        """Return a statistic of the members.

        Raises:
            UserError: it was not collected; the message says what to turn on.
        """
        if name not in self.columns:
            remedy = "use collect=percentile" if name.startswith("a95") else "collect it first"
            raise UserError(
                f"the neuron set of '{self.locator}' has no statistic '{name}' ({remedy}); "
                f"it has {', '.join(sorted(self.columns))}"
            )
        return self.columns[name]

    def where(self, keep: Bool[Tensor, " neuron"]) -> NeuronSet:
        """Return the members for which `keep` holds."""
        return replace(
            self,
            layer=self.layer[keep],
            neuron=self.neuron[keep],
            pole=self.pole[keep],
            columns={name: column[keep] for name, column in self.columns.items()},
        )

    def of_pole(self, pole: int) -> NeuronSet:
        """Return S+ (pole = 1) or S- (pole = -1)."""
        return self.where(self.pole == pole)

    def per_layer(self) -> Int64[Tensor, " layer"]:
        """Return how many members each layer has."""
        return torch.bincount(self.layer, minlength=self.n_layers)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file: the index and every column as tensors, the rest as JSON metadata."""
        tensors = {name: getattr(self, name).contiguous() for name in _INDEX_FIELDS}
        tensors |= {f"{_COLUMN}{name}": column.contiguous() for name, column in self.columns.items()}
        meta = {name: getattr(self, name) for name in _META_FIELDS} | {"notes": dict(self.notes)}
        save_file(tensors, str(path), metadata={_METADATA_KEY: json.dumps(meta, sort_keys=True)})

    @staticmethod
    def load(path: str | Path) -> NeuronSet:
        """Read a file written by `save`.

        Raises:
            UserError: no such file, not a safetensors file, or without our metadata.
        """
        try:
            with safe_open(str(path), framework="pt") as file:
                meta = json.loads((file.metadata() or {})[_METADATA_KEY])
                tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
            index = {name: tensors.pop(name) for name in _INDEX_FIELDS}
            columns = {key.removeprefix(_COLUMN): tensor for key, tensor in tensors.items()}
            return NeuronSet(**index, columns=columns, **meta)
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise UserError(f"'{path}' is not a neuron set written by valuelocate: {error}") from error
