"""The evaluate stage: the dose is chosen on `dev`, then every arm is scored on `eval`, once."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import pandas as pd

from valuelocate.collect import GenerationSettings
from valuelocate.console import progress
from valuelocate.costs import CostMeter
from valuelocate.dataset import Question, ValueDataset
from valuelocate.errors import UserError
from valuelocate.evaluate.answer_scores import AnswerScores, ArmFluency, score_answers
from valuelocate.evaluate.arms import (
    BASE,
    DIRECTIONS,
    EDIT,
    POLE_OF,
    PROMPT,
    RANDOM,
    Arm,
    ArmRunner,
    NeuronSets,
    edit_arms,
    prompt_arm,
    random_arms,
)
from valuelocate.evaluate.base import AnswerScorer
from valuelocate.evaluate.bootstrap import Resampling
from valuelocate.evaluate.fluency import FluencyScorer
from valuelocate.evaluate.judge import JudgeCard
from valuelocate.evaluate.settings import EvaluateSettings
from valuelocate.intervene import Direction, Dose, DosePoint, Intervention, choose_dose
from valuelocate.locate.random_control import random_matched
from valuelocate.model import LanguageModel
from valuelocate.neurons import NeuronSet
from valuelocate.store import Store

logger = logging.getLogger(__name__)

ANSWERED_ARMS = (BASE.name, EDIT, PROMPT, RANDOM)
"""Arms whose questions are answered in full; the others are scored by probabilities alone."""

Doses = Mapping[Direction, Dose]


class Evaluated(NamedTuple):
    """Everything that was measured."""

    doses: Doses
    calibrated: bool
    """Whether the doses were chosen on `dev`, and not given in the config."""
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
    """Full id, of any level of the theory."""
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
            UserError: what cannot be measured or claimed, an empty split, an edit without meaning for these
                sets, or a set that random neurons cannot be matched to.
        """
        runner = self._runner()
        # Before anything is generated: a set that leaves too few neurons to draw from.
        random_matched(sets.target, seed=self.seed, draw=0)
        with self.meter.stage("calibrate"):
            doses, dev = self._doses(runner, sets.target)
        with self.meter.stage("evaluate"):
            arms = self._arms(sets, doses)
            scores = self._score(runner, arms, doses)
        with self.meter.stage("answer"):
            answers = self._answer(runner, arms, doses)
        with self.meter.stage("judge"):
            found = self._score_answers(answers, arms)
        return Evaluated(
            doses=doses,
            calibrated=self.intervention.strength == "dev",
            scores=pd.concat([scores, *found.frames], ignore_index=True),
            answers=answers,
            fluency=[*dev, *found.fluency],
            judge=found.judge,
        )

    @property
    def resampling(self) -> Resampling:
        """How intervals are made."""
        return Resampling(level=self.level, resamples=self.resamples, seed=self.seed)

    @cached_property
    def _scorers(self) -> list[AnswerScorer]:
        evaluators = self.settings.answer_evaluators.values()
        return [evaluator.prepare(self.dataset, self.lm) for evaluator in evaluators]

    def _runner(self) -> ArmRunner:
        evaluators = self.settings.prompt_evaluators(self.intervention)
        for name, evaluator in evaluators.items():
            if evaluator != self.settings.evaluators[name]:
                told = "intervene.positions=%s: such edits cannot show in all that %s reads; it measures %s"
                logger.warning(told, self.intervention.positions, name, ", ".join(evaluator.measured))
        return ArmRunner(
            self.lm,
            evaluators=evaluators,
            generation=GenerationSettings(
                max_new_tokens=self.settings.max_new_tokens, batch_size=self.settings.batch_size
            ),
            store=self.store,
            edit_positions=self.intervention.positions,
        )

    def _grid(self) -> tuple[float, ...]:
        return self.intervention.doses(self.settings.strengths)

    def _doses(self, runner: ArmRunner, neurons: NeuronSet) -> tuple[Doses, list[ArmFluency]]:
        """Return each direction's dose: the config's, or the largest that leaves the text of `dev` usable."""
        fixed = self.intervention.strength
        if fixed != "dev":
            return {direction: Dose(float(fixed), True) for direction in DIRECTIONS}, []
        doses: dict[Direction, Dose] = {}
        curve: list[ArmFluency] = []
        for direction in DIRECTIONS:
            measured = self._dev_fluency(runner, neurons, direction)
            points = [DosePoint(arm.strength, report.score.estimate) for arm, _, report in measured]
            doses[direction] = choose_dose(points)
            if not doses[direction].usable:
                why = next((f" ({report.reason})" for _, _, report in measured if report.reason), "")
                told = "%s: no strength of the grid leaves the text usable%s; the smallest is taken"
                logger.warning(told, direction, why)
            curve += measured
        return doses, curve

    def _dev_fluency(self, runner: ArmRunner, neurons: NeuronSet, direction: Direction) -> list[ArmFluency]:
        """Measure fluency on `dev` at each strength of the grid."""
        scorer = next(scorer for scorer in self._scorers if isinstance(scorer, FluencyScorer))
        questions = self._calibration_questions()
        baseline = runner.answer(BASE, questions, self.value)
        measured = []
        for strength in self._grid():
            edit = self.intervention.edit(neurons, direction=direction, strength=strength)
            arm = Arm(name=EDIT, direction=direction, strength=strength, edit=edit)
            answers = runner.answer(arm, questions, self.value)
            report = scorer.report(answers, baseline, resampling=self.resampling)
            measured.append(ArmFluency(arm, "dev", report))
        return measured

    def _calibration_questions(self) -> list[Question]:
        """Return questions of `dev`: the target's, and of other values as many as are still wanted."""
        own = self.dataset.question_records(self.value, "dev")
        known = {question.id for question in own}
        others = [row for row in self.dataset.question_records(split="dev") if row.id not in known]
        # Ids are hashes, so their order mixes values and topics.
        return [*own, *others][: self.settings.calibration_questions]

    def _arms(self, sets: NeuronSets, doses: Doses) -> list[Arm]:
        arms = [BASE]
        for direction in DIRECTIONS:
            dose = doses[direction].strength
            arms += edit_arms(self.intervention, sets, direction=direction, dose=dose, grid=self._grid())
            arms += random_arms(
                self.intervention,
                sets.target,
                direction=direction,
                dose=dose,
                draws=self.draws,
                seed=self.seed,
            )
            arms += self._prompt_arms(direction)
        return arms

    def _prompt_arms(self, direction: Direction) -> list[Arm]:
        """Return the direction's prompt arm; none where the dataset has no descriptions for it."""
        try:
            descriptions = self.dataset.description_records(self.value, POLE_OF[direction], "eval")
        except UserError as error:
            logger.warning("no prompt arm %s: %s", direction, error)
            return []
        return [prompt_arm(self._questions(self.value), descriptions, direction=direction, seed=self.seed)]

    def _questions(self, value: str) -> list[Question]:
        return self.dataset.question_records(value, "eval")

    def _score(self, runner: ArmRunner, arms: Sequence[Arm], doses: Doses) -> pd.DataFrame:
        """Score every arm on the target's questions, and the edit at its dose on the other values' too."""
        specific = [arm for arm in arms if arm.name in (BASE.name, EDIT) and is_answered(arm, doses)]
        plan = [(self.value, arms), *((value, specific) for value in self._other_values())]
        frames = []
        with progress("scoring arms", total=sum(len(asked) for _, asked in plan), unit="arms") as advance:
            for value, asked in plan:
                questions = self._questions(value)
                for arm in asked:
                    frames.append(runner.score(arm, questions, value))
                    advance(1)
        return pd.concat(frames, ignore_index=True)

    def _other_values(self) -> list[str]:
        """The values of the target's level that have questions in `eval`."""
        level = self.dataset.theory.column(self.value)
        rows = self.dataset.questions
        present = set(rows.loc[rows["split"] == "eval", level])
        return [peer.id for peer in self.dataset.theory.peers(self.value) if peer.id in present]

    def _answer(self, runner: ArmRunner, arms: Sequence[Arm], doses: Doses) -> pd.DataFrame:
        if not self._scorers:
            return pd.DataFrame()
        wanted, questions = [arm for arm in arms if is_answered(arm, doses)], self._questions(self.value)
        return pd.concat([runner.answer(arm, questions, self.value) for arm in wanted], ignore_index=True)

    def _score_answers(self, answers: pd.DataFrame, arms: Sequence[Arm]) -> AnswerScores:
        if answers.empty:
            return AnswerScores([], [], None)
        return score_answers(
            self._scorers,
            answers,
            arms,
            dataset=self.dataset,
            value=self.value,
            resampling=self.resampling,
        )


def is_answered(arm: Arm, doses: Doses) -> bool:
    """Whether an arm's questions are answered in full: at the chosen dose, and of random draws the first."""
    if arm.name not in ANSWERED_ARMS or arm.draw > 0:
        return False
    return arm.name != EDIT or arm.direction == "none" or arm.strength == doses[arm.direction].strength
