"""What generating a batch needs beside the model: left padding, cutting at the end, how far it has got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass
class Generation:
    """How far a batch being generated has been read."""

    prompt_columns: int
    """Columns of the left-padded prompts."""
    columns_read: int = 0
    """Columns that finished forward passes have read, of the prompts and then of the answers."""


class Steps(NamedTuple):
    """What generation chose, and from what."""

    tokens: list[list[int]]
    logits: Float[Tensor, "batch step vocabulary"]


class LeftPadded(NamedTuple):
    """Prompts that end in one column, so that every row's next token stands in the same place."""

    input_ids: Int64[Tensor, "batch token"]
    attention_mask: Int64[Tensor, "batch token"]


def pad_left(prompts: Sequence[Sequence[int]], pad_id: int) -> LeftPadded:
    """Lay prompts out for generation."""
    width = max(len(prompt) for prompt in prompts)
    gaps = [width - len(prompt) for prompt in prompts]
    rows = [[pad_id] * gap + [*prompt] for gap, prompt in zip(gaps, prompts, strict=True)]
    mask = [[0] * gap + [1] * (width - gap) for gap in gaps]
    return LeftPadded(torch.tensor(rows), torch.tensor(mask))


def until_end(ids: Sequence[int], ends: Sequence[int]) -> list[int]:
    """Return tokens up to, and without, the first that ends an answer."""
    stop = next((index for index, token in enumerate(ids) if token in ends), len(ids))
    return list(ids[:stop])
