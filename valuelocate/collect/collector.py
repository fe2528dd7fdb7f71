"""Collection: answers under both poles, then one teacher-forced pass that reads the neurons."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from valuelocate.collect.batches import AnsweredPair, Tokens, plan_pairs
from valuelocate.collect.generation import GenerationSettings, generate_answers
from valuelocate.collect.pairs import ContrastPair
from valuelocate.collect.percentile import PercentileSettings
from valuelocate.collect.reading import Reading
from valuelocate.collect.statistics import ContrastStatistics, from_tensors
from valuelocate.collect.trainer import TrainerSettings
from valuelocate.costs import CostMeter
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel
from valuelocate.model.positions import TOKEN_SETS, TokenSet
from valuelocate.store import Store, digest

logger = logging.getLogger(__name__)


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
        if self.checkpoint_seconds < 0:
            raise UserError(f"collect.checkpoint_seconds={self.checkpoint_seconds}: must be at least 0")

    def collect(
        self,
        lm: LanguageModel,
        pairs: Sequence[ContrastPair],
        *,
        layers: Sequence[int],
        trainer: TrainerSettings,
        store: Store,
        seed: int,
        meter: CostMeter | None = None,
    ) -> Collection:
        """Return the statistics of every neuron of `layers` under both poles, from the store where they are.

        Args:
            lm: the model.
            pairs: questions under both poles.
            layers: layers to read; the others are zero in the statistics.
            trainer: the processes of the pass.
            store: where answers and statistics are kept.
            seed: of the shuffled labelling.
            meter: told what processes started for the pass have run, which it cannot see itself.

        Raises:
            UserError: no pair has two answers to read, the trainer cannot take the model, or the model gives
                values that are not finite.
        """
        answered = self.answer(lm, pairs, store=store)
        readable = [pair for pair in answered if self.tokens == "prompt" or pair.readable]
        if not readable:
            raise UserError(
                f"collect: each of {len(answered)} pairs has an answer of fewer than two tokens, so nothing "
                "can be read. Does the model answer at all? collect.tokens=prompt reads the prompts alone"
            )
        if len(readable) < len(answered):
            logger.warning(
                "%d of %d questions are left out: an answer has fewer than two tokens",
                len(answered) - len(readable),
                len(answered),
            )
        data_hash = digest([[row.pair.question.id, row.prompts, row.answers] for row in readable])[:16]
        batches = plan_pairs(readable, batch_tokens=self.batch_tokens, seed=seed)
        reading = Reading(
            lm=lm,
            batches=batches,
            tokens=self.tokens,
            layers=sorted(set(layers)),
            percentile=self.percentile,
            checkpoint_seconds=self.checkpoint_seconds,
            settings=trainer,
            store=store,
            parts=self._parts(lm, data_hash, layers, seed),
            cost=_cost(answered, readable, sum(batch.n_tokens for batch in batches)),
            meter=meter,
        )
        entry = reading.entry()
        found = from_tensors(entry.tensors())
        return Collection(found["true"], found["shuffled"], data_hash, entry.json("cost"))

    def _parts(self, lm: LanguageModel, data_hash: str, layers: Sequence[int], seed: int) -> dict[str, Any]:
        return {
            "model": lm.fingerprint,
            "dtype": str(lm.dtype),
            "data": data_hash,
            "tokens": self.tokens,
            "layers": sorted(set(layers)),
            "batch_tokens": self.batch_tokens,
            "percentile": asdict(self.percentile) if self.percentile else None,
            "seed": seed,
        }

    def answer(self, lm: LanguageModel, pairs: Sequence[ContrastPair], *, store: Store) -> list[AnsweredPair]:
        """Let the model answer every question under its two descriptions.

        The answers are left empty where the prompts alone are read, which do not depend on what follows them.
        """
        prompts = [
            lm.prompt_ids(pair.question.text, description=description.text)
            for pair in pairs
            for description in (pair.positive, pair.negative)
        ]
        if self.tokens == "prompt":
            answers: list[Tokens] = [[] for _ in prompts]
        else:
            answers = generate_answers(
                lm, prompts, self.generation, store=store, label="answering under both poles"
            )
        return [
            AnsweredPair(pair, (prompts[2 * i], prompts[2 * i + 1]), (answers[2 * i], answers[2 * i + 1]))
            for i, pair in enumerate(pairs)
        ]


def _cost(
    answered: Sequence[AnsweredPair], readable: Sequence[AnsweredPair], tokens: int
) -> dict[str, float]:
    def mean(pole: int) -> float:
        return sum(len(row.answers[pole]) for row in readable) / len(readable)

    return {
        "pairs": len(readable),
        "dropped_pairs": len(answered) - len(readable),
        "tokens": tokens,
        "mean_answer_tokens_positive": mean(0),
        "mean_answer_tokens_negative": mean(1),
    }
