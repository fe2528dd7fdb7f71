from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from valuelocate.collect import ContrastPair, TrainerSettings
from valuelocate.collect.batches import AnsweredPair, plan_pairs
from valuelocate.collect.reading import Reading
from valuelocate.collect.statistics import ContrastStatistics, from_tensors
from valuelocate.model import LanguageModel
from valuelocate.store import Store

SEED = 3


def contrast_pair(number: int) -> ContrastPair:
    def text(kind: str) -> Any:
        return SimpleNamespace(id=f"{kind}{number}", text=f"{kind} {number}?")

    return ContrastPair(question=text("question"), positive=text("positive"), negative=text("negative"))


@pytest.fixture
def answered() -> Callable[..., list[AnsweredPair]]:
    """Builds pairs of random prompts and answers of many lengths: answered(count, seed=0)."""

    def build(count: int, *, seed: int = 0, vocabulary: int = 300) -> list[AnsweredPair]:
        source = torch.Generator().manual_seed(seed)

        def row(low: int, high: int) -> list[int]:
            length = int(torch.randint(low, high, (1,), generator=source))
            return torch.randint(10, vocabulary, (length,), generator=source).tolist()

        # Answers of two tokens are the shortest that are read.
        return [
            AnsweredPair(contrast_pair(number), (row(3, 9), row(3, 9)), (row(2, 8), row(2, 8)))
            for number in range(count)
        ]

    return build


@pytest.fixture
def reading(tmp_path: Path) -> Callable[..., Reading]:
    """Plans a pass: reading(lm, pairs, tokens=..., batch_tokens=..., trainer=..., ...)."""

    def build(
        lm: LanguageModel,
        pairs: Sequence[AnsweredPair],
        *,
        tokens: Any = "response",
        batch_tokens: int = 64,
        trainer: TrainerSettings | None = None,
        folder: str = "store",
        **changes: Any,
    ) -> Reading:
        batches = plan_pairs(pairs, batch_tokens=batch_tokens, seed=SEED)
        settings: dict[str, Any] = {
            "layers": range(lm.n_layers),
            "percentile": None,
            "checkpoint_seconds": 1e9,
            "parts": {"test": folder},
            "cost": {},
            "meter": None,
            "store": Store(tmp_path / folder),
        }
        return Reading(
            lm=lm,
            batches=batches,
            tokens=tokens,
            settings=trainer or TrainerSettings(accelerator="cpu"),
            **settings | changes,
        )

    return build


@pytest.fixture
def read(reading: Callable[..., Reading]) -> Callable[..., dict[str, ContrastStatistics]]:
    """Runs a pass planned by `reading` and returns the statistics of both labellings."""

    def run(*args: Any, **changes: Any) -> dict[str, ContrastStatistics]:
        return from_tensors(reading(*args, **changes).entry().tensors())

    return run
