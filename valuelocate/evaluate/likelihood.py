"""Probabilities of given tokens: batches planned once, logits kept only at the positions that are needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool, Float, Float64, Int64
from torch import Tensor, nn

from valuelocate.evaluate.prompt_cache import KeptPrompts, keep_prompts
from valuelocate.model import LanguageModel, TokenBatch

LOGIT_BUDGET = 1 << 27
"""Most entries of kept logits in a batch (512 MB in single precision)."""


@dataclass(frozen=True, eq=False)
class Part:
    """A batch, and the place of its rows in the list they were planned from."""

    places: tuple[int, ...]
    batch: TokenBatch
    """Whole rows, or where prompts are kept, what is left of them to read."""
    kept: KeptPrompts | None = None

    def forward(self, lm: LanguageModel) -> Float[Tensor, "row token out"]:
        """Return the logits of the batch, under the edit in force."""
        return lm.forward(self.batch) if self.kept is None else self.kept.forward(lm, self.batch)


class AnswerLikelihood(NamedTuple):
    """What a model makes of given answers."""

    log_prob: Float64[Tensor, " row"]
    """Sum over the answer's tokens of log p(token | prompt, tokens before), in nats."""
    tokens: Int64[Tensor, " row"]


def plan_parts(
    lm: LanguageModel,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Sequence[int]],
    *,
    batch_tokens: int,
) -> tuple[Part, ...]:
    """Sort rows by length and cut them into right-padded batches of at most `batch_tokens` cells.

    A batch also keeps no more logits than `LOGIT_BUDGET`; a row that breaks a limit by itself stands alone.
    """
    vocabulary = int(lm.model.config.get_text_config().vocab_size)
    lengths = [len(prompt) + len(answer) for prompt, answer in zip(prompts, answers, strict=True)]
    groups: list[list[int]] = []
    kept = 0
    for place in sorted(range(len(prompts)), key=lambda place: (-lengths[place], place)):
        needed = max(1, len(answers[place])) * vocabulary
        # Longest first, so a group's first row sets its width.
        full = bool(groups) and (len(groups[-1]) + 1) * lengths[groups[-1][0]] > batch_tokens
        if not groups or full or kept + needed > LOGIT_BUDGET:
            groups.append([])
            kept = 0
        groups[-1].append(place)
        kept += needed
    return tuple(
        Part(
            tuple(group),
            TokenBatch.build([prompts[i] for i in group], [answers[i] for i in group], lm.pad_id),
        )
        for group in groups
    )


def with_kept_prompts(lm: LanguageModel, parts: Sequence[Part], *, most_bytes: int) -> tuple[Part, ...]:
    """Read the prompts of parts once and keep them, as far as they fit into `most_bytes`.

    Parts that do not fit, and all parts of a model whose cache is not plain, come back as they were.

    Raises:
        RuntimeError: an edit is in force.
    """
    done: list[Part] = []
    for part in parts:
        found = keep_prompts(lm, part.batch) if most_bytes > 0 else None
        if found is None or found[0].n_bytes > most_bytes:
            break
        most_bytes -= found[0].n_bytes
        done.append(Part(part.places, found[1], found[0]))
    return (*done, *parts[len(done) :])


@torch.no_grad()
def logits_at(lm: LanguageModel, part: Part, where: Bool[Tensor, "batch token"]) -> Float[Tensor, "kept out"]:
    """Return the logits of a teacher-forced batch at the marked positions, in row-major order.

    The rows are taken at the head's input, inside the model's own forward pass, so that whatever the model
    does after its head (scaling, soft capping) is done to them too.
    """
    flat = where.reshape(-1).nonzero()[:, 0]

    def keep(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        hidden = args[0]
        return (hidden.reshape(-1, hidden.shape[-1])[flat.to(hidden.device)][None], *args[1:])

    head = lm.model.get_output_embeddings()
    handle = None if head is None else head.register_forward_pre_hook(keep)
    try:
        logits = part.forward(lm)
    finally:
        if handle is not None:
            handle.remove()
    # A model without a head module of its own, or that does not call it, has computed every position.
    return logits[where.to(logits.device)] if logits.shape[:2] == where.shape else logits[0]


def answer_likelihoods(lm: LanguageModel, parts: Sequence[Part]) -> AnswerLikelihood:
    """Return the summed log-probability of each row's answer, in the order they were planned from."""
    count = sum(len(part.places) for part in parts)
    log_prob = torch.zeros(count, dtype=torch.float64)
    tokens = torch.zeros(count, dtype=torch.int64)
    for part in parts:
        places = torch.tensor(part.places)
        tokens[places] = part.batch.answer_lengths
        if part.batch.answer_lengths.any():
            log_prob[places] = _part_log_prob(lm, part)
    return AnswerLikelihood(log_prob, tokens)


def prompt_end_logits(lm: LanguageModel, part: Part) -> Float[Tensor, "row out"]:
    """Return the logits that choose the first answer token of each row of a batch."""
    column = torch.arange(part.batch.input_ids.shape[1])[None, :]
    return logits_at(lm, part, column == part.batch.prompt_lengths[:, None] - 1)


def _part_log_prob(lm: LanguageModel, part: Part) -> Float64[Tensor, " row"]:
    batch = part.batch
    column = torch.arange(batch.input_ids.shape[1])[None, :]
    # The token at a position is predicted one position before it.
    first = batch.prompt_lengths[:, None] - 1
    where = (column >= first) & (column < first + batch.answer_lengths[:, None])
    logits = logits_at(lm, part, where).float()
    rows, columns = where.nonzero(as_tuple=True)
    target = batch.input_ids[rows, columns + 1].to(logits.device)
    log_prob = logits.gather(1, target[:, None])[:, 0] - logits.logsumexp(1)
    total = torch.zeros(len(batch), dtype=torch.float64)
    return total.index_add(0, rows, log_prob.double().cpu())
