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
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, get_args

import pandas as pd
import torch
from jaxtyping import Float64
from torch import Tensor

from valuelocate.dataset import Description, Question
from valuelocate.errors import UserError
from valuelocate.evaluate.base import PreparedPrompts, PromptEvaluator, question_rows, score_frame
from valuelocate.evaluate.letters import letter_logits, letter_tokens
from valuelocate.evaluate.likelihood import Part, answer_likelihoods, plan_parts, prompt_end_logits
from valuelocate.model import LanguageModel
from valuelocate.model.positions import EditPositions

METRICS = ("t1", "t2")
NO_STANCES = "the question has no stances"
CONTENT_FREE = "N/A"
"""The question where the options' own appeal is measured (Zhao et al. 2021, Holtzman et al. 2021)."""

Tokens = list[int]


@dataclass(frozen=True, kw_only=True)
class PreferenceEvaluator(PromptEvaluator):
    """T1 and T2 of questions that carry an answer of each pole."""

    name: str = "preference"
    metrics: Sequence[str] = METRICS
    """Which of t1 (with t1_mass) and t2 to measure; t1 does not exist for `intervene.positions=generated`."""
    least_mass: float = 0.5
    """Probability of the two letters together below which t1 is left out."""
    content_free: bool = False
    """Whether to subtract t1 of the same options under the question "N/A": what their wording alone earns."""
    batch_tokens: int = 4096
    """Cells (tokens with padding) in a batch."""

    directed: ClassVar[frozenset[str]] = frozenset(METRICS)

    def __post_init__(self) -> None:
        unknown = [metric for metric in self.metrics if metric not in METRICS]
        if isinstance(self.metrics, str) or unknown or not self.metrics:
            raise UserError(f"{self._key}.metrics={self.metrics}: expected a list of {', '.join(METRICS)}")
        if not 0 <= self.least_mass < 1:
            raise UserError(f"{self._key}.least_mass={self.least_mass}: expected a probability below 1")
        if self.batch_tokens < 1:
            raise UserError(f"{self._key}.batch_tokens={self.batch_tokens}: must be at least 1")

    @property
    def _key(self) -> str:
        return f"evaluate.evaluators.{self.name}"

    def check_positions(self, positions: EditPositions | None) -> None:
        """Refuse T1 for an edit that leaves the last prompt position alone.

        Raises:
            UserError: t1 is asked for and the edit acts at `generated` positions.
        """
        if positions not in (None, *get_args(EditPositions)):
            raise ValueError(f"edit positions '{positions}' are none of {', '.join(get_args(EditPositions))}")
        if positions == "generated" and "t1" in self.metrics:
            raise UserError(
                "intervene.positions=generated: the first answer token is chosen unedited, and t1 is read "
                "there, so it would show no effect by construction; use intervene.positions=response, or "
                f"{self._key}.metrics=[t2]"
            )

    def prepare(
        self,
        lm: LanguageModel,
        questions: Sequence[Question],
        descriptions: Mapping[str, Description | None] | None = None,
    ) -> PreparedPreference:
        """Tokenise and batch the questions, each under the description of its id where one is given.

        Raises:
            UserError: t1 is asked for and the tokenizer has no token for a letter.
        """
        described = {key: row.text for key, row in (descriptions or {}).items() if row is not None}
        limit = _context(lm)
        choice, stance = _Rows([], [], {}), _Rows([], [], {})
        for question in questions:
            description = described.get(question.id)
            if "t1" in self.metrics:
                choice.add(question.id, *_choice_rows(lm, question, description, self.content_free), limit)
            if "t2" in self.metrics:
                stance.add(question.id, *_stance_rows(lm, question, description), limit)
        names = lm.prompts.letters if choice.prompts else ()
        return PreparedPreference(
            settings=self,
            lm=lm,
            questions=tuple(questions),
            letters=tuple(letter_tokens(lm.tokenizer, name) for name in names),
            choice=choice.planned(lm, self.batch_tokens),
            stance=stance.planned(lm, self.batch_tokens),
        )


class _Planned(NamedTuple):
    """Rows in batches; a question that was scored has a row of places, another a reason."""

    parts: tuple[Part, ...]
    size: int
    reasons: Mapping[str, str | None]


class _Rows(NamedTuple):
    """Rows being gathered, the same number for each question that can be scored."""

    prompts: list[Tokens]
    answers: list[Tokens]
    reasons: dict[str, str | None]

    def add(
        self, key: str, prompts: list[Tokens], answers: list[Tokens], reason: str | None, limit: int | None
    ) -> None:
        longest = max((len(p) + len(a) for p, a in zip(prompts, answers, strict=True)), default=0)
        if reason is None and limit is not None and longest > limit:
            reason = f"{longest} tokens are more than the model's context of {limit}"
        self.reasons[key] = reason
        if reason is None:
            self.prompts.extend(prompts)
            self.answers.extend(answers)

    def planned(self, lm: LanguageModel, batch_tokens: int) -> _Planned:
        parts = plan_parts(lm, self.prompts, self.answers, batch_tokens=batch_tokens)
        return _Planned(parts, len(self.prompts), self.reasons)


def _choice_rows(
    lm: LanguageModel, question: Question, description: str | None, content_free: bool
) -> tuple[list[Tokens], list[Tokens], str | None]:
    """Prompts with the positive answer as first option, then as second; then the same without question."""
    if question.stances is None:
        return [], [], NO_STANCES
    first = (question.stances.pos, question.stances.neg)
    texts = [question.text, CONTENT_FREE] if content_free else [question.text]
    prompts = [
        lm.prompt_ids(text, description=description, options=options)
        for text in texts
        for options in (first, first[::-1])
    ]
    return prompts, [[] for _ in prompts], None


def _stance_rows(
    lm: LanguageModel, question: Question, description: str | None
) -> tuple[list[Tokens], list[Tokens], str | None]:
    """The bare question with the positive answer, then with the negative one."""
    if question.stances is None:
        return [], [], NO_STANCES
    answers = [lm.encode_answer(text) for text in (question.stances.pos, question.stances.neg)]
    if not all(answers):
        return [], [], "a stance has no tokens"
    return [lm.prompt_ids(question.text, description=description)] * 2, answers, None


def _context(lm: LanguageModel) -> int | None:
    limit = getattr(lm.model.config.get_text_config(), "max_position_embeddings", None)
    return int(limit) if limit else None


@dataclass(frozen=True, kw_only=True, eq=False)
class PreparedPreference(PreparedPrompts):
    """Token batches of questions for one model; scoring runs the model and nothing else."""

    settings: PreferenceEvaluator
    lm: LanguageModel
    questions: tuple[Question, ...]
    letters: tuple[tuple[int, ...], ...]
    choice: _Planned
    stance: _Planned

    def score(self, *, edit_positions: EditPositions | None = None) -> pd.DataFrame:
        """Score the model as it stands now: metrics t1, t1_mass and t2, those that were asked for.

        Raises:
            UserError: t1 is asked for and the edit in force acts at `generated` positions.
        """
        self.settings.check_positions(edit_positions)
        frames = []
        if "t1" in self.settings.metrics:
            frames += self._score_choice()
        if "t2" in self.settings.metrics:
            frames.append(self._score_stance())
        return pd.concat(frames, ignore_index=True)

    def _score_choice(self) -> list[pd.DataFrame]:
        letters = torch.zeros(self.choice.size, 2, dtype=torch.float64)
        masses = torch.zeros(self.choice.size, dtype=torch.float64)
        for part in self.choice.parts:
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
            self._frame("t1", self.choice, score.where(enough, math.nan), dropped),
            self._frame("t1_mass", self.choice, mass, [None] * len(mass)),
        ]

    def _score_stance(self) -> pd.DataFrame:
        found = answer_likelihoods(self.lm, self.stance.parts)
        per_token = (found.log_prob / found.tokens).view(-1, 2)
        score = per_token[:, 0] - per_token[:, 1]
        return self._frame("t2", self.stance, score, [None] * len(score))

    def _frame(
        self,
        metric: str,
        planned: _Planned,
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
