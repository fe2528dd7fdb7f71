"""Language models that tests of every stage share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny_models
from valuelocate.model import LanguageModel, ModelSource, PromptStyle

STORIES = Path(__file__).parent.parent.parent / "shared" / "models" / "stories260K"


@pytest.fixture(scope="session")
def tiny_random() -> Callable[..., LanguageModel]:
    """Builds random models: tiny_random(family, chat=False, adds="", prompts=None, seed=0, **config)."""
    return tiny_models.tiny_random


@pytest.fixture(scope="session")
def random_lm() -> LanguageModel:
    """A Qwen2-like model, 2 layers of 32 neurons; shared, so a test must leave it as it was."""
    return tiny_models.tiny_random("qwen2", chat=True, intermediate_size=32)


@pytest.fixture(scope="session")
def stories() -> LanguageModel:
    """A model that tells small stories, trained elsewhere."""
    if not STORIES.is_dir():
        pytest.skip(f"needs the model folder {STORIES}")
    return ModelSource(path=str(STORIES), prompts=PromptStyle(frame="plain"), device="cpu").load()
