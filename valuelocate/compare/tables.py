"""The metrics table of a job: scores of single questions, gathered by arm with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from valuelocate.compare.intervals import gain_over_random
from valuelocate.compare.settings import CompareSettings
from valuelocate.evaluate.bootstrap import Interval, mean_interval
from valuelocate.evaluate.stage import ArmFluency
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
    *("job", "target", "scored_value", "arm", "draw", "direction", "strength", "evaluator", "metric", "quantity"),
    *("estimate", "ci_low", "ci_high", "n", "unit", "interval_method", "split", "locator", "k", "k_effective"),
    *("score_site", "edit_site", "valid"),
]


def metrics_table(
    scores: pd.DataFrame,
    *,
    fluency: Iterable[ArmFluency],
    neurons: NeuronSet,
    edit_site: Site,
    directed: frozenset[tuple[str, str]],
    settings: CompareSettings,
    seed: int,
) -> pd.DataFrame:
    """Return a row for each arm, value and measure: its mean score, its gain, and its gain beyond random draws.

    Args:
        scores: rows of single questions with the arm's columns, job and target.
        fluency: measures of whole arms.
        neurons: the located set.
        edit_site: of the intervention.
        directed: (evaluator, metric) pairs for which a gain is defined.
        settings: level and resamples of the intervals.
        seed: of the bootstrap.
    """
    job, target = scores["job"].iloc[0], scores["target"].iloc[0]
    gather = _Gather(directed, settings, seed)
    rows = [row for key, group in scores.groupby(MEASURE_KEYS, sort=False) for row in gather.measure(key, group)]
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


class _Gather:
    """Gathers the rows of one measure on one value's questions."""

    def __init__(self, directed: frozenset[tuple[str, str]], settings: CompareSettings, seed: int) -> None:
        self.directed = directed
        self.bootstrap = {"level": settings.level, "resamples": settings.resamples, "seed": seed}

    def measure(self, key: tuple[str, str, str], group: pd.DataFrame) -> list[dict[str, Any]]:
        value, evaluator, metric = key
        named = {"scored_value": value, "evaluator": evaluator, "metric": metric, "split": "eval"}
        named["unit"] = UNITS.get((evaluator, metric), "")
        arms = {arm: rows.set_index("question_id") for arm, rows in group.groupby(ARM_KEYS, sort=False)}
        base = next((rows for arm, rows in arms.items() if arm[0] == "base"), None)
        rows = []
        for arm, scored in arms.items():
            labels = named | dict(zip(ARM_KEYS, arm, strict=True)) | {"valid": bool(scored["valid"].all())}
            families = list(scored["family"])
            values = scored["score"].to_numpy(dtype=np.float64)
            rows.append(_row(labels, "score", mean_interval(values, families, **self.bootstrap)))
            if base is None or arm[0] == "base" or (evaluator, metric) not in self.directed:
                continue
            gain = self._gain(arm, scored, base)
            rows.append(_row(labels, "gain", mean_interval(gain, families, **self.bootstrap)))
            random = self._random(arm, arms, scored.index, base)
            if arm[0] == "edit" and len(random) > 1:
                beyond = gain_over_random(gain, random, families, **self.bootstrap)
                rows.append(_row(labels, "gain_over_random", beyond))
        return rows

    def _gain(self, arm: tuple[Any, ...], scored: pd.DataFrame, base: pd.DataFrame) -> np.ndarray:
        change = scored["score"] - base["score"].reindex(scored.index)
        return SIGN[arm[2]] * change.to_numpy(dtype=np.float64)

    def _random(
        self, arm: tuple[Any, ...], arms: Mapping[tuple[Any, ...], pd.DataFrame], questions: pd.Index, base: pd.DataFrame
    ) -> np.ndarray:
        """Return the gains of the random draws of the same direction and strength, [draw, question]."""
        matching = [rows for other, rows in arms.items() if other[0] == "random_matched" and other[2:] == arm[2:]]
        gains = [self._gain(arm, rows.reindex(questions), base) for rows in matching]
        return np.array(gains) if gains else np.empty((0, len(questions)))


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
