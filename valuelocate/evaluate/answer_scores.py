"""Scoring generated answers: every evaluator on every arm, and how far the judge is to be trusted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from valuelocate.dataset import ValueDataset
from valuelocate.evaluate.arms import BASE, PROMPT, Arm
from valuelocate.evaluate.base import AnswerScorer
from valuelocate.evaluate.bootstrap import Resampling
from valuelocate.evaluate.fluency import FluencyReport, FluencyScorer
from valuelocate.evaluate.judge import Judge, JudgeCard, JudgeCheck, JudgeScorer, primed_auroc, stance_auroc

_LABELS = list(BASE.labels())


class ArmFluency(NamedTuple):
    """Fluency of one arm's answers on one split."""

    arm: Arm
    split: str
    report: FluencyReport


class AnswerScores(NamedTuple):
    """What the answers of all arms are worth."""

    frames: Sequence[pd.DataFrame]
    """Score rows with the arm's columns."""
    fluency: Sequence[ArmFluency]
    judge: JudgeCard | None
    """None where no judge was asked."""


def score_answers(
    scorers: Sequence[AnswerScorer],
    answers: pd.DataFrame,
    arms: Sequence[Arm],
    *,
    dataset: ValueDataset,
    value: str,
    resampling: Resampling,
) -> AnswerScores:
    """Score the answers of every arm.

    Args:
        scorers: the evaluators, made ready.
        answers: of the unedited model and of other arms, with the arm's columns.
        arms: those that were answered, among others.
        dataset: has the texts that a judge is checked on.
        value: id of the value that the questions are about.
        resampling: how intervals are made.
    """
    groups = dict(list(answers.groupby(_LABELS, sort=False)))
    named = {tuple(arm.labels().values()): arm for arm in arms}
    baseline = groups[tuple(BASE.labels().values())]
    frames: list[pd.DataFrame] = []
    fluency: list[ArmFluency] = []
    card = None
    for scorer in scorers:
        if isinstance(scorer, JudgeScorer):
            card = scorer.card = judge_card(scorer.judge, answers, dataset, value, resampling)
        for labels, group in groups.items():
            arm = named[labels]
            frames.append(scorer.score(group, baseline).assign(**arm.labels()))
            if isinstance(scorer, FluencyScorer):
                report = scorer.report(group, baseline, resampling=resampling)
                fluency.append(ArmFluency(arm, "eval", report))
    return AnswerScores(frames, fluency, card)


def judge_card(
    judge: Judge, answers: pd.DataFrame, dataset: ValueDataset, value: str, resampling: Resampling
) -> JudgeCard:
    """Check the judge on written answers, and on the unedited model's under descriptions of each pole.

    A check that has nothing to be made on is left out; without the second the judge is not valid.
    """
    primed: Mapping[str, JudgeCheck] = {}
    prompted = answers[answers["arm"] == PROMPT]
    pair = prompted.pivot(index="question_id", columns="direction", values="answer").dropna()
    if {"towards", "away"} <= set(pair):
        families = prompted.drop_duplicates("question_id").set_index("question_id")["family"]
        check = primed_auroc(
            judge,
            value,
            list(pair["towards"]),
            list(pair["away"]),
            list(families.reindex(pair.index)),
            resampling=resampling,
        )
        primed = {value: check}
    written = any(row.stances for row in dataset.question_records(value, "dev"))
    dev = {value: stance_auroc(judge, value, dataset, resampling=resampling)} if written else {}
    return JudgeCard(dev=dev, primed=primed)
