"""What an edit does to one layer's neurons: pure functions of a few columns of [row, neuron]."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor

Columns = Int64[Tensor, " column"]
Rows = Float[Tensor, "row neuron"]


def clamp_from_above(values: Float[Tensor, "row column"], chosen: Bool[Tensor, " column"]) -> Tensor:
    """Return min(x, 0) in the chosen columns, x in the others."""
    return torch.where(chosen, values.clamp(max=0), values)


def scale(values: Float[Tensor, "row column"], factor: Float[Tensor, " column"]) -> Tensor:
    """Return each column times its factor."""
    return values * factor


def add(values: Float[Tensor, "row column"], increment: Float[Tensor, " column"]) -> Tensor:
    """Return each column plus its increment."""
    return values + increment


def edit_columns(
    rows: Rows,
    columns: Columns,
    *,
    clamped: Bool[Tensor, " column"],
    factor: Float[Tensor, " column"],
    increment: Float[Tensor, " column"],
) -> Rows:
    """Clamp, then scale, then add in some columns of a copy; the other columns keep every bit.

    Half precision is computed in single and rounded once.
    """
    values = rows.index_select(1, columns).to(factor.dtype)
    values = add(scale(clamp_from_above(values, clamped), factor), increment)
    return rows.index_copy(1, columns, values.to(rows.dtype))


def _no_columns() -> Int64[Tensor, " 0"]:
    return torch.empty(0, dtype=torch.int64)


def _no_amounts() -> Float64[Tensor, " 0"]:
    return torch.empty(0, dtype=torch.float64)


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerOperator:
    """The edit of one layer: clamp some neurons from above at 0, scale some, add to some, in this order."""

    clamp: Int64[Tensor, " clamped"] = field(default_factory=_no_columns)
    scale: Int64[Tensor, " scaled"] = field(default_factory=_no_columns)
    scale_by: Float64[Tensor, " scaled"] = field(default_factory=_no_amounts)
    add: Int64[Tensor, " added"] = field(default_factory=_no_columns)
    add_by: Float64[Tensor, " added"] = field(default_factory=_no_amounts)
    """In units of the activation at the edit's site."""

    def __post_init__(self) -> None:
        for name, columns in (("clamp", self.clamp), ("scale", self.scale), ("add", self.add)):
            if len(columns.unique()) != len(columns):
                raise ValueError(f"a neuron stands twice in '{name}'")
        if len(self.scale) != len(self.scale_by) or len(self.add) != len(self.add_by):
            raise ValueError("scale and scale_by, add and add_by must be of one length")

    @property
    def columns(self) -> Columns:
        """The neurons it touches, in order."""
        return torch.cat([self.clamp, self.scale, self.add]).unique()

    def __call__(self, rows: Rows) -> Rows:
        """Return an edited copy of the rows."""
        return self.compiled()(rows)

    def compiled(self) -> Callable[[Rows], Rows]:
        """Return it as a function that keeps its constants on the device and in the type it meets."""
        columns = self.columns
        clamped = torch.isin(columns, self.clamp)
        factor = torch.ones(len(columns), dtype=torch.float64)
        factor[torch.searchsorted(columns, self.scale)] = self.scale_by
        increment = torch.zeros(len(columns), dtype=torch.float64)
        increment[torch.searchsorted(columns, self.add)] = self.add_by

        @cache
        def constants(device: torch.device, dtype: torch.dtype) -> dict[str, Tensor]:
            return {
                "columns": columns.to(device),
                "clamped": clamped.to(device),
                # The type first: not every device holds double precision.
                "factor": factor.to(dtype).to(device),
                "increment": increment.to(dtype).to(device),
            }

        def run(rows: Rows) -> Rows:
            computed_in = torch.promote_types(rows.dtype, torch.float32)
            return edit_columns(rows, **constants(rows.device, computed_in))

        return run

    def describe(self) -> dict[str, Any]:
        """Return its indices and amounts as plain lists."""
        return {name: tensor.tolist() for name, tensor in vars(self).items()}
