"""Which positions are read and which are edited, the same in teacher forcing and in generation.

A prompt has tokens x1..xm, an answer y1..yn. In decoding, the step that reads y_t yields the activation at
the position of y_t and predicts y_(t+1); the last sampled token is never read. So the answer positions are
those of y1..y(n-1), in both modes.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from jaxtyping import Bool
from torch import Tensor

from valuelocate.model.batch import TokenBatch

TokenSet = Literal["prompt", "response", "all"]
"""Tokens that statistics are taken over: `response` is where y1..y(n-1) are read; `all` is both."""

EditPositions = Literal["generated", "response", "all"]
"""`generated`: where y1..y(n-1) are read, so the first answer token is chosen unedited (NPTI, Deng et al.
2024); `response`: that and the last prompt position; `all`: every token."""

TOKEN_SETS: tuple[str, ...] = get_args(TokenSet)
EDIT_POSITIONS: tuple[str, ...] = get_args(EditPositions)


def token_mask(batch: TokenBatch, tokens: TokenSet) -> Bool[Tensor, "batch token"]:
    """Return where statistics are taken."""
    prompt, answer_read = _regions(batch)
    return {"prompt": prompt, "response": answer_read, "all": prompt | answer_read}[tokens]


def edit_mask(batch: TokenBatch, positions: EditPositions) -> Bool[Tensor, "batch token"]:
    """Return where an edit acts on a teacher-forced batch."""
    _, answer_read = _regions(batch)
    if positions == "generated":
        return answer_read
    if positions == "all":
        return batch.attention_mask.bool()
    last_prompt = _columns(batch) == batch.prompt_lengths[:, None] - 1
    return answer_read | last_prompt


def prefill_mask(
    rows: int, columns: int, positions: EditPositions, device: torch.device
) -> Bool[Tensor, "batch token"]:
    """Return where an edit acts while a left-padded prompt is read before generation."""
    mask = torch.full((rows, columns), positions == "all", dtype=torch.bool, device=device)
    if positions == "response":
        mask[:, -1] = True
    return mask


def _regions(batch: TokenBatch) -> tuple[Bool[Tensor, "batch token"], Bool[Tensor, "batch token"]]:
    column = _columns(batch)
    end_of_prompt = batch.prompt_lengths[:, None]
    last_read = end_of_prompt + batch.answer_lengths[:, None] - 1
    return column < end_of_prompt, (column >= end_of_prompt) & (column < last_read)


def _columns(batch: TokenBatch) -> Tensor:
    return torch.arange(batch.input_ids.shape[1], device=batch.input_ids.device)[None, :]
