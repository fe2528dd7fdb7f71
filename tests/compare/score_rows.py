"""Score rows of a small made-up job, and a set of neurons."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import torch

from valuelocate.evaluate.answer_scores import ArmFluency
from valuelocate.evaluate.arms import Arm
from valuelocate.evaluate.bootstrap import Interval
from valuelocate.evaluate.fluency import FluencyReport
from valuelocate.neurons import NeuronSet

VALUE, OTHER = "openness_to_change", "conservation"
QUESTIONS = [f"q{n}" for n in range(6)]


def rows(
    arm: str,
    scores: Sequence[float] | float,
    *,
    direction: str = "none",
    strength: float = 0.0,
    draw: int = -1,
    value: str = VALUE,
    measure: tuple[str, str] = ("preference", "t2"),
    valid: bool = True,
) -> pd.DataFrame:
    listed = [scores] * len(QUESTIONS) if isinstance(scores, int | float) else list(scores)
    return pd.DataFrame(
        {
            "scored_value": value,
            "question_id": [f"{value}-{name}" for name in QUESTIONS],
            "family": [f"{value}-{name}" for name in QUESTIONS],
            "evaluator": measure[0],
            "metric": measure[1],
            "score": listed,
            "reason": [None if math.isfinite(score) else "left out" for score in listed],
            "valid": valid,
            "arm": arm,
            "draw": draw,
            "direction": direction,
            "strength": strength,
        }
    )


BASE = [0.1, -0.2, 0.3, 0.0, 0.5, -0.4]


def shifted(by: float) -> list[float]:
    return [score + by for score in BASE]


def job_rows(draws: int = 19, towards: float = 1.0, away: float = -1.0, **changes: Any) -> pd.DataFrame:
    """An edit that shifts every question, draws that shift them by up to a tenth, a prompt, another value."""
    parts = [rows("base", BASE, **changes), rows("base", BASE, value=OTHER, **changes)]
    for direction, by in (("towards", towards), ("away", away)):
        at = {"direction": direction, "strength": 1.5, **changes}
        parts += [rows("edit", shifted(by * dose / 1.5), **{**at, "strength": dose}) for dose in (1.0, 1.5)]
        parts += [rows("edit", shifted(0.2), value=OTHER, **at)]
        parts += [rows("shuffled_label", shifted(0.1), **at), rows("other_value", shifted(0.05), **at)]
        parts += [
            rows("random_matched", shifted(0.1 * math.cos(draw)), draw=draw, **at) for draw in range(draws)
        ]
        parts += [rows("prompt", shifted(0.5), direction=direction, strength=1.0, **changes)]
    return pd.concat(parts, ignore_index=True)


def fluency_of(
    direction: str, score: float, *, strength: float = 1.5, split: str = "eval", reason: str | None = None
) -> ArmFluency:
    known = Interval(estimate=score, low=score - 0.01, high=score + 0.01, n=6, method="made")
    numbers: Mapping[str, float] = dict.fromkeys(
        ("base_ppl", "base_distinct3", "nonempty", "base_nonempty", "length", "base_length", "repetition"),
        1.0,
    )
    report = FluencyReport(score=known, ppl=known, distinct3=known, reason=reason, **numbers)
    return ArmFluency(Arm(name="edit", direction=direction, strength=strength), split, report)


def neuron_set() -> NeuronSet:
    one = torch.ones(2, dtype=torch.float64)
    names = ("score", "p_pos", "p_neg", "delta", "shift_mid", "shift_gate_act")
    return NeuronSet(
        layer=torch.tensor([0, 1]),
        neuron=torch.tensor([3, 4]),
        pole=torch.tensor([1, -1]),
        columns=dict.fromkeys(names, one),
        n_layers=2,
        width=8,
        locator="made_up",
        value=VALUE,
        score_site="gate_act",
        fingerprint="model",
        data_hash="data",
        k_requested=4,
    )
