"""The metrics table of a job: scores of single questions, gathered by arm with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64

from valuelocate.compare.intervals import gain_over_random
from valuelocate.evaluate.answer_scores import ArmFluency
from valuelocate.evaluate.arms import BASE, PROMPT, RANDOM
from valuelocate.evaluate.bootstrap import Interval, Resampling, mean_intervals
from valuelocate.neurons import NeuronSet, Site

ARM_KEYS = ["arm", "draw", "direction", "strength"]
MEASURE_KEYS = ["scored_value", "evaluator", "metric"]

SIGN: Mapping[str, int] = {"towards": 1, "away": -1}
"""A gain is larger the more a change goes in the intended direction."""

UNITS: Mapping[tuple[str, str], str] = {
    ("preference", "t1"): "logits",
    ("preference", "t1_mass"): "probability",
    ("preference", "t2"): "nats per token",
    ("judge", "score"): "probability",
    ("fluency", "score"): "ratio",
    ("fluency", "ppl"): "perplexity",
    ("fluency", "distinct3"): "share",
    ("fluency", "length"): "tokens",
    ("fluency", "empty"): "share",
    ("fluency", "nll"): "nats per token",
    ("fluency", "repetition"): "share",
}

COLUMNS = [
    *("job", "target", "scored_value", "arm", "draw", "direction", "strength", "evaluator", "metric"),
    *("quantity", "estimate", "ci_low", "ci_high", "n", "unit", "interval_method", "split"),
    *("locator", "k", "k_effective", "score_site", "edit_site", "valid"),
]


def metrics_table(
    scores: pd.DataFrame,
    *,
    fluency: Iterable[ArmFluency],
    neurons: NeuronSet,
    edit_site: Site,
    directed: frozenset[tuple[str, str]],
    resampling: Resampling,
) -> pd.DataFrame:
    """Return rows for each arm, value and measure: mean score, gain, and gain beyond the random draws.

    Args:
        scores: rows of single questions with the arm's columns, job and target.
        fluency: measures of whole arms.
        neurons: the located set.
        edit_site: of the intervention.
        directed: (evaluator, metric) pairs for which a gain is defined.
        resampling: of the intervals.

    Raises:
        ValueError: a question was scored twice under one arm by one measure.
    """
    job, target = scores["job"].iloc[0], scores["target"].iloc[0]
    rows: list[dict[str, Any]] = []
    for (value, evaluator, metric), group in scores.groupby(MEASURE_KEYS, sort=False):
        named = {"scored_value": value, "evaluator": evaluator, "metric": metric, "split": "eval"}
        named["unit"] = UNITS.get((evaluator, metric), "")
        rows += _gathered(named, _measured(group), (evaluator, metric) in directed, resampling)
    rows += [row for found in fluency for row in _fluency_rows(found, target)]
    table = pd.DataFrame(rows).assign(
        job=job,
        target=target,
        locator=neurons.locator,
        k=neurons.k_requested,
        k_effective=neurons.k_effective,
        score_site=neurons.score_site,
        edit_site=edit_site,
    )
    return table[COLUMNS]


class _Measured(NamedTuple):
    """Scores of one measure on one value's questions, a row an arm."""

    labels: pd.DataFrame
    """The arm's keys and whether its scores are valid."""
    scores: Float64[np.ndarray, "arm question"]
    """NaN where a question was not scored."""
    families: list[str]
    base: Float64[np.ndarray, " question"] | None
    """Scores of the unedited model."""


def _measured(group: pd.DataFrame) -> _Measured:
    if group.duplicated([*ARM_KEYS, "question_id"]).any():
        raise ValueError("a question was scored twice under one arm by one measure")
    table = group.pivot(index=ARM_KEYS, columns="question_id", values="score")
    families = group.drop_duplicates("question_id").set_index("question_id")["family"]
    labels = group.groupby(ARM_KEYS, sort=False)["valid"].all().reset_index()
    scores = table.reindex(pd.MultiIndex.from_frame(labels[ARM_KEYS])).to_numpy(dtype=np.float64)
    unedited = np.flatnonzero(labels["arm"] == BASE.name)
    base = scores[unedited[0]] if len(unedited) else None
    return _Measured(labels, scores, list(families.reindex(table.columns)), base)


def _gathered(
    named: Mapping[str, Any], measured: _Measured, has_gain: bool, resampling: Resampling
) -> Iterator[dict[str, Any]]:
    """Yield the rows of one measure: scores, then gains over base, then gains beyond the random draws."""
    arms = [named | row for row in measured.labels.to_dict("records")]
    bootstrap = partial(mean_intervals, resampling=resampling)
    for arm, found in zip(arms, bootstrap(measured.scores, measured.families), strict=True):
        yield _row(arm, "score", found)
    if measured.base is None or not has_gain:
        return
    gains = measured.labels["direction"].map(SIGN).to_numpy(dtype=np.float64)[:, None] * (
        measured.scores - measured.base
    )
    directed = measured.labels["direction"].isin(SIGN).to_numpy()
    for arm, found, changed in zip(arms, bootstrap(gains, measured.families), directed, strict=True):
        if changed:
            yield _row(arm, "gain", found)
    for place in np.flatnonzero(directed & (measured.labels["arm"] != RANDOM)):
        draws = gains[_matching_draws(measured.labels, int(place))]
        # One draw says nothing of how much draws differ.
        if len(draws) > 1:
            beyond = gain_over_random(gains[place], draws, measured.families, resampling=resampling)
            yield _row(arms[place], "gain_over_random", beyond)


def _matching_draws(labels: pd.DataFrame, place: int) -> Bool[np.ndarray, " arm"]:
    """Mark the random draws of the same direction and strength as an arm; a description has none."""
    arm = labels.iloc[place]
    same = (labels["direction"] == arm["direction"]) & (labels["strength"] == arm["strength"])
    matching = (labels["arm"] == RANDOM) & same & (arm["arm"] != PROMPT)
    return matching.to_numpy(dtype=bool)


def _row(labels: Mapping[str, Any], quantity: str, found: Interval) -> dict[str, Any]:
    return {
        **labels,
        "quantity": quantity,
        "estimate": found.estimate,
        "ci_low": found.low,
        "ci_high": found.high,
        "n": found.n,
        "interval_method": found.method,
    }


def _fluency_rows(found: ArmFluency, target: str) -> Sequence[dict[str, Any]]:
    labels = {
        **found.arm.labels(),
        "scored_value": target,
        "evaluator": "fluency",
        "split": found.split,
        "valid": True,
    }
    return [
        _row(labels | {"metric": metric, "unit": UNITS["fluency", metric]}, "score", interval)
        for metric, interval in found.report.intervals().items()
    ]
