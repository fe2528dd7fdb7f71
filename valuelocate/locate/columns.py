"""The shared statistics by the names under which sets and tables carry them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jaxtyping import Float64
from torch import Tensor

if TYPE_CHECKING:
    from valuelocate.collect.statistics import ContrastStatistics


def statistic_columns(statistics: ContrastStatistics) -> dict[str, Float64[Tensor, "layer neuron"]]:
    """Return what edits take their amplitudes from, whatever the locator.

    Returns:
        p_pos, p_neg and delta = p_pos - p_neg; shift_SITE, the token-pooled mu+ - mu-; and a95_pos, a95_neg
        where the percentile was collected.
    """
    columns = {
        "delta": statistics.delta,
        "p_pos": statistics.positive.probability,
        "p_neg": statistics.negative.probability,
        "shift_mid": statistics.shift("mid"),
        "shift_gate_act": statistics.shift("gate_act"),
    }
    if statistics.positive.a95 is not None and statistics.negative.a95 is not None:
        columns |= {"a95_pos": statistics.positive.a95, "a95_neg": statistics.negative.a95}
    return columns
