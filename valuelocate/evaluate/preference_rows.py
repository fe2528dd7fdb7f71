"""The rows of tokens by which T1 and T2 are asked, question by question."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from valuelocate.dataset import Question
from valuelocate.evaluate.likelihood import Part, plan_parts, with_kept_prompts
from valuelocate.model import LanguageModel

NO_STANCES = "the question has no stances"
NO_TOKENS = "a stance has no tokens"
CONTENT_FREE = "N/A"
"""The question where the options' own appeal is measured (Zhao et al. 2021, Holtzman et al. 2021)."""

Tokens = list[int]


class QuestionRows(NamedTuple):
    """What the model reads for one question; a reason instead where it cannot be asked."""

    prompts: Sequence[Tokens] = ()
    answers: Sequence[Tokens] = ()
    """After each prompt; empty where only the prompt's end is read."""
    reason: str | None = None

    @property
    def longest(self) -> int:
        """Tokens of the longest row."""
        lengths = [len(p) + len(a) for p, a in zip(self.prompts, self.answers, strict=True)]
        return max(lengths, default=0)


class PlannedRows(NamedTuple):
    """The rows of all questions in batches."""

    parts: tuple[Part, ...]
    size: int
    """Rows in all; as many for each question that is asked."""
    reasons: Mapping[str, str | None]
    """By question id: why it is not asked; None where it is."""

    @property
    def kept_bytes(self) -> int:
        """Memory of the prompts that are kept."""
        return sum(part.kept.n_bytes for part in self.parts if part.kept)


def plan_rows(
    lm: LanguageModel,
    questions: Sequence[Question],
    rows_of: Callable[[Question], QuestionRows],
    *,
    batch_tokens: int,
    prompt_bytes: int,
) -> PlannedRows:
    """Gather the rows of questions, cut them into batches, and keep their prompts as far as they fit.

    Args:
        lm: the model; a row longer than its positions is left out with the reason.
        questions: the questions, in the order in which their rows are placed.
        rows_of: the rows of one question.
        batch_tokens: cells (tokens with padding) in a batch.
        prompt_bytes: memory for the keys and values of prompts; 0 keeps none.
    """
    prompts: list[Tokens] = []
    answers: list[Tokens] = []
    reasons: dict[str, str | None] = {}
    limit = lm.max_positions
    for question in questions:
        rows = rows_of(question)
        reason = rows.reason
        if reason is None and limit is not None and rows.longest > limit:
            reason = f"{rows.longest} tokens are more than the model's {limit} positions"
        reasons[question.id] = reason
        if reason is None:
            prompts += rows.prompts
            answers += rows.answers
    parts = plan_parts(lm, prompts, answers, batch_tokens=batch_tokens)
    return PlannedRows(with_kept_prompts(lm, parts, most_bytes=prompt_bytes), len(prompts), reasons)


def choice_rows(
    lm: LanguageModel, question: Question, description: str | None, *, content_free: bool
) -> QuestionRows:
    """Return prompts with the positive answer as option A, then as B; then the same without the question."""
    if question.stances is None:
        return QuestionRows(reason=NO_STANCES)
    first = (question.stances.pos, question.stances.neg)
    prompts = [
        lm.prompt_ids(text, description=description, options=options)
        for text in ([question.text, CONTENT_FREE] if content_free else [question.text])
        for options in (first, first[::-1])
    ]
    return QuestionRows(prompts, [[] for _ in prompts])


def stance_rows(lm: LanguageModel, question: Question, description: str | None) -> QuestionRows:
    """Return the bare question with the positive answer, then with the negative one."""
    if question.stances is None:
        return QuestionRows(reason=NO_STANCES)
    answers = [lm.encode_answer(text) for text in (question.stances.pos, question.stances.neg)]
    if not all(answers):
        return QuestionRows(reason=NO_TOKENS)
    return QuestionRows([lm.prompt_ids(question.text, description=description)] * 2, answers)
