"""Locating: scores for every neuron, the scope and the selection, and random controls."""

from valuelocate.locate.base import LocateContext, Locator
from valuelocate.locate.mean_diff import MeanDiffLocator
from valuelocate.locate.paired_t import PairedTLocator
from valuelocate.locate.random_matched import RandomMatchedLocator
from valuelocate.locate.ranking import ranking_table
from valuelocate.locate.scope import AllLayers, LayerFraction, LayerList, LayerThird, Scope, layer_fraction
from valuelocate.locate.selection import (
    Budget,
    CountSelection,
    How,
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
