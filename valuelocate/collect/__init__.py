"""Collection: a model's answers under both poles of a value, and its neurons while it reads them."""

from valuelocate.collect.collector import Collection, Collector
from valuelocate.collect.generation import GenerationSettings, generate_answers
from valuelocate.collect.pairs import ContrastPair, draw_pairs
from valuelocate.collect.percentile import PercentileSettings
from valuelocate.collect.statistics import COLLECTED_SITES, ConditionStatistics, ContrastStatistics
from valuelocate.collect.trainer import TrainerSettings

__all__ = [
    "COLLECTED_SITES",
    "Collection",
    "Collector",
    "ConditionStatistics",
    "ContrastPair",
    "ContrastStatistics",
    "GenerationSettings",
    "PercentileSettings",
    "TrainerSettings",
    "draw_pairs",
    "generate_answers",
]
