"""Answered pairs and how they are laid out in batches for the pass that reads neurons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool
from torch import Tensor

from valuelocate.collect.pairs import ContrastPair
from valuelocate.model import TokenBatch

Tokens = list[int]


class AnsweredPair(NamedTuple):
    """A pair with its prompts and the model's answers, as tokens; positive first."""

    pair: ContrastPair
    prompts: tuple[Tokens, Tokens]
    answers: tuple[Tokens, Tokens]

    @property
    def readable(self) -> bool:
        """Whether both answers have a token that is read (y1..y(n-1))."""
        return all(len(answer) > 1 for answer in self.answers)

    @property
    def length(self) -> int:
        """Tokens of the longer row."""
        return max(
            len(prompt) + len(answer) for prompt, answer in zip(self.prompts, self.answers, strict=True)
        )


@dataclass(frozen=True, kw_only=True)
class ContrastBatch:
    """Pairs of answered prompts: even rows under the positive, odd rows under the negative description."""

    tokens: TokenBatch
    swapped: Bool[Tensor, " pair"]
    """Pairs whose poles the shuffled labelling swaps."""


@dataclass(frozen=True, kw_only=True)
class BatchPlan:
    """One batch as plain numbers: thousands of them cross over to spawned processes, where tensors would each
    take a file handle."""

    prompts: tuple[Tokens, ...]
    answers: tuple[Tokens, ...]
    swapped: tuple[bool, ...]

    @property
    def n_tokens(self) -> int:
        """Number of tokens that are not padding."""
        return sum(map(len, self.prompts)) + sum(map(len, self.answers))

    @property
    def n_positions(self) -> int:
        """Number of tokens with padding."""
        return len(self.prompts) * max(
            len(prompt) + len(answer) for prompt, answer in zip(self.prompts, self.answers, strict=True)
        )

    def build(self, pad_id: int) -> ContrastBatch:
        """Pack the batch into tensors."""
        return ContrastBatch(
            tokens=TokenBatch.build(self.prompts, self.answers, pad_id), swapped=torch.tensor(self.swapped)
        )


def plan_pairs(pairs: Sequence[AnsweredPair], *, batch_tokens: int, seed: int) -> list[BatchPlan]:
    """Lay pairs out in batches of like length, at most `batch_tokens` with padding, longest first."""
    ordered = sorted(pairs, key=lambda row: (-row.length, row.pair.question.id))
    return [
        BatchPlan(
            prompts=tuple(prompt for row in group for prompt in row.prompts),
            answers=tuple(answer for row in group for answer in row.answers),
            swapped=tuple(row.pair.swapped(seed) for row in group),
        )
        for group in _groups(ordered, batch_tokens)
    ]


def _groups(ordered: Sequence[AnsweredPair], batch_tokens: int) -> Iterator[list[AnsweredPair]]:
    group: list[AnsweredPair] = []
    for pair in ordered:
        # The first pair of a group is its longest, so it sets the padded width.
        if group and 2 * (len(group) + 1) * group[0].length > batch_tokens:
            yield group
            group = []
        group.append(pair)
    if group:
        yield group
