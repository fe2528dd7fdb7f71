"""The ranking as a table: every neuron in scope with its score and the shared statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from valuelocate.locate.columns import statistic_columns
from valuelocate.locate.mean_diff import MEAN_SITES, mean_difference
from valuelocate.locate.order import ranked
from valuelocate.locate.paired_t import paired_t
from valuelocate.neurons import NeuronScores

if TYPE_CHECKING:
    from valuelocate.collect.statistics import ContrastStatistics


def ranking_table(scores: NeuronScores, statistics: ContrastStatistics, *, seed: int = 0) -> pd.DataFrame:
    """Return a row for every neuron in scope, ordered by rank.

    Args:
        scores: of any locator.
        statistics: shared by all locators.
        seed: breaks ties as the selection with the same seed does.

    Returns:
        layer, neuron, score, rank (1 is the largest signed score, so S+ is at the top and S- at the bottom),
        delta, p_pos, p_neg, shift_SITE (token-pooled), a95_pos and a95_neg where collected, mean_diff_SITE
        (per-response means) and paired_t_SITE (NaN for fewer than two pairs), for the sites mid and gate_act.
    """
    order = ranked(scores.scores, scores, seed)
    width = scores.scores.shape[1]
    tables = {"score": scores.scores, **statistic_columns(statistics)}
    for site in MEAN_SITES:
        tables[f"mean_diff_{site}"] = mean_difference(statistics.positive, statistics.negative, site)
        tables[f"paired_t_{site}"] = paired_t(
            statistics.paired_mean[site], statistics.paired_spread[site], statistics.pairs
        )
    columns = {name: table.reshape(-1)[order].numpy() for name, table in tables.items()}
    place = {"layer": (order // width).numpy(), "neuron": (order % width).numpy()}
    rank = np.arange(1, len(order) + 1)
    return pd.DataFrame(place | {"score": columns.pop("score"), "rank": rank} | columns)
