"""Rewrites by a language model on this machine: the one of the config group `model`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol

from valuelocate.console import progress
from valuelocate.dataset.paraphrase.base import Answer, Constraints, Paraphraser, Request
from valuelocate.dataset.paraphrase.cache import Reply, replies
from valuelocate.dataset.paraphrase.prompt import Prompt, parse_answer, prompt_of
from valuelocate.dataset.records import Generator
from valuelocate.errors import UserError
from valuelocate.store import Store


class LoadedModel(Protocol):
    """What is needed of a model in memory (`valuelocate.model.LanguageModel`, a later stage)."""

    prompts: Any
    fingerprint: str

    def prompt_ids(self, question: str) -> list[int]:
        """Return the tokens of a prompt."""

    def generate_ids(self, prompts: Sequence[Sequence[int]], *, max_new_tokens: int) -> list[list[int]]:
        """Return greedy answers."""

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of an answer."""


class Loadable(Protocol):
    """What is needed of a model's source (`valuelocate.model.ModelSource`, a later stage)."""

    @property
    def name(self) -> str:
        """The model's short name."""

    @property
    def dtype(self) -> str:
        """The type of its weights."""

    def fingerprint(self) -> str:
        """Return a hash of its files."""

    def load(self) -> Any:
        """Load it."""


@dataclass(frozen=True, kw_only=True)
class LocalParaphraser(Paraphraser):
    """Asks a model greedily, in batches; what it answered is kept in the store.

    The model is loaded only where the store lacks an answer.
    """

    model: Loadable
    """Where the model comes from."""
    max_new_tokens: int = 400
    """Tokens of an answer with all its rewrites."""
    batch_size: int = 8
    """Prompts at a time."""

    id: ClassVar[str] = "local"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(getattr(self.model, "load", None)):
            raise UserError("paraphrase.model: expected a model source, e.g. ${model}")
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"paraphrase.{name}={getattr(self, name)}: must be at least 1")

    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        """Ask the model for one text."""
        [reply] = self.ask([prompt_of(Request(text, constraints))])
        return list(parse_answer(reply.text or "", constraints.count))

    def answer(self, requests: Sequence[Request], store: Store) -> list[Answer]:
        """Ask the model for every text that the store has no answer to."""
        prompts = [prompt_of(request) for request in requests]
        answers = []
        fingerprint = self.model.fingerprint() if requests else ""
        for request, prompt, reply in zip(requests, prompts, replies(self, prompts, store), strict=True):
            rewrites = parse_answer(reply.text or "", request.constraints.count)
            generator = Generator(
                model=self.model.name,
                revision=fingerprint,
                prompt_sha256=prompt.sha256,
                temperature=0.0,
                # Greedy, so that no draw is made.
                seed=0,
            )
            answers.append(Answer(rewrites, generator, "" if rewrites else "no numbered lines"))
        return answers

    def told(self) -> Mapping[str, object]:
        """Return which model answered."""
        return {**super().told(), "model": self.model.name, "revision": self.model.fingerprint()}

    def identity(self) -> Mapping[str, Any]:
        """Return what an answer depends on beside the prompt."""
        # Batches of other sizes round otherwise, and a near tie may then fall the other way.
        return {
            "model": self.model.fingerprint(),
            "dtype": self.model.dtype,
            "max_new_tokens": self.max_new_tokens,
            "batch_size": self.batch_size,
        }

    def ask(self, prompts: Sequence[Prompt]) -> Iterator[Reply]:
        """Load the model and answer the prompts, the longest first, so that too little memory shows at once.

        Raises:
            UserError: the model cannot be loaded, or a prompt does not fit it.
        """
        lm: LoadedModel = self.model.load()
        # The prompt is ours as a whole: the instruction that goes with a question is left out.
        lm.prompts = replace(lm.prompts, answer="{question}")
        tokens = [lm.prompt_ids(prompt.whole) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda index: (-len(tokens[index]), index))
        with progress("rewriting", total=len(prompts), unit="rows") as advance:
            for start in range(0, len(order), self.batch_size):
                batch = order[start : start + self.batch_size]
                answers = lm.generate_ids(
                    [tokens[index] for index in batch], max_new_tokens=self.max_new_tokens
                )
                for index, answer in zip(batch, answers, strict=True):
                    yield Reply(index, lm.decode(answer))
                advance(len(batch))
