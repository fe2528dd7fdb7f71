"""Locating: scores for every neuron, the scope and the selection, and random controls.

The package is also the function of the same name: `valuelocate.locate(lm, value="openness")`.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from valuelocate.locate.base import LocateContext, Locator
from valuelocate.locate.mean_diff import MeanDiffLocator
from valuelocate.locate.order import Budget, How
from valuelocate.locate.paired_t import PairedTLocator
from valuelocate.locate.random_matched import RandomMatchedLocator
from valuelocate.locate.ranking import ranking_table
from valuelocate.locate.scope import AllLayers, LayerFraction, LayerList, LayerThird, Scope, layer_fraction
from valuelocate.locate.selection import (
    CountSelection,
    PaperSelection,
    Selection,
    ShareSelection,
    ThresholdSelection,
)
from valuelocate.locate.valuelocate import ValueLocateLocator

__all__ = [
    "AllLayers",
    "Budget",
    "CountSelection",
    "How",
    "LayerFraction",
    "LayerList",
    "LayerThird",
    "LocateContext",
    "Locator",
    "MeanDiffLocator",
    "PairedTLocator",
    "PaperSelection",
    "RandomMatchedLocator",
    "Scope",
    "Selection",
    "ShareSelection",
    "ThresholdSelection",
    "ValueLocateLocator",
    "layer_fraction",
    "ranking_table",
]


class _CallablePackage(ModuleType):
    """Stands in for the public function `valuelocate.locate`, whose place the imported package takes."""

    def __call__(self, *args: Any, **settings: Any) -> Any:
        return import_module("valuelocate.api").locate(*args, **settings)


sys.modules[__name__].__class__ = _CallablePackage
