"""ValueLocate: find the FFN neurons that carry a human value, edit them, show that the values moved.

lm = valuelocate.load("tiny")
neurons = valuelocate.locate(lm, value="openness").top(0.01)
with valuelocate.steer(lm, neurons, strength=1.0):
    print(lm.generate("A free afternoon, and nothing planned. What do you do?"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valuelocate.api import Ranking, load, steer
    from valuelocate.dataset import load_dataset
    from valuelocate.neurons import NeuronScores, NeuronSet
    from valuelocate.values import load_theory

__version__ = "0.1.0"

_HOMES = {
    "Ranking": "valuelocate.api",
    "load": "valuelocate.api",
    "steer": "valuelocate.api",
    "load_dataset": "valuelocate.dataset",
    "NeuronScores": "valuelocate.neurons",
    "NeuronSet": "valuelocate.neurons",
    "load_theory": "valuelocate.values",
}

__all__ = ["NeuronScores", "NeuronSet", "Ranking", "load", "load_dataset", "load_theory", "locate", "steer"]


def __getattr__(name: str) -> Any:
    # On first use, so that `valuelocate --help` does not wait for torch and transformers.
    if name == "locate":
        # The package of this name is callable; see there.
        return import_module("valuelocate.locate")
    if name not in _HOMES:
        raise AttributeError(f"module 'valuelocate' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)
