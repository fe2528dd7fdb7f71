"""Token batches for teacher forcing: prompt and answer side by side, padded on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int64
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class TokenBatch:
    """Rows of prompt tokens followed by answer tokens.

    Padding is on the right, so that a row's positions do not depend on the rows beside it.
    """

    input_ids: Int64[Tensor, "batch token"]
    attention_mask: Int64[Tensor, "batch token"]
    position_ids: Int64[Tensor, "batch token"]
    prompt_lengths: Int64[Tensor, " batch"]
    answer_lengths: Int64[Tensor, " batch"]

    @staticmethod
    def build(prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]], pad_id: int) -> TokenBatch:
        """Pack rows of token ids; an answer may be empty, a prompt may not.

        Raises:
            ValueError: no rows, an empty prompt, or unequal numbers of prompts and answers.
        """
        if not prompts or len(prompts) != len(answers) or not all(len(prompt) for prompt in prompts):
            raise ValueError(
                f"a batch needs rows, each with a prompt of at least one token and an answer; found "
                f"{len(prompts)} prompts, {sum(not len(prompt) for prompt in prompts)} of them empty, and "
                f"{len(answers)} answers"
            )
        rows = [[*prompt, *answer] for prompt, answer in zip(prompts, answers, strict=True)]
        lengths = torch.tensor([len(row) for row in rows])
        width = int(lengths.max())
        input_ids = torch.tensor([row + [pad_id] * (width - len(row)) for row in rows])
        position = torch.arange(width).expand(len(rows), width)
        mask = position < lengths[:, None]
        return TokenBatch(
            input_ids=input_ids,
            attention_mask=mask.long(),
            position_ids=torch.where(mask, position, 0),
            prompt_lengths=torch.tensor([len(prompt) for prompt in prompts]),
            answer_lengths=torch.tensor([len(answer) for answer in answers]),
        )

    def __len__(self) -> int:
        return self.input_ids.shape[0]

    @property
    def n_tokens(self) -> int:
        """Number of tokens that are not padding."""
        return int(self.prompt_lengths.sum() + self.answer_lengths.sum())

    def to(self, device: torch.device | str) -> TokenBatch:
        """Return the batch on another device."""
        return TokenBatch(**{name: tensor.to(device) for name, tensor in vars(self).items()})
