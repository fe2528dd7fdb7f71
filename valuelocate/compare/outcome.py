"""What a job found: its claim in each direction, beside the prompt, the controls and the other values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float64

from valuelocate.compare.claims import Claim, claim
from valuelocate.compare.settings import CompareSettings
from valuelocate.compare.specificity import specificity_interval
from valuelocate.compare.tables import SIGN, metrics_table
from valuelocate.errors import UserError
from valuelocate.evaluate.answer_scores import ArmFluency
from valuelocate.evaluate.arms import BASE, DIRECTIONS, EDIT, PROMPT, RANDOM
from valuelocate.evaluate.bootstrap import Interval, Resampling
from valuelocate.evaluate.stage import Evaluated
from valuelocate.intervene import Direction
from valuelocate.neurons import NeuronSet, Site

HEADLINES = (("preference", "t2"), ("preference", "t1"))
"""The measures a claim may be about, the first that was measured: which of two answers the model finds
likelier as text, else which it names. A judge's score is none of them: only one random draw is answered."""

Gains = Float64[np.ndarray, " question"]


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

    Raises:
        UserError: none of the measures that a claim may be about was measured.
    """
    scores = evaluated.scores.assign(job=job, target=target)
    resampling = settings.resampling(seed)
    metrics = metrics_table(
        scores,
        fluency=evaluated.fluency,
        neurons=neurons,
        edit_site=edit_site,
        directed=directed,
        resampling=resampling,
    )
    measure = _headline(scores)
    rows = scores[(scores["evaluator"] == measure[0]) & (scores["metric"] == measure[1])]
    claims = {
        direction: _direction(rows, target, evaluated, direction, resampling) for direction in DIRECTIONS
    }
    result = {
        "target": target,
        "metric": "/".join(measure),
        **claims["towards"],
        "away": claims["away"],
        "judge": _judge(evaluated, target),
    }
    return Outcome(_jsonable(result), scores, metrics)


def _headline(scores: pd.DataFrame) -> tuple[str, str]:
    measured = set(scores[["evaluator", "metric"]].itertuples(index=False, name=None))
    found = next((measure for measure in HEADLINES if measure in measured), None)
    if found is None:
        names = ", ".join("/".join(measure) for measure in HEADLINES)
        raise UserError(
            f"evaluate: none of {names} was measured, and a claim is about one of them; add preference"
        )
    return found


def _direction(
    rows: pd.DataFrame, target: str, evaluated: Evaluated, direction: Direction, resampling: Resampling
) -> dict[str, Any]:
    """Return the claim of a direction with everything that stands beside it."""
    dose = evaluated.doses[direction]
    gains = _Gains(rows[rows["scored_value"] == target], direction)
    edit = gains.of(EDIT, dose.strength)
    fluency, unmeasured = _fluency(evaluated.fluency, direction, dose.strength)
    found = claim(edit, gains.of_draws(), gains.families, fluency=fluency, resampling=resampling)
    others = [
        _Gains(group, direction)
        for value, group in rows.groupby("scored_value", sort=True)
        if value != target
    ]
    specific = specificity_interval(
        [edit, *(other.of(EDIT, dose.strength) for other in others)],
        [gains.families, *(other.families for other in others)],
        resampling=resampling,
    )
    reasons = [*found.reasons, *([f"fluency: {unmeasured}"] if unmeasured else [])]
    if not found.n:
        reasons += sorted({f"not scored: {why}" for why in rows["reason"].dropna()})
    if evaluated.calibrated and not dose.usable:
        reasons.append(
            "no strength of the grid left the text usable on the dev split; the smallest was taken"
        )
    return {
        "direction": direction,
        **_claim_fields(found),
        "reasons": reasons,
        "prompt_estimate": _mean(gains.of(PROMPT)),
        "shuffled_label_estimate": _mean(gains.of("shuffled_label")),
        "other_value_estimate": _mean(gains.of("other_value")),
        **_interval_fields("specificity", specific),
        "fluency": fluency,
        "strength": dose.strength,
        # Of a dose that was not chosen by fluency, nothing is known but the fluency at the end.
        "dose_usable": dose.usable if evaluated.calibrated else None,
    }


@dataclass
class _Gains:
    """Changes of one measure on one value's questions, signed so that larger is more in a direction."""

    rows: pd.DataFrame
    direction: Direction

    def __post_init__(self) -> None:
        questions = self.rows.drop_duplicates("question_id").set_index("question_id")["family"].sort_index()
        self.questions, self.families = questions.index, list(questions)
        self.base = self._aligned(self.rows[self.rows["arm"] == BASE.name])

    def of(self, arm: str, strength: float | None = None) -> Gains:
        """Return the gains of an arm, NaN where a question was not scored under it."""
        found = self._of_direction(arm)
        if strength is not None:
            found = found[found["strength"] == strength]
        return SIGN[self.direction] * (self._aligned(found) - self.base)

    def of_draws(self) -> Float64[np.ndarray, "draw question"]:
        """Return the gains of the random draws."""
        table = self._of_direction(RANDOM).pivot(index="draw", columns="question_id", values="score")
        scores = table.reindex(columns=self.questions).to_numpy(dtype=np.float64)
        return SIGN[self.direction] * (scores - self.base)

    def _of_direction(self, arm: str) -> pd.DataFrame:
        return self.rows[(self.rows["arm"] == arm) & (self.rows["direction"] == self.direction)]

    def _aligned(self, rows: pd.DataFrame) -> Gains:
        return rows.set_index("question_id")["score"].reindex(self.questions).to_numpy(dtype=np.float64)


def _claim_fields(found: Claim) -> dict[str, Any]:
    return {
        "estimate": found.interval.estimate,
        "ci_low": found.interval.low,
        "ci_high": found.interval.high,
        "gain": found.gain,
        "n": found.n,
        "random_mean": found.random_mean,
        "random_sd": found.random_sd,
        "z": found.z,
        "n_draws": found.n_draws,
        "p_rank": found.p_rank,
        "verdict": found.verdict,
    }


def _interval_fields(name: str, found: Interval) -> dict[str, float]:
    return {name: found.estimate, f"{name}_ci_low": found.low, f"{name}_ci_high": found.high}


def _fluency(found: Sequence[ArmFluency], direction: str, strength: float) -> tuple[float, str | None]:
    """Return the fluency of the edit's answers on `eval`; NaN where it is missing, with the reason."""
    wanted = (EDIT, direction, strength, "eval")
    for arm, split, report in found:
        if (arm.name, arm.direction, arm.strength, split) == wanted:
            return report.score.estimate, report.reason
    return math.nan, None


def _judge(evaluated: Evaluated, target: str) -> dict[str, Any] | None:
    """Return how good the judge is at this value; None where none was asked."""
    card = evaluated.judge
    if card is None:
        return None
    known: dict[str, Any] = {"valid": card.valid(target)}
    for name, checks in (("auroc_dev", card.dev), ("auroc_primed", card.primed)):
        found = checks[target].auroc if target in checks else None
        known[name] = found.estimate if found else None
        known[f"{name}_ci"] = [found.low, found.high] if found else None
        known[f"{name}_n"] = found.n if found else 0
    return known


def _mean(gains: Gains) -> float:
    known = gains[np.isfinite(gains)]
    return float(known.mean()) if len(known) else math.nan


def _jsonable(value: Any) -> Any:
    """Missing numbers become null, since NaN is no JSON."""
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if math.isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value
