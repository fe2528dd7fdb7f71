"""Names and units of what a report shows: arms, directions and measures."""

from __future__ import annotations

from dataclasses import dataclass

from valuelocate.errors import UserError

DIRECTIONS = ("towards", "away")

ARMS = {
    "edit": "edit",
    "prompt": "description in the prompt",
    "shuffled_label": "neurons from shuffled labels",
    "other_value": "another value's neurons",
    "random_matched": "random neurons",
    "base": "unedited",
}
"""In the order in which a picture shows them; an intervention's parts (`edit:PART`) follow the edit."""

VERDICTS = {"moved": "moved", "not_moved": "not shown to move", "degenerate": "broken text"}


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A metric in words."""

    name: str
    unit: str
    meaning: str


MEASURES = {
    "preference/t2": Measure(
        name="T2",
        unit="nats per token",
        meaning="the mean log-probability per token that the model gives to a written answer taking the "
        "value's stance, minus that of a written answer to the same question taking the contrary stance",
    ),
    "preference/t1": Measure(
        name="T1",
        unit="logits",
        meaning="the logit of the option letter of the value's stance minus that of the contrary stance, "
        "averaged over both orders of the options",
    ),
    "judge/score": Measure(
        name="judge's score",
        unit="probability",
        meaning="the probability, by the judge, that an answer expresses the value",
    ),
}


def measure(metric: str, unit: str | None = None) -> Measure:
    """Return the words for a metric named "evaluator/metric"; an unknown one goes by its own name."""
    known = MEASURES.get(metric)
    return known or Measure(name=metric, unit=unit or "units of the metric", meaning=f"the metric {metric}")


def split_metric(metric: str) -> tuple[str, str]:
    """Return evaluator and metric of a name "evaluator/metric".

    Raises:
        UserError: the name has not that form.
    """
    evaluator, slash, name = metric.partition("/")
    if not slash or not evaluator or not name:
        raise UserError(f"result.json: metric is '{metric}'; expected evaluator/metric, e.g. preference/t2")
    return evaluator, name


def arm_name(arm: str) -> str:
    """Return an arm in words."""
    if arm.startswith("edit:"):
        return f"edit, part \N{LEFT DOUBLE QUOTATION MARK}{arm[5:]}\N{RIGHT DOUBLE QUOTATION MARK} alone"
    return ARMS.get(arm, arm.replace("_", " "))


def arm_order(arm: str) -> tuple[int, str]:
    """Return a sort key: the edit, its parts, then the controls."""
    whole = arm.partition(":")[0]
    known = list(ARMS)
    return (known.index(whole) if whole in known else len(known), arm)
