"""Prompts read once for many edits.

At the edit positions `generated` and `response` nothing before a prompt's last token is edited. What
attention keeps of those tokens (keys and values) is then the unedited model's under every edit, so that
scoring one more edit means reading each row's last prompt token and its answer, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

from valuelocate.model import LanguageModel, TokenBatch

Kept = Float[Tensor, "prompt _ column _"]


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptPrompts:
    """Keys and values of the prompts of a batch, each without its last token, padded on the left.

    Left padding lets every row's next token stand in the same column.
    """

    layers: tuple[tuple[Kept, Kept], ...]
    """Keys and values by layer; rows with the same prompt share them."""
    row_prompt: Int64[Tensor, " row"]
    """Which prompt each row of the batch has."""
    mask: Int64[Tensor, "row column"]

    @property
    def n_bytes(self) -> int:
        """Memory that is kept."""
        return sum(tensor.nbytes for layer in self.layers for tensor in layer)

    def forward(self, lm: LanguageModel, tail: TokenBatch) -> Float[Tensor, "row token out"]:
        """Return the logits of the rows' last prompt tokens and answers, under the edit in force."""
        tail = tail.to(lm.device)
        # A new cache each time, since the model appends to it.
        past = DynamicCache(
            [tuple(kept[self.row_prompt.to(kept.device)] for kept in layer) for layer in self.layers]
        )
        with _reading(lm, tail):
            output = lm.model(
                input_ids=tail.input_ids,
                attention_mask=torch.cat([self.mask.to(lm.device), tail.attention_mask], dim=1),
                position_ids=tail.position_ids,
                past_key_values=past,
                use_cache=True,
            )
        return output.logits


@torch.no_grad()
def keep_prompts(lm: LanguageModel, batch: TokenBatch) -> tuple[KeptPrompts, TokenBatch] | None:
    """Read the prompts of a batch up to their last tokens.

    Returns:
        What is kept, and the batch of what is left to read: a prompt of one token and the answer a row. None
        where the model keeps anything but plain keys and values (sliding windows, linear attention), is not
        told positions (ALiBi), or where no prompt is longer than a token.

    Raises:
        RuntimeError: an edit is in force.
    """
    if lm.edits_in_force:
        raise RuntimeError(
            "prompts are kept as the unedited model reads them; keep them outside the edit's `with`"
        )
    heads = [
        tuple(ids[: length - 1])
        for ids, length in zip(batch.input_ids.tolist(), batch.prompt_lengths.tolist(), strict=True)
    ]
    prompts = sorted(set(heads) - {()}, key=lambda ids: (len(ids), ids))
    if not prompts or not lm.takes_position_ids:
        return None
    layers = _read(lm, TokenBatch.build(prompts, [()] * len(prompts), lm.pad_id))
    if layers is None:
        return None
    number = {ids: place for place, ids in enumerate(prompts)}
    width = len(prompts[-1])
    # A row whose prompt is one token has nothing kept; its mask hides the prompt it is given here.
    lengths = torch.tensor([len(ids) for ids in heads])
    kept = KeptPrompts(
        layers=layers,
        row_prompt=torch.tensor([number.get(ids, 0) for ids in heads]),
        mask=(torch.arange(width) >= width - lengths[:, None]).long(),
    )
    return kept, _tail(lm, batch)


def _read(lm: LanguageModel, batch: TokenBatch) -> tuple[tuple[Kept, Kept], ...] | None:
    """Return the keys and values of prompts by layer, padded on the left; None if they are not plain."""
    batch = batch.to(lm.device)
    with _reading(lm, batch):
        output = lm.backbone(
            input_ids=batch.input_ids,
            attention_mask=batch.attention_mask,
            position_ids=batch.position_ids,
            use_cache=True,
        )
    cache = output.past_key_values
    layers = (
        [_plain(layer, batch.input_ids.shape) for layer in cache.layers]
        if type(cache) is DynamicCache
        else []
    )
    if not layers or None in layers:
        return None
    return tuple(
        (_to_left(kept[0], batch.prompt_lengths), _to_left(kept[1], batch.prompt_lengths))
        for kept in layers
        if kept
    )


def _plain(layer: object, shape: torch.Size) -> tuple[Kept, Kept] | None:
    """Return a cache layer's keys and values where it keeps one of each for every token."""
    # The very class: its children keep a window, an index or a compressed form.
    if type(layer) is not DynamicLayer or layer.keys is None or layer.values is None:
        return None
    kept = layer.keys, layer.values
    return kept if all((part.shape[0], part.shape[2]) == tuple(shape) for part in kept) else None


def _to_left(kept: Kept, lengths: Int64[Tensor, " prompt"]) -> Kept:
    """Move right padding to the left."""
    width = kept.shape[2]
    source = torch.arange(width, device=lengths.device) - (width - lengths[:, None])
    index = source.clamp(min=0).to(kept.device)[:, None, :, None].expand_as(kept)
    return kept.gather(2, index)


def _tail(lm: LanguageModel, batch: TokenBatch) -> TokenBatch:
    """Return a batch of each row's last prompt token and answer, at their positions in the whole row."""
    ids, before = batch.input_ids.tolist(), (batch.prompt_lengths - 1).tolist()
    ends = (batch.prompt_lengths + batch.answer_lengths).tolist()
    tail = TokenBatch.build(
        [row[start : start + 1] for row, start in zip(ids, before, strict=True)],
        [row[start + 1 : end] for row, start, end in zip(ids, before, ends, strict=True)],
        lm.pad_id,
    )
    positions = tail.position_ids + torch.tensor(before)[:, None]
    return replace(tail, position_ids=torch.where(tail.attention_mask.bool(), positions, 0))


@contextmanager
def _reading(lm: LanguageModel, batch: TokenBatch) -> Iterator[None]:
    """Tell hooks which positions a pass reads."""
    lm.reading, before = batch, lm.reading
    try:
        yield
    finally:
        lm.reading = before
