"""Preference for the positive pole's answer, read from the model's probabilities without generating.

T1, forced choice: the question with both answers as options A and B;

    t1 = mean over both orders of [z(letter of the positive option) - z(letter of the negative option)]

at the last prompt position, a letter's logit z being the logsumexp over its tokens (with and without a
leading space). `t1_mass` is the probability of the two letters, mean over orders; where it is below
`least_mass` the model does not answer by letter and t1 is left out. Asking in both orders cancels any
constant liking for a letter.

T2, free text: the two answers after the bare question;

    t2 = mean over t of log p(y+_t | q, y+_<t)  -  mean over t of log p(y-_t | q, y-_<t)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import pandas as pd
import torch
from jaxtyping import Float64
from torch import Tensor

from valuelocate.dataset import Description, Question
from valuelocate.errors import UserError
from valuelocate.evaluate.base import PreparedPrompts, PromptEvaluator, question_rows, score_frame
from valuelocate.evaluate.letters import letter_logits, letter_tokens
from valuelocate.evaluate.likelihood import answer_likelihoods, prompt_end_logits
from valuelocate.evaluate.preference_rows import PlannedRows, choice_rows, plan_rows, stance_rows
from valuelocate.model import LanguageModel
from valuelocate.model.positions import EditPositions

METRICS = ("t1", "t2")


@dataclass(frozen=True, kw_only=True)
class PreferenceEvaluator(PromptEvaluator):
    """T1 and T2 of questions that carry an answer of each pole."""

    name: str = "preference"
    metrics: Sequence[str] | None = None
    """Which of t1 (with t1_mass) and t2 to measure; None: both, but t2 alone of edits at `generated`."""
    least_mass: float = 0.5
    """Probability of the two letters together below which t1 is left out."""
    content_free: bool = False
    """Whether to subtract t1 of the same options under the question "N/A": what their wording alone earns."""
    batch_tokens: int = 4096
    """Cells (tokens with padding) in a batch."""
    prompt_memory_mb: int = 1024
    """Memory for what attention keeps of prompts from one edit to the next; 0 reads them anew each time."""

    directed: ClassVar[frozenset[str]] = frozenset(METRICS)

    def __post_init__(self) -> None:
        if self.metrics is not None:
            unknown = [metric for metric in self.metrics if metric not in METRICS]
            if isinstance(self.metrics, str) or unknown or not self.metrics:
                raise UserError(
                    f"{self._key}.metrics={self.metrics}: expected a list of {', '.join(METRICS)}"
                )
        if not 0 <= self.least_mass < 1:
            raise UserError(f"{self._key}.least_mass={self.least_mass}: expected a probability below 1")
        for name, least in (("batch_tokens", 1), ("prompt_memory_mb", 0)):
            if getattr(self, name) < least:
                raise UserError(f"{self._key}.{name}={getattr(self, name)}: must be at least {least}")

    @property
    def _key(self) -> str:
        return f"evaluate.evaluators.{self.name}"

    @property
    def measured(self) -> tuple[str, ...]:
        """The targets that are measured, t1 before t2."""
        return METRICS if self.metrics is None else tuple(name for name in METRICS if name in self.metrics)

    def for_positions(self, positions: EditPositions) -> PreferenceEvaluator:
        """Leave T1 out where edits do not reach the last prompt position, at which it is read.

        Raises:
            UserError: t1 was asked for by name.
        """
        if positions != "generated" or "t1" not in self.measured:
            return self
        if self.metrics is not None:
            raise self.unseen()
        return replace(self, metrics=("t2",))

    def unseen(self) -> UserError:
        """Return the refusal of T1 for edits that do not reach it."""
        return UserError(
            "intervene.positions=generated: the first answer token is chosen unedited, and t1 is read there, "
            "so it would show no effect by construction; use intervene.positions=response, or "
            f"{self._key}.metrics=[t2]"
        )

    def prepare(
        self,
        lm: LanguageModel,
        questions: Sequence[Question],
        descriptions: Mapping[str, Description] | None = None,
        *,
        edit_positions: EditPositions | None = None,
    ) -> PreparedPreference:
        """Tokenise and batch the questions, each under the description of its id where one is given.

        Raises:
            UserError: t1 is asked for and the tokenizer has no token for a letter.
            RuntimeError: prompts are to be kept, and an edit is in force.
        """
        described = {key: row.text for key, row in (descriptions or {}).items()}
        # Under edits of whole prompts, or of nobody knows what, nothing can be kept.
        prompt_bytes = 0 if edit_positions in (None, "all") else self.prompt_memory_mb << 20
        planned = partial(plan_rows, lm, batch_tokens=self.batch_tokens)
        choice = stance = None
        if "t1" in self.measured:
            choice = planned(
                questions,
                lambda row: choice_rows(lm, row, described.get(row.id), content_free=self.content_free),
                prompt_bytes=prompt_bytes,
            )
            prompt_bytes -= choice.kept_bytes
        if "t2" in self.measured:
            stance = planned(
                questions, lambda row: stance_rows(lm, row, described.get(row.id)), prompt_bytes=prompt_bytes
            )
        names = lm.prompts.letters if choice and choice.size else ()
        return PreparedPreference(
            settings=self,
            lm=lm,
            questions=tuple(questions),
            letters=tuple(letter_tokens(lm.tokenizer, name) for name in names),
            choice=choice,
            stance=stance,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedPreference(PreparedPrompts):
    """Token batches of questions for one model; scoring runs the model and nothing else."""

    settings: PreferenceEvaluator
    lm: LanguageModel
    questions: tuple[Question, ...]
    letters: tuple[tuple[int, ...], ...]
    choice: PlannedRows | None
    stance: PlannedRows | None

    def score(self, *, edit_positions: EditPositions | None = None) -> pd.DataFrame:
        """Score the model as it stands now: metrics t1, t1_mass and t2, those that were asked for.

        Raises:
            UserError: t1 is asked for and the edit in force acts at `generated` positions.
            ValueError: the edit in force acts on whole prompts, and these were read before it.
        """
        if edit_positions == "generated" and self.choice:
            raise self.settings.unseen()
        if edit_positions == "all" and any(
            planned.kept_bytes for planned in (self.choice, self.stance) if planned
        ):
            raise ValueError("prepared for edits that leave prompts alone; prepare with edit_positions='all'")
        frames = self._score_choice(self.choice) if self.choice else []
        if self.stance:
            frames.append(self._score_stance(self.stance))
        return pd.concat(frames, ignore_index=True)

    def _score_choice(self, choice: PlannedRows) -> list[pd.DataFrame]:
        letters = torch.zeros(choice.size, 2, dtype=torch.float64)
        masses = torch.zeros(choice.size, dtype=torch.float64)
        for part in choice.parts:
            places = torch.tensor(part.places)
            per_letter, mass = letter_logits(prompt_end_logits(self.lm, part), self.letters)
            letters[places], masses[places] = per_letter.cpu(), mass.cpu()
        texts = 2 if self.settings.content_free else 1
        margin = choice_margin(letters.view(-1, texts, 2, 2))
        score = margin[:, 0] - margin[:, 1] if self.settings.content_free else margin[:, 0]
        # The question's own two orders come first; the content-free ones do not count.
        mass = masses.view(-1, texts, 2)[:, 0].mean(-1)
        enough = mass >= self.settings.least_mass
        reason = f"option mass below {f'{self.settings.least_mass:g}'.lstrip('0')}"
        dropped = [None if kept else reason for kept in enough.tolist()]
        return [
            self._frame("t1", choice, score.where(enough, math.nan), dropped),
            self._frame("t1_mass", choice, mass, [None] * len(mass)),
        ]

    def _score_stance(self, stance: PlannedRows) -> pd.DataFrame:
        found = answer_likelihoods(self.lm, stance.parts)
        per_token = (found.log_prob / found.tokens).view(-1, 2)
        score = per_token[:, 0] - per_token[:, 1]
        return self._frame("t2", stance, score, [None] * len(score))

    def _frame(
        self,
        metric: str,
        planned: PlannedRows,
        scores: Float64[Tensor, " scored"],
        dropped: Sequence[str | None],
    ) -> pd.DataFrame:
        """Spread the scores of the questions that were run over all, with the reasons of the others."""
        scored = iter(zip(scores.tolist(), dropped, strict=True))
        reasons = [planned.reasons[question.id] for question in self.questions]
        rows = [next(scored) if reason is None else (math.nan, reason) for reason in reasons]
        return score_frame(
            question_rows(self.questions),
            evaluator=self.settings.name,
            metric=metric,
            scores=[score for score, _ in rows],
            reasons=[reason for _, reason in rows],
        )


def choice_margin(letters: Float64[Tensor, "*item order letter"]) -> Float64[Tensor, "*item"]:
    """Return T1 from the letters' logits; the positive option is A in the first order, B in the second."""
    return ((letters[..., 0, 0] - letters[..., 0, 1]) + (letters[..., 1, 1] - letters[..., 1, 0])) / 2
