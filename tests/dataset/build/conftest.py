"""A seed with everything that composition uses, and the shipped bank composed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from valuelocate.dataset import Seed
from valuelocate.dataset.build import compose_full
from valuelocate.dataset.build.full import Full

SEED: dict[str, Any] = {
    "topic": "pets",
    "value": "openness_to_change",
    "basic_value": "stimulation",
    "against": "security",
    "form": "two_options",
    "person": "third",
    "stakes": "low",
    "scene": "Zainab has a kennel for one dog in Malmo, and two are left at the shelter on Friday.",
    "ask": "Which one should Zainab take?",
    "neg_kind": "absence",
    "pos": "The one nobody in Malmo can work out, because then every walk holds a surprise.",
    "neg": "The one that sleeps till noon, as surprises on a walk do nothing for her at all.",
    "pos_more": "I like not knowing what comes.",
    "neg_more": "I do not mind knowing what comes.",
    "refined_value": None,
    "retold": "One kennel, two dogs: on Friday the shelter in Malmo lets Zainab choose.",
    "slots": {
        "name": ["Zainab", "Ines", "Marta"],
        "place": ["Malmo", "Porto", "Accra"],
        "day": ["Friday", "Monday", "Tuesday"],
    },
    "asks": {
        "how_decide": "How does Zainab decide between them?",
        "weighs_most": "What counts most in that choice?",
        "advise_friend": "What would you tell her?",
        "first_reaction": "What is your first thought for her?",
        "rank_three*": "Rank for her: a long walk, a quiet evening, a tidy kennel.",
    },
    "split": "locate",
    "family": "seed-pets-0",
}


@pytest.fixture
def seed() -> Callable[..., Seed]:
    def make(**changes: Any) -> Seed:
        return Seed(**{**SEED, **changes})

    return make


@pytest.fixture(scope="session")
def full(theory) -> Full:
    return compose_full(theory)
