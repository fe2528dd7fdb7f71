"""T1, T2 and perplexity as plain loops over single rows in double precision, from their definitions."""

from __future__ import annotations

import copy
import math

import torch

from valuelocate.dataset import Question
from valuelocate.model import LanguageModel


class Reader:
    """One row at a time, without padding, cache or batch."""

    def __init__(self, lm: LanguageModel) -> None:
        self.lm = lm
        self.model = copy.deepcopy(lm.model).double().eval()

    def logits(self, ids: list[int]) -> torch.Tensor:
        with torch.no_grad():
            return self.model(input_ids=torch.tensor([ids])).logits[0]

    def log_prob(self, prompt: list[int], answer: list[int]) -> float:
        table = self.logits([*prompt, *answer]).log_softmax(-1)
        return sum(float(table[len(prompt) + t - 1, token]) for t, token in enumerate(answer))

    def letter(self, logits: torch.Tensor, name: str) -> float:
        decode = self.lm.tokenizer.decode
        variants = [token for token in range(len(logits)) if decode([token]) in (name, f" {name}")]
        return float(logits[variants].logsumexp(0))

    def t1(self, question: Question, description: str | None = None) -> tuple[float, float]:
        """T1 and the mass of the letters."""
        assert question.stances is not None
        pos, neg = question.stances.pos, question.stances.neg
        margins, masses = [], []
        for options, sign in (((pos, neg), 1), ((neg, pos), -1)):
            ids = self.lm.prompt_ids(question.text, description=description, options=options)
            last = self.logits(ids)[-1]
            a, b = (self.letter(last, name) for name in self.lm.prompts.letters)
            margins.append(sign * (a - b))
            masses.append((math.exp(a) + math.exp(b)) / float(last.exp().sum()))
        return sum(margins) / 2, sum(masses) / 2

    def t2(self, question: Question, description: str | None = None) -> float:
        assert question.stances is not None
        prompt = self.lm.prompt_ids(question.text, description=description)
        means = []
        for text in (question.stances.pos, question.stances.neg):
            answer = self.lm.encode_answer(text)
            means.append(self.log_prob(prompt, answer) / len(answer))
        return means[0] - means[1]

    def perplexity(self, prompts: list[list[int]], answers: list[list[int]]) -> float:
        """Pooled over all tokens."""
        total = sum(self.log_prob(p, a) for p, a in zip(prompts, answers, strict=True) if a)
        return math.exp(-total / sum(len(answer) for answer in answers))
