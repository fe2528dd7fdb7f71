"""Collection: answers under both poles, then one teacher-forced pass that reads the neurons."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import torch
from jaxtyping import Bool
from lightning import Callback
from torch import Tensor

from valuelocate.collect.generation import GenerationSettings, Tokens, generate_answers
from valuelocate.collect.module import CollectionModule, ContrastBatch, ContrastData
from valuelocate.collect.pairs import ContrastPair
from valuelocate.collect.percentile import PercentileSettings
from valuelocate.collect.statistics import ContrastStatistics, from_tensors, to_tensors
from valuelocate.collect.trainer import TrainerSettings
from valuelocate.console import progress
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel, TokenBatch
from valuelocate.model.positions import TOKEN_SETS, TokenSet
from valuelocate.store import Draft, Store, digest

logger = logging.getLogger(__name__)


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
        return max(len(prompt) + len(answer) for prompt, answer in zip(self.prompts, self.answers, strict=True))


class Collection(NamedTuple):
    """What collecting gave, and what it is called in the store."""

    statistics: ContrastStatistics
    shuffled: ContrastStatistics
    data_hash: str
    """Of the answered pairs."""
    cost: Mapping[str, float]
    """Pairs, dropped pairs, tokens read, mean answer lengths by pole, seconds."""


@dataclass(frozen=True, kw_only=True)
class Collector:
    """How neurons are read."""

    tokens: TokenSet = "response"
    """Positions that count: response (the answer's, as the paper), prompt, or all."""
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    batch_tokens: int = 4096
    """Tokens in a teacher-forced batch, padding included."""
    percentile: PercentileSettings | None = None
    """Bins of the amplitude percentile; None: not collected, which is faster."""
    checkpoint_seconds: float = 60.0
    """Seconds between savings of an unfinished pass."""

    def __post_init__(self) -> None:
        if self.tokens not in TOKEN_SETS:
            raise UserError(f"collect.tokens={self.tokens}: expected one of {', '.join(TOKEN_SETS)}")
        if self.batch_tokens < 1:
            raise UserError(f"collect.batch_tokens={self.batch_tokens}: must be at least 1")

    def collect(
        self,
        lm: LanguageModel,
        pairs: Sequence[ContrastPair],
        *,
        layers: Sequence[int],
        trainer: TrainerSettings,
        store: Store,
        seed: int,
    ) -> Collection:
        """Return the statistics of every neuron of `layers` under the two poles, from the store where they are.

        Raises:
            UserError: no pair has two answers to read.
        """
        answered = self.answer(lm, pairs, store=store)
        readable = [pair for pair in answered if self.tokens == "prompt" or pair.readable]
        if not readable:
            raise UserError("collect: every answer is empty or of one token, so there is nothing to read; does the model answer at all?")
        if len(readable) < len(answered):
            logger.warning("%d of %d questions are left out: an answer has fewer than two tokens", len(answered) - len(readable), len(answered))
        batches = batch_pairs(readable, batch_tokens=self.batch_tokens, pad_id=lm.pad_id, seed=seed)
        data_hash = digest([[row.prompts, row.answers] for row in readable])[:16]
        parts: dict[str, Any] = {
            "model": lm.fingerprint,
            "dtype": str(lm.dtype),
            "data": data_hash,
            "tokens": self.tokens,
            "layers": list(layers),
            "batch_tokens": self.batch_tokens,
            "percentile": asdict(self.percentile) if self.percentile else None,
            "seed": seed,
        }

        def make(draft: Draft) -> None:
            started = time.perf_counter()
            module = CollectionModule(
                lm,
                tokens=self.tokens,
                layers=layers,
                percentile=self.percentile,
                checkpoint=store.scratch("statistics", parts, "state"),
                checkpoint_seconds=self.checkpoint_seconds,
                result=draft.folder / "tensors.safetensors",
            )
            total = sum(batch.tokens.n_tokens for batch in batches)
            with progress("reading neurons", total=total, unit="tokens") as advance:
                run = trainer.build([_Advance(advance)])
                run.predict(module, datamodule=ContrastData(batches), return_predictions=False)
            seconds = time.perf_counter() - started
            draft.json(_cost(answered, readable, total, seconds), name="cost")
            module.finish()

        entry = store.get_or_make("statistics", parts, make)
        found = from_tensors(entry.tensors())
        return Collection(found["true"], found["shuffled"], data_hash, entry.json("cost"))

    def answer(self, lm: LanguageModel, pairs: Sequence[ContrastPair], *, store: Store) -> list[AnsweredPair]:
        """Let the model answer every question under its two descriptions."""
        prompts = [
            lm.prompt_ids(pair.question.text, description=description.text)
            for pair in pairs
            for description in (pair.positive, pair.negative)
        ]
        answers = generate_answers(lm, prompts, self.generation, store=store, label="answering under both poles")
        return [
            AnsweredPair(pair, (prompts[2 * i], prompts[2 * i + 1]), (answers[2 * i], answers[2 * i + 1]))
            for i, pair in enumerate(pairs)
        ]


def batch_pairs(pairs: Sequence[AnsweredPair], *, batch_tokens: int, pad_id: int, seed: int) -> list[ContrastBatch]:
    """Lay pairs out in batches of like length, at most `batch_tokens` with padding, longest first."""
    return [
        ContrastBatch(
            tokens=TokenBatch.build(
                [prompt for row in group for prompt in row.prompts], [answer for row in group for answer in row.answers], pad_id
            ),
            swapped=_swaps(group, seed),
        )
        for group in _groups(sorted(pairs, key=lambda row: (-row.length, row.pair.question.id)), batch_tokens)
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


def _swaps(group: Sequence[AnsweredPair], seed: int) -> Bool[Tensor, " pair"]:
    return torch.tensor([row.pair.swapped(seed) for row in group])


def _cost(answered: Sequence[AnsweredPair], readable: Sequence[AnsweredPair], tokens: int, seconds: float) -> dict[str, float]:
    def mean(pole: int) -> float:
        return sum(len(row.answers[pole]) for row in readable) / len(readable)

    return {
        "pairs": len(readable),
        "dropped_pairs": len(answered) - len(readable),
        "tokens": tokens,
        "seconds": seconds,
        "mean_answer_tokens_positive": mean(0),
        "mean_answer_tokens_negative": mean(1),
    }


class _Advance(Callback):
    """Moves a progress bar by the tokens of each batch."""

    def __init__(self, advance: Any) -> None:
        self._advance = advance

    def on_predict_batch_end(self, trainer: Any, module: Any, outputs: Any, batch: ContrastBatch, *rest: Any) -> None:
        self._advance(batch.tokens.n_tokens * trainer.world_size)
