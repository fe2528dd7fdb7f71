"""The evaluate stage: the dose is chosen on `dev`, then every arm is scored on `eval`, once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from valuelocate.collect import GenerationSettings
from valuelocate.console import progress
from valuelocate.costs import CostMeter
from valuelocate.dataset import Question, ValueDataset
from valuelocate.errors import UserError
from valuelocate.evaluate.arms import BASE, DIRECTIONS, Arm, ArmRunner, NeuronSets, edit_arms, prompt_arm, random_arms
from valuelocate.evaluate.fluency import FluencyReport, FluencyScorer
from valuelocate.evaluate.judge import Judge, JudgeCard, JudgeScorer, primed_auroc, stance_auroc
from valuelocate.evaluate.settings import EvaluateSettings
from valuelocate.intervene import Direction, Dose, DosePoint, Intervention, choose_dose
from valuelocate.model import LanguageModel
from valuelocate.store import Store

logger = logging.getLogger(__name__)

ANSWERED_ARMS = ("base", "edit", "prompt", "random_matched")
"""Arms whose questions are answered in full; the others are scored by probabilities alone."""


class ArmFluency(NamedTuple):
    """Fluency of one arm's answers on one split."""

    arm: Arm
    split: str
    report: FluencyReport


class Evaluated(NamedTuple):
    """Everything that was measured."""

    doses: Mapping[Direction, Dose]
    scores: pd.DataFrame
    """Score rows with the arm's columns, on `eval`; the strength curve included."""
    answers: pd.DataFrame
    """Generated answers with the arm's columns, on `eval`."""
    fluency: Sequence[ArmFluency]
    judge: JudgeCard | None
    """How good the judge is on this value and model; None where no judge was asked."""


@dataclass(frozen=True, kw_only=True)
class EvaluateStage:
    """One edit rule on one model and dataset."""

    lm: LanguageModel
    dataset: ValueDataset
    value: str
    intervention: Intervention
    settings: EvaluateSettings
    draws: int
    level: float
    resamples: int
    store: Store
    meter: CostMeter
    seed: int

    def run(self, sets: NeuronSets) -> Evaluated:
        """Choose the doses, score and answer under every arm, and score the answers.

        Raises:
            UserError: an empty split, or an edit without meaning for these sets.
        """
        for evaluator in self.settings.prompt_evaluators.values():
            evaluator.check_positions(self.intervention.positions)
        with self.meter.stage("calibrate"):
            doses, dev = self._calibrate(sets)
        with self.meter.stage("evaluate"):
            arms = self._arms(sets, doses)
            scores = self._score(arms, doses)
        with self.meter.stage("answer"):
            answers = self._answer(arms, doses)
        with self.meter.stage("judge"):
            frames, fluency, card = self._score_answers(answers, arms)
        return Evaluated(doses, pd.concat([scores, *frames], ignore_index=True), answers, [*dev, *fluency], card)

    def _runner(self) -> ArmRunner:
        return ArmRunner(
            self.lm,
            evaluators=self.settings.prompt_evaluators,
            generation=GenerationSettings(
                max_new_tokens=self.settings.max_new_tokens, batch_size=self.settings.batch_size
            ),
            store=self.store,
        )

    def _grid(self) -> tuple[float, ...]:
        return self.intervention.doses(self.settings.strengths)

    def _fluency_scorer(self) -> FluencyScorer | None:
        found = [evaluator.prepare(self.dataset, self.lm) for evaluator in self.settings.answer_evaluators.values()]
        return next((scorer for scorer in found if isinstance(scorer, FluencyScorer)), None)

    def _calibrate(self, sets: NeuronSets) -> tuple[dict[Direction, Dose], list[ArmFluency]]:
        """Measure fluency over the grid on `dev` and choose each direction's dose, unless the config fixes it."""
        fixed = self.intervention.strength
        if fixed != "dev":
            return {direction: Dose(float(fixed), True) for direction in DIRECTIONS}, []
        scorer = self._fluency_scorer()
        if scorer is None:
            raise UserError("intervene.strength=dev chooses the dose by fluency: add fluency to evaluate, or give a number")
        questions = self.dataset.question_records(self.value, "dev")
        runner = self._runner()
        baseline = runner.answer(BASE, questions)
        doses: dict[Direction, Dose] = {}
        found: list[ArmFluency] = []
        for direction in DIRECTIONS:
            points = []
            for strength in self._grid():
                edit = self.intervention.edit(sets.target, direction=direction, strength=strength)
                arm = Arm(name="edit", direction=direction, strength=strength, edit=edit)
                report = self._report(scorer, runner.answer(arm, questions), baseline)
                found.append(ArmFluency(arm, "dev", report))
                points.append(DosePoint(strength, report.score.estimate))
            doses[direction] = choose_dose(points)
            if not doses[direction].usable:
                logger.warning("%s: no strength of the grid leaves the text usable; the smallest is taken", direction)
        return doses, found

    def _report(self, scorer: FluencyScorer, answers: pd.DataFrame, baseline: pd.DataFrame) -> FluencyReport:
        return scorer.report(answers, baseline, level=self.level, resamples=self.resamples, seed=self.seed)

    def _arms(self, sets: NeuronSets, doses: Mapping[Direction, Dose]) -> list[Arm]:
        arms = [BASE]
        descriptions = self.dataset.description_records(self.value, split="eval")
        for direction in DIRECTIONS:
            dose = doses[direction].strength
            arms += edit_arms(self.intervention, sets, direction=direction, dose=dose, grid=self._grid())
            arms += random_arms(
                self.intervention, sets.target, direction=direction, dose=dose, draws=self.draws, seed=self.seed
            )
            arms.append(prompt_arm(self._questions(), descriptions, direction=direction, seed=self.seed))
        return arms

    def _questions(self, value: str | None = None) -> list[Question]:
        return self.dataset.question_records(value or self.value, "eval")

    def _score(self, arms: Sequence[Arm], doses: Mapping[Direction, Dose]) -> pd.DataFrame:
        """Score every arm on the target's questions, and the edit at its dose on the other values' too."""
        runner, questions, others = self._runner(), self._questions(), self._other_questions()
        frames = []
        with progress("scoring arms", total=len(arms), unit="arms") as advance:
            for arm in arms:
                frames.append(runner.score(arm, questions))
                if others and (arm is BASE or (arm.name == "edit" and is_answered(arm, doses))):
                    frames.append(runner.score(arm, others))
                advance(1)
        return pd.concat(frames, ignore_index=True)

    def _other_questions(self) -> list[Question]:
        present = self.dataset.questions
        values = present.loc[present["split"] == "eval", "value"].unique()
        return [question for value in sorted(values) if value != self.value for question in self._questions(value)]

    def _answer(self, arms: Sequence[Arm], doses: Mapping[Direction, Dose]) -> pd.DataFrame:
        if not self.settings.answer_evaluators:
            return pd.DataFrame()
        runner = self._runner()
        wanted = [arm for arm in arms if is_answered(arm, doses)]
        return pd.concat([runner.answer(arm, self._questions()) for arm in wanted], ignore_index=True)

    def _score_answers(
        self, answers: pd.DataFrame, arms: Sequence[Arm]
    ) -> tuple[list[pd.DataFrame], list[ArmFluency], JudgeCard | None]:
        frames: list[pd.DataFrame] = []
        fluency: list[ArmFluency] = []
        card = None
        if answers.empty:
            return frames, fluency, card
        groups = dict(list(answers.groupby(list(BASE.labels()), sort=False)))
        named = {tuple(arm.labels().values()): arm for arm in arms}
        baseline = groups[tuple(BASE.labels().values())]
        for evaluator in self.settings.answer_evaluators.values():
            scorer = evaluator.prepare(self.dataset, self.lm)
            if isinstance(scorer, JudgeScorer):
                card = scorer.card = self._judge_card(scorer.judge, answers)
            for labels, group in groups.items():
                frames.append(scorer.score(group, baseline).assign(**named[labels].labels()))
                if isinstance(scorer, FluencyScorer):
                    fluency.append(ArmFluency(named[labels], "eval", self._report(scorer, group, baseline)))
        return frames, fluency, card

    def _judge_card(self, judge: Judge, answers: pd.DataFrame) -> JudgeCard:
        """Check the judge on written answers, and on the unedited model's under descriptions of each pole."""
        primed = {
            direction: answers[(answers["arm"] == "prompt") & (answers["direction"] == direction)].sort_values("question_id")
            for direction in DIRECTIONS
        }
        bootstrap = {"level": self.level, "resamples": self.resamples, "seed": self.seed}
        texts = {direction: list(frame["answer"]) for direction, frame in primed.items()}
        families = list(primed["towards"]["family"])
        return JudgeCard(
            dev={self.value: stance_auroc(judge, self.value, self.dataset, **bootstrap)},
            primed={self.value: primed_auroc(judge, self.value, texts["towards"], texts["away"], families, **bootstrap)},
        )


def is_answered(arm: Arm, doses: Mapping[Direction, Dose]) -> bool:
    """Whether an arm's questions are answered in full: at the chosen dose, and of random draws the first."""
    if arm.name not in ANSWERED_ARMS or arm.draw > 0:
        return False
    return arm.name != "edit" or arm.direction == "none" or arm.strength == doses[arm.direction].strength
