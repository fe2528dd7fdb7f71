"""Answers of a model to many prompts: planned in batches of like length, each batch kept in the store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from valuelocate.collect.batches import Tokens
from valuelocate.collect.processes import outside_processes
from valuelocate.console import progress, rank
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel
from valuelocate.store import Draft, Store, digest


@dataclass(frozen=True, kw_only=True)
class GenerationSettings:
    """How answers are generated; the checkpoint's own settings are not used."""

    max_new_tokens: int = 256
    """Tokens. NPTI and the paper's working code take 500."""
    repetition_penalty: float = 1.0
    """1.0 is off; the paper's working code takes 1.1, which changes token statistics."""
    batch_size: int = 16
    """Prompts at a time."""

    def __post_init__(self) -> None:
        for name in ("max_new_tokens", "batch_size"):
            if getattr(self, name) < 1:
                raise UserError(f"generation.{name}={getattr(self, name)}: must be at least 1")
        if self.repetition_penalty <= 0:
            raise UserError(f"generation.repetition_penalty={self.repetition_penalty}: must be above 0")


def plan_batches(lengths: Sequence[int], batch_size: int) -> list[list[int]]:
    """Return indices in batches of like length, longest first, so that too little memory shows at once."""
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


def generate_answers(
    lm: LanguageModel,
    prompts: Sequence[Sequence[int]],
    settings: GenerationSettings,
    *,
    store: Store,
    edit: str | None = None,
    label: str = "generating",
) -> list[Tokens]:
    """Return the greedy answer of each prompt, in order.

    Each batch is stored under its prompts, settings, model and `edit` (the digest of the edit in force; None:
    the unedited model); a repeated or interrupted call generates only what is missing, in the same batches.

    Raises:
        UserError: the store cannot be written.
    """
    answers: dict[int, Tokens] = {}
    batches = plan_batches([len(prompt) for prompt in prompts], settings.batch_size)
    # Processes that share a job begin with batches of their own and then find the others' in the store.
    world = outside_processes()
    shares = [batches[(rank() + offset) % world :: world] for offset in range(world)]
    with progress(label, total=len(prompts), unit="answers") as advance:
        for batch in chain.from_iterable(shares):
            ids = [list(prompts[index]) for index in batch]
            generated = _stored_batch(lm, ids, settings, store, edit)
            answers.update(zip(batch, generated, strict=True))
            advance(len(batch))
    return [answers[index] for index in range(len(prompts))]


def _stored_batch(
    lm: LanguageModel, ids: list[Tokens], settings: GenerationSettings, store: Store, edit: str | None
) -> list[Tokens]:
    parts: dict[str, Any] = {
        "model": lm.fingerprint,
        "dtype": str(lm.dtype),
        "prompts": digest(ids),
        "ends": lm.eos_ids,
        "settings": asdict(settings),
        "edit": edit,
    }

    def make(draft: Draft) -> None:
        draft.json(
            lm.generate_ids(
                ids, max_new_tokens=settings.max_new_tokens, repetition_penalty=settings.repetition_penalty
            )
        )

    answers: list[Tokens] = store.get_or_make("answers", parts, make).json()
    return answers
