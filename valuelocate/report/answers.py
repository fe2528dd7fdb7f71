"""Answers before and after the edit, side by side, for questions chosen by a rule that knows no result."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from valuelocate.report import numbers
from valuelocate.report.artifacts import Job
from valuelocate.report.labels import split_metric


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One answer under one arm."""

    label: str
    kind: str
    """base, towards, away, prompt or random; names the colour."""
    text: str | None
    """None: no answer was generated; empty: the model said nothing."""
    gain: str | None
    """Gain of the headline metric on this question, as text; None where it was not scored."""


@dataclass(frozen=True, kw_only=True)
class AnsweredQuestion:
    """A question with its answers."""

    id: str
    question: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, kw_only=True)
class _Slot:
    """A column of the comparison."""

    label: str
    kind: str
    arm: str
    direction: str


_SLOTS = (
    _Slot(label="unedited", kind="base", arm="base", direction="none"),
    _Slot(label="edit towards", kind="towards", arm="edit", direction="towards"),
    _Slot(label="edit away", kind="away", arm="edit", direction="away"),
    _Slot(label="prompt", kind="prompt", arm="prompt", direction="towards"),
    _Slot(label="random neurons", kind="random", arm="random_matched", direction="towards"),
)


def chosen_answers(job: Job, *, limit: int) -> tuple[tuple[AnsweredQuestion, ...], int]:
    """Return the first questions in the order of the SHA-256 of their ids, and how many there were.

    Only questions of the target value with an unedited answer and one edited at the chosen dose take part.
    """
    found = _by_question(job)
    complete = [
        question
        for question, answers in found.items()
        if "base" in answers and any(_SLOTS[place].kind in answers for place in (1, 2))
    ]
    complete.sort(key=lambda question: hashlib.sha256(question.encode("utf-8", "replace")).hexdigest())
    kinds = {kind for answers in found.values() for kind in answers}
    slots = [slot for slot in _SLOTS if slot.kind in kinds]
    scores = _headline_scores(job, complete[:limit])
    shown = tuple(
        AnsweredQuestion(
            id=question,
            question=str(found[question]["base"].get("question", "")),
            answers=tuple(
                _answer(job, scores.get(question), slot, found[question].get(slot.kind)) for slot in slots
            ),
        )
        for question in complete[:limit]
    )
    return shown, len(complete)


def missing_answers(job: Job) -> tuple[str, ...]:
    """Return the columns that no question has an answer for."""
    kinds = {kind for answers in _by_question(job).values() for kind in answers}
    return tuple(slot.label for slot in _SLOTS if slot.kind not in kinds)


def _by_question(job: Job) -> dict[str, dict[str, Mapping[str, Any]]]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in job.responses or ():
        if row.get("value") != job.target or row.get("split", "eval") != "eval":
            continue
        slot = next((slot for slot in _SLOTS if _fits(job, row, slot)), None)
        if slot is not None:
            # The first draw stands for the random neurons, whichever others were generated.
            held = found.setdefault(str(row["question_id"]), {}).get(slot.kind)
            if held is None or _draw(row) < _draw(held):
                found[str(row["question_id"])][slot.kind] = row
    return found


def _draw(row: Mapping[str, Any]) -> float:
    draw = numbers.number(row.get("draw"))
    return -1 if draw is None else draw


def _fits(job: Job, row: Mapping[str, Any], slot: _Slot) -> bool:
    if row.get("arm") != slot.arm:
        return False
    if slot.arm == "base":
        return True
    if row.get("direction") != slot.direction:
        return False
    return slot.arm == "prompt" or _same(row.get("strength"), job.dose(slot.direction))


def _same(strength: Any, dose: float | None) -> bool:
    found = numbers.number(strength)
    return found is not None and dose is not None and bool(np.isclose(found, dose))


def _headline_scores(job: Job, questions: list[str]) -> dict[str, pd.DataFrame]:
    if job.scores is None:
        return {}
    evaluator, name = split_metric(job.metric)
    rows = job.scores[job.scores["question_id"].isin(questions)]
    keep = (rows["evaluator"] == evaluator) & (rows["metric"] == name) & (rows["scored_value"] == job.target)
    return {
        str(question): group for question, group in rows[keep & rows["score"].notna()].groupby("question_id")
    }


def _answer(job: Job, scores: pd.DataFrame | None, slot: _Slot, row: Mapping[str, Any] | None) -> Answer:
    text = None if row is None or row.get("text") is None else str(row["text"])
    gain = None
    if row is not None and scores is not None and slot.arm != "base":
        gain = _gain(scores, slot, _draw(row), job.dose(slot.direction))
    return Answer(
        label=slot.label, kind=slot.kind, text=text, gain=None if gain is None else numbers.signed(gain)
    )


def _gain(scores: pd.DataFrame, slot: _Slot, draw: float, dose: float | None) -> float | None:
    """Return the gain on one question, larger = more in the intended direction."""
    base = scores[scores["arm"] == "base"]["score"]
    edited = scores[(scores["arm"] == slot.arm) & (scores["direction"] == slot.direction)]
    if slot.arm == "random_matched":
        edited = edited[edited["draw"] == draw]
    if slot.arm != "prompt":
        edited = edited[[_same(strength, dose) for strength in edited["strength"]]]
    if base.empty or edited.empty:
        return None
    change = float(edited["score"].iloc[0] - base.iloc[0])
    return change if slot.direction == "towards" else -change
