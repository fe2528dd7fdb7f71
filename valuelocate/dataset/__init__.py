"""ValueInsight and datasets of one's own: value descriptions and situational questions.

The text of ValueInsight comes with the package; `load_dataset("mini")` returns it.
"""

from valuelocate.dataset.loading import DatasetSource, load_dataset
from valuelocate.dataset.records import (
    Description,
    Generator,
    Question,
    Record,
    Stances,
    parse_record,
    record_id,
    to_row,
)
from valuelocate.dataset.seeds import Seed, load_seeds
from valuelocate.dataset.splits import Half, Topic, Topics, half, load_topics
from valuelocate.dataset.value_dataset import LOCATE_NEG_KINDS, LocatingRows, ValueDataset, dataset_of

__all__ = [
    "LOCATE_NEG_KINDS",
    "DatasetSource",
    "Description",
    "Generator",
    "Half",
    "LocatingRows",
    "Question",
    "Record",
    "Seed",
    "Stances",
    "Topic",
    "Topics",
    "ValueDataset",
    "dataset_of",
    "half",
    "load_dataset",
    "load_seeds",
    "load_topics",
    "parse_record",
    "record_id",
    "to_row",
]
