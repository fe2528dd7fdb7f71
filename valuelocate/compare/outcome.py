"""What a job found: its claim in each direction, beside the prompt, the other values and the judge."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from valuelocate.compare.claims import Claim, claim
from valuelocate.compare.settings import CompareSettings
from valuelocate.compare.tables import metrics_table
from valuelocate.evaluate.bootstrap import Interval, interval_of, row_weights, weighted_means
from valuelocate.evaluate.judge import JudgeCard
from valuelocate.evaluate.stage import ArmFluency, Evaluated
from valuelocate.intervene import Direction, Dose
from valuelocate.neurons import NeuronSet, Site

EVALUATOR, METRIC = "preference", "t2"
"""The headline measure: which of two answers, one of each pole, the model finds likelier as text."""

SIGN: Mapping[str, int] = {"towards": 1, "away": -1}
DIRECTIONS: tuple[Direction, ...] = ("towards", "away")


class Outcome(NamedTuple):
    """A job's tables and its headline."""

    result: dict[str, Any]
    scores: pd.DataFrame
    metrics: pd.DataFrame


def job_outcome(
    evaluated: Evaluated,
    *,
    job: str,
    target: str,
    neurons: NeuronSet,
    edit_site: Site,
    directed: frozenset[tuple[str, str]],
    settings: CompareSettings,
    seed: int,
) -> Outcome:
    """Turn score rows into the metrics table and the claims of both directions.

    Args:
        evaluated: what the evaluate stage measured.
        job: name of the job.
        target: id of the value.
        neurons: the located set.
        edit_site: of the intervention.
        directed: (evaluator, metric) pairs for which a gain is defined.
        settings: level and resamples of the intervals.
        seed: of the bootstrap.
    """
    scores = evaluated.scores.assign(job=job, target=target)
    metrics = metrics_table(
        scores,
        fluency=evaluated.fluency,
        neurons=neurons,
        edit_site=edit_site,
        directed=directed,
        settings=settings,
        seed=seed,
    )
    headline = _Headline(scores, target, evaluated, settings, seed)
    towards, away = (headline.direction(direction) for direction in DIRECTIONS)
    result = {
        "target": target,
        "metric": f"{EVALUATOR}/{METRIC}",
        **towards,
        "away": away,
        "judge": headline.judge(),
    }
    return Outcome(_jsonable(result), scores, metrics)


class _Headline:
    """Gains of the headline measure, a row a question."""

    def __init__(
        self, scores: pd.DataFrame, target: str, evaluated: Evaluated, settings: CompareSettings, seed: int
    ) -> None:
        chosen = scores[(scores["evaluator"] == EVALUATOR) & (scores["metric"] == METRIC)]
        self.rows, self.target, self.evaluated = chosen, target, evaluated
        self.level, self.resamples, self.seed = settings.level, settings.resamples, seed
        self.own = sorted(chosen.loc[chosen["scored_value"] == target, "question_id"].unique())
        families = chosen.drop_duplicates("question_id").set_index("question_id")["family"]
        self.family: Mapping[str, str] = families.to_dict()

    def direction(self, direction: Direction) -> dict[str, Any]:
        """Return the claim of a direction with everything that stands beside it."""
        dose = self.evaluated.doses[direction]
        gain = self._gain("edit", direction, self.own, strength=dose.strength)
        random = self._random(direction)
        found = claim(
            gain,
            random,
            [self.family[question] for question in self.own],
            fluency=self._fluency(direction, dose),
            level=self.level,
            resamples=self.resamples,
            seed=self.seed,
        )
        specific = self._specificity(direction, dose, gain)
        return {
            "direction": direction,
            **_claim_fields(found, dose),
            "prompt_estimate": float(np.nanmean(self._gain("prompt", direction, self.own))),
            "specificity": specific.estimate,
            "specificity_ci_low": specific.low,
            "specificity_ci_high": specific.high,
            "fluency": self._fluency(direction, dose),
            "strength": dose.strength,
            "dose_usable": dose.usable,
        }

    def _scores(self, arm: str, direction: str, questions: Sequence[str], **where: float) -> np.ndarray:
        rows = self.rows[(self.rows["arm"] == arm) & (self.rows["direction"] == direction)]
        for column, value in where.items():
            rows = rows[rows[column] == value]
        return rows.set_index("question_id")["score"].reindex(questions).to_numpy(dtype=np.float64)

    def _gain(self, arm: str, direction: str, questions: Sequence[str], **where: float) -> np.ndarray:
        change = self._scores(arm, direction, questions, **where) - self._scores("base", "none", questions)
        return SIGN[direction] * change

    def _random(self, direction: str) -> np.ndarray:
        rows = self.rows[(self.rows["arm"] == "random_matched") & (self.rows["direction"] == direction)]
        table = rows.pivot(index="draw", columns="question_id", values="score").reindex(columns=self.own)
        base = self._scores("base", "none", self.own)
        return SIGN[direction] * (table.sort_index().to_numpy(dtype=np.float64) - base)

    def _specificity(self, direction: str, dose: Dose, gain: np.ndarray) -> Interval:
        """Gain on the target's questions minus the mean over other values of the size of their change.

        specificity(i) = D_ii - mean over j != i of |D_ij|, after NeVA's leakage (arXiv 2602.07356), where D_ij is the
        change on the questions of value j under steering i. The interval resamples the families of every value.
        """
        changes, families = [gain], [[self.family[question] for question in self.own]]
        others = self.rows[(self.rows["arm"] == "edit") & (self.rows["scored_value"] != self.target)]
        for _, group in others.groupby("scored_value"):
            questions = sorted(group["question_id"].unique())
            changes.append(self._gain("edit", direction, questions, strength=dose.strength))
            families.append([self.family[question] for question in questions])
        return specificity_interval(changes, families, level=self.level, resamples=self.resamples, seed=self.seed)

    def _fluency(self, direction: str, dose: Dose) -> float:
        return _fluency_of(self.evaluated.fluency, direction, dose)

    def judge(self) -> dict[str, Any] | None:
        """Return the judge's own quality, and its gains where it is valid."""
        card: JudgeCard | None = self.evaluated.judge
        if card is None:
            return None
        dev, primed = card.dev[self.target].auroc, card.primed[self.target].auroc
        return {
            "valid": card.valid(self.target),
            "auroc_dev": dev.estimate,
            "auroc_dev_ci": [dev.low, dev.high],
            "auroc_dev_n": dev.n,
            "auroc_primed": primed.estimate,
            "auroc_primed_ci": [primed.low, primed.high],
            "auroc_primed_n": primed.n,
        }


def specificity_interval(
    changes: Sequence[np.ndarray], families: Sequence[Sequence[str]], *, level: float, resamples: int, seed: int
) -> Interval:
    """Return the target's mean gain minus the mean absolute mean change of the other values, with its interval.

    Args:
        changes: per question; the target's signed gains first, then each other value's changes.
        families: of the questions, as `changes`.
        level: of the interval.
        resamples: of the bootstrap, which draws families within each value.
        seed: of the bootstrap.
    """
    means, drawn = [], []
    for number, (values, names) in enumerate(zip(changes, families, strict=True)):
        weights = row_weights(names, resamples=resamples, seed=seed + number)
        drawn.append(weighted_means(values[None], weights)[:, 0])
        means.append(np.array([np.nanmean(values)]))
    if len(changes) == 1:
        missing = math.nan
        return Interval(estimate=missing, low=missing, high=missing, n=len(changes[0]), method="no other values")

    def specific(parts: Sequence[np.ndarray]) -> np.ndarray:
        return parts[0] - np.mean([np.abs(part) for part in parts[1:]], axis=0)

    return interval_of(
        float(specific(means)[0]), specific(drawn), n=len(changes[0]), families=len(set(families[0])), level=level
    )


def _claim_fields(found: Claim, dose: Dose) -> dict[str, Any]:
    reasons = list(found.reasons)
    if not dose.usable:
        reasons.append("no strength of the grid left the text usable on the dev split; the smallest was taken")
    return {
        "estimate": found.interval.estimate,
        "ci_low": found.interval.low,
        "ci_high": found.interval.high,
        "gain": found.gain,
        "n": found.n,
        "random_mean": found.random_mean,
        "random_sd": found.random_sd,
        "n_draws": found.n_draws,
        "p_rank": found.p_rank,
        "verdict": found.verdict,
        "reasons": reasons,
    }


def _fluency_of(found: Sequence[ArmFluency], direction: str, dose: Dose) -> float:
    for arm, split, report in found:
        wanted = (arm.name, arm.direction, arm.strength, split) == ("edit", direction, dose.strength, "eval")
        if wanted:
            return report.score.estimate
    return math.nan


def _jsonable(value: Any) -> Any:
    """Missing numbers become null, since NaN is no JSON."""
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(value)
    return int(value) if isinstance(value, np.integer) else value
