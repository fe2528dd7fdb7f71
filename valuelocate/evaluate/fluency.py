"""Fluency of generated answers, against those of the unedited model to the same questions.

    fluency/score = min(1, PPL_base / PPL_arm, distinct3_arm / distinct3_base, nonempty_arm / nonempty_base)

PPL is the token-pooled perplexity of the answers given their questions (without any description) under the
unedited model. Distinct-3 is taken on equal token counts: both answers to a question are cut to the shorter.
A score of at least `USABLE` is usable; one below `DEGENERATE` is degenerate and no effect is claimed from it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64

from valuelocate.dataset import ValueDataset
from valuelocate.errors import UserError
from valuelocate.evaluate.base import AnswerEvaluator, AnswerScorer, answer_rows, score_frame
from valuelocate.evaluate.bootstrap import (
    DEFAULT,
    Interval,
    Resampling,
    family_index,
    interval_of,
    row_weights,
)
from valuelocate.evaluate.likelihood import answer_likelihoods, plan_parts
from valuelocate.evaluate.repetition import DistinctCounter, matched_prefixes, repetition
from valuelocate.model import LanguageModel

USABLE = 0.9
DEGENERATE = 0.8

EMPTY = "empty answer"
TOO_SHORT = "fewer than three tokens"
NO_TOKENS = "the answer's tokens are not known, since no model was given"

Tokens = Sequence[int]
_Column = tuple[Sequence[float], Sequence[str | None]]


class ArmAnswers(NamedTuple):
    """The answers of one arm, an entry a question."""

    tokens: Sequence[Tokens]
    nll: Float64[np.ndarray, " question"]
    """Sum over the answer's tokens of -log p under the unedited model, in nats; 0 where there are none."""
    spoken: Sequence[bool]
    """Whether the answer's text is more than white space."""


@dataclass(frozen=True, kw_only=True)
class FluencyReport:
    """Fluency of an arm beside the unedited model's, with intervals over seed families."""

    score: Interval
    ppl: Interval
    distinct3: Interval
    """Of the arm's answers cut to the tokens that both arms have."""
    base_ppl: float
    base_distinct3: float
    """Of the unedited answers, cut alike."""
    nonempty: float
    base_nonempty: float
    length: float
    """Mean tokens of an answer."""
    base_length: float
    repetition: float
    """Mean over answers of the share of trigrams that the answer had before; NaN if all are too short."""
    reason: str | None
    """Why there is no score, if there is none."""

    @property
    def usable(self) -> bool:
        """Whether the dose may be used; False where the score is missing."""
        return self.score.estimate >= USABLE

    @property
    def degenerate(self) -> bool:
        """Whether the text is broken; False where the score is missing, which proves no fluency either."""
        return self.score.estimate < DEGENERATE

    def intervals(self) -> dict[str, Interval]:
        """Return the metrics that belong to an arm and not to a question."""
        return {"score": self.score, "ppl": self.ppl, "distinct3": self.distinct3}


class _Ratios(NamedTuple):
    ppl: Float64[np.ndarray, "arm resample"]
    distinct: Float64[np.ndarray, "arm resample"]
    nonempty: Float64[np.ndarray, "arm resample"]
    score: Float64[np.ndarray, " resample"]


def fluency(
    arm: ArmAnswers,
    base: ArmAnswers,
    families: Sequence[str],
    *,
    resampling: Resampling = DEFAULT,
) -> FluencyReport:
    """Compare an arm's answers with the unedited model's answers to the same questions, in the same order.

    Raises:
        ValueError: different numbers of answers.
    """
    sizes = {len(families), *(len(part) for which in (arm, base) for part in which)}
    if len(sizes) > 1:
        raise ValueError(f"answers, their likelihoods and families must be as many; found {sorted(sizes)}")
    whole = _ratios(arm, base, np.ones((1, len(families))))
    drawn = _ratios(arm, base, row_weights(families, resampling))
    count = family_index(families)[1]

    def interval(estimate: float, resampled: Float64[np.ndarray, " resample"]) -> Interval:
        return interval_of(estimate, resampled, n=len(families), families=count, level=resampling.level)

    return FluencyReport(
        score=interval(whole.score[0], drawn.score),
        ppl=interval(whole.ppl[0, 0], drawn.ppl[0]),
        distinct3=interval(whole.distinct[0, 0], drawn.distinct[0]),
        base_ppl=float(whole.ppl[1, 0]),
        base_distinct3=float(whole.distinct[1, 0]),
        nonempty=float(whole.nonempty[0, 0]),
        base_nonempty=float(whole.nonempty[1, 0]),
        length=_mean([float(len(ids)) for ids in arm.tokens]),
        base_length=_mean([float(len(ids)) for ids in base.tokens]),
        repetition=_mean([repetition(ids) for ids in arm.tokens]),
        reason=_why_missing(whole),
    )


def _ratios(arm: ArmAnswers, base: ArmAnswers, weights: Float64[np.ndarray, "resample question"]) -> _Ratios:
    cut = matched_prefixes(arm.tokens, base.tokens)
    distinct = np.stack([DistinctCounter(answers).distinct(weights) for answers in cut])
    lengths = [np.array([len(ids) for ids in which.tokens], dtype=np.float64) for which in (arm, base)]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean_nll = [
            weights @ which.nll / (weights @ n) for which, n in zip((arm, base), lengths, strict=True)
        ]
        ppl = np.exp(np.stack(mean_nll))
        spoken = [np.asarray(which.spoken, dtype=np.float64) for which in (arm, base)]
        nonempty = np.stack([weights @ flags / weights.sum(1) for flags in spoken])
        ratios = np.stack([ppl[1] / ppl[0], distinct[0] / distinct[1], nonempty[0] / nonempty[1]])
    # A minimum with a part missing is missing, except that nothing at all is not fluent.
    score = np.minimum(1.0, ratios.min(0)) if ratios.size else np.zeros(0)
    silent = (nonempty[0] == 0) & (nonempty[1] > 0)
    return _Ratios(ppl, distinct, nonempty, np.where(silent, 0.0, score))


def _why_missing(whole: _Ratios) -> str | None:
    if not math.isnan(whole.score[0]):
        return None
    if whole.nonempty.shape[1] == 0 or math.isnan(whole.nonempty[0, 0]):
        return "there are no answers"
    if whole.nonempty[1, 0] == 0:
        return "the unedited model gave only empty answers"
    return "answers to one question have fewer than three tokens in common length, so distinct-3 is undefined"


def _mean(numbers: Sequence[float]) -> float:
    known = [number for number in numbers if not math.isnan(number)]
    return sum(known) / len(known) if known else math.nan


def _spoken(answers: pd.DataFrame) -> list[bool]:
    return [bool(text.strip()) for text in answers["answer"]]


@dataclass(frozen=True, kw_only=True)
class FluencyEvaluator(AnswerEvaluator):
    """Perplexity under the unedited model, variety, length and emptiness of answers."""

    name: str = "fluency"
    batch_tokens: int = 4096
    """Cells (tokens with padding) in a batch."""

    directed: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        if self.batch_tokens < 1:
            raise UserError(
                f"evaluate.evaluators.{self.name}.batch_tokens={self.batch_tokens}: must be at least 1"
            )

    def prepare(self, dataset: ValueDataset, lm: LanguageModel | None) -> FluencyScorer:
        """Return a scorer that reads answers with `lm`; the dataset is not used."""
        return FluencyScorer(settings=self, lm=lm)


@dataclass(frozen=True, kw_only=True, eq=False)
class FluencyScorer(AnswerScorer):
    """Measures answers with one unedited model, each (prompt, answer) once."""

    settings: FluencyEvaluator
    lm: LanguageModel | None
    _known: dict[tuple[tuple[int, ...], tuple[int, ...]], float] = field(default_factory=dict, init=False)

    def score(self, answers: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
        """Return metrics of single answers: nll (nats per token), length, empty (0 or 1), repetition.

        The measures of a whole arm (score, ppl, distinct3) are in `report`.
        """
        blank = [0.0 if spoken else 1.0 for spoken in _spoken(answers)]
        columns: dict[str, _Column] = {"empty": (blank, [None] * len(blank)), **self._token_columns(answers)}
        rows, name = answer_rows(answers), self.settings.name
        frames = [
            score_frame(rows, evaluator=name, metric=metric, scores=scores, reasons=reasons)
            for metric, (scores, reasons) in columns.items()
        ]
        return pd.concat(frames, ignore_index=True)

    def _token_columns(self, answers: pd.DataFrame) -> dict[str, _Column]:
        if any(ids is None for ids in answers["answer_ids"]):
            missing: list[float] = [math.nan] * len(answers)
            return {
                metric: (missing, [NO_TOKENS] * len(answers)) for metric in ("nll", "length", "repetition")
            }
        lengths = [float(len(ids)) for ids in answers["answer_ids"]]
        nll = [total / n if n else math.nan for total, n in zip(self.nll(answers), lengths, strict=True)]
        repeated = [repetition(ids) for ids in answers["answer_ids"]]
        return {
            "nll": (nll, [None if n else EMPTY for n in lengths]),
            "length": (lengths, [None] * len(lengths)),
            "repetition": (repeated, [TOO_SHORT if math.isnan(found) else None for found in repeated]),
        }

    def report(
        self,
        answers: pd.DataFrame,
        baseline: pd.DataFrame,
        *,
        resampling: Resampling = DEFAULT,
    ) -> FluencyReport:
        """Compare an arm's answers with the unedited model's, over the questions that both have.

        Raises:
            UserError: there is no model to read the answers with.
        """
        shared = set(answers["question_id"]) & set(baseline["question_id"])
        frames = [
            frame[frame["question_id"].isin(shared)].sort_values("question_id", kind="stable")
            for frame in (answers, baseline)
        ]
        arm, base = (
            ArmAnswers(list(frame["answer_ids"]), self.nll(frame), _spoken(frame)) for frame in frames
        )
        return fluency(arm, base, list(frames[0]["family"]), resampling=resampling)

    def nll(self, answers: pd.DataFrame) -> Float64[np.ndarray, " question"]:
        """Return the summed -log p of each answer given its question, in nats, under the unedited model.

        Raises:
            UserError: there is no model to read the answers with.
            RuntimeError: an edit is in force.
        """
        if self.lm is None:
            raise UserError(
                f"evaluate={self.settings.name}: perplexity needs a model to read answers; set model=NAME"
            )
        if self.lm.edits_in_force:
            raise RuntimeError(
                "fluency is measured under the unedited model; call it outside the edit's `with`"
            )
        keys = [
            (tuple(prompt), tuple(answer))
            for prompt, answer in zip(answers["prompt_ids"], answers["answer_ids"], strict=True)
        ]
        new = sorted({key for key in keys if key not in self._known})
        prompts, given = [prompt for prompt, _ in new], [answer for _, answer in new]
        parts = plan_parts(self.lm, prompts, given, batch_tokens=self.settings.batch_tokens)
        found = answer_likelihoods(self.lm, parts)
        self._known.update(zip(new, (-found.log_prob).tolist(), strict=True))
        return np.array([self._known[key] for key in keys], dtype=np.float64)
