"""The arms of an experiment: the unedited model, the edit, and everything it is held against."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

from valuelocate.collect import GenerationSettings, generate_answers
from valuelocate.dataset import Description, Question
from valuelocate.errors import UserError
from valuelocate.evaluate.base import PreparedPrompts, PromptEvaluator, answer_frame
from valuelocate.intervene import Direction, Edit, Intervention
from valuelocate.locate.random_control import random_matched
from valuelocate.model import LanguageModel
from valuelocate.model.positions import EditPositions
from valuelocate.neurons import NeuronSet
from valuelocate.store import Draft, Store, digest

DIRECTIONS: tuple[Direction, ...] = ("towards", "away")
POLE_OF: Mapping[Direction, str] = {"towards": "pos", "away": "neg"}


@dataclass(frozen=True, kw_only=True)
class Arm:
    """One condition under which questions are scored or answered."""

    name: str
    """base, edit, edit:PART, random_matched, shuffled_label, other_value, prompt."""
    direction: Direction | Literal["none"] = "none"
    strength: float = 0.0
    draw: int = -1
    """Number of the random draw; -1 where there is none."""
    edit: Edit | None = None
    descriptions: Mapping[str, Description] | None = None
    """By question id: a description that goes before the question."""

    @contextmanager
    def applied(self, lm: LanguageModel) -> Iterator[None]:
        """Put the arm's edit, if any, on the model."""
        with self.edit.applied(lm) if self.edit else nullcontext():
            yield

    def key(self) -> dict[str, Any]:
        """Return what decides the model's behaviour under the arm, for cache keys."""
        said = {question: row.text for question, row in sorted((self.descriptions or {}).items())}
        return {
            "edit": self.edit.digest() if self.edit else None,
            "descriptions": digest(said) if said else None,
        }

    def labels(self) -> dict[str, Any]:
        """Return the columns that name the arm in tables."""
        return {"arm": self.name, "draw": self.draw, "direction": self.direction, "strength": self.strength}


BASE = Arm(name="base")
EDIT, RANDOM, PROMPT = "edit", "random_matched", "prompt"


class ArmRunner:
    """Scores and answers questions under arms; what was done before comes from the store."""

    def __init__(
        self,
        lm: LanguageModel,
        *,
        evaluators: Mapping[str, PromptEvaluator],
        generation: GenerationSettings,
        store: Store,
        edit_positions: EditPositions,
    ) -> None:
        """Take what all arms share.

        Args:
            lm: the model.
            evaluators: those that read probabilities, by name.
            generation: how answers are generated.
            store: keeps scores and answers.
            edit_positions: where the edits of all arms act.
        """
        self.lm, self.evaluators, self.generation, self.store = lm, evaluators, generation, store
        self.edit_positions = edit_positions
        self._prepared: dict[str, PreparedPrompts] = {}
        self._prepared_for = ""

    def score(self, arm: Arm, questions: Sequence[Question], value: str) -> pd.DataFrame:
        """Return the prompt evaluators' rows of one arm, with the arm's columns.

        Args:
            arm: the condition.
            questions: what is asked; best all arms on one set of questions before the next.
            value: id of the value that the questions are about.
        """
        asked = digest(
            [(row.id, row.text, row.stances and (row.stances.pos, row.stances.neg)) for row in questions]
        )
        frames = [self._scored(name, arm, questions, asked) for name in self.evaluators]
        labels = {**arm.labels(), "scored_value": value}
        return pd.concat(frames, ignore_index=True).assign(**labels)

    def _scored(self, name: str, arm: Arm, questions: Sequence[Question], asked: str) -> pd.DataFrame:
        parts = {
            "model": self.lm.fingerprint,
            "dtype": str(self.lm.dtype),
            "prompts": self.lm.prompts.digest(),
            "evaluator": name,
            "settings": repr(self.evaluators[name]),
            # Whole prompts are read anew under each edit, or their beginning once for all.
            "whole_prompts": self.edit_positions == "all",
            "questions": asked,
            **arm.key(),
        }

        def make(draft: Draft) -> None:
            prompts = self._prompts(name, arm, questions, asked)
            with arm.applied(self.lm):
                draft.table(prompts.score(edit_positions=arm.edit.positions if arm.edit else None))

        return self.store.get_or_make("scores", parts, make).table()

    def _prompts(self, name: str, arm: Arm, questions: Sequence[Question], asked: str) -> PreparedPrompts:
        evaluator = self.evaluators[name]
        if arm.descriptions:
            return evaluator.prepare(self.lm, questions, arm.descriptions)
        # Hundreds of arms share one set of bare prompts; one set at a time, since prompts take memory.
        if self._prepared_for != asked:
            self._prepared, self._prepared_for = {}, asked
        if name not in self._prepared:
            self._prepared[name] = evaluator.prepare(self.lm, questions, edit_positions=self.edit_positions)
        return self._prepared[name]

    def answer(self, arm: Arm, questions: Sequence[Question], value: str) -> pd.DataFrame:
        """Let the model answer questions about a value under an arm; return them with the arm's columns."""
        said = arm.descriptions or {}
        prompts = [
            self.lm.prompt_ids(question.text, description=said[question.id].text if said else None)
            for question in questions
        ]
        direction = "" if arm.direction == "none" else f" {arm.direction} {arm.strength:g}"
        with arm.applied(self.lm):
            answers = generate_answers(
                self.lm,
                prompts,
                self.generation,
                store=self.store,
                edit=arm.edit.digest() if arm.edit else None,
                label=f"answering: {arm.name}{direction}",
            )
        return answer_frame(self.lm, questions, answers).assign(**arm.labels(), scored_value=value)


class NeuronSets(NamedTuple):
    """The sets that an experiment edits: the located one and those of its controls."""

    target: NeuronSet
    shuffled: NeuronSet
    """The full method on poles swapped within a random half of the questions."""
    other: NeuronSet | None
    """The full method on another value; None where the theory has one value only."""


def edit_arms(
    intervention: Intervention, sets: NeuronSets, *, direction: Direction, dose: float, grid: Sequence[float]
) -> list[Arm]:
    """Return the edit at its dose and over the grid, its parts alone, and the sets of the controls."""

    def arm(name: str, neurons: NeuronSet, strength: float, part: str | None = None) -> Arm:
        edit = intervention.edit(neurons, direction=direction, strength=strength, part=part)
        return Arm(name=name, direction=direction, strength=strength, edit=edit)

    arms = [arm(EDIT, sets.target, strength) for strength in sorted({dose, *grid})]
    arms += [arm(f"{EDIT}:{part}", sets.target, dose, part) for part in intervention.parts]
    arms.append(arm("shuffled_label", sets.shuffled, dose))
    if sets.other is not None:
        arms.append(arm("other_value", sets.other, dose))
    return arms


def random_arms(
    intervention: Intervention,
    neurons: NeuronSet,
    *,
    direction: Direction,
    dose: float,
    draws: int,
    seed: int,
) -> Iterator[Arm]:
    """Yield the random control's arms: as many neurons a layer, the same amplitudes, permuted."""
    for draw in range(draws):
        control = random_matched(neurons, seed=seed, draw=draw)
        edit = intervention.edit(control, direction=direction, strength=dose)
        yield Arm(name=RANDOM, direction=direction, strength=dose, draw=draw, edit=edit)


def prompt_arm(
    questions: Sequence[Question], descriptions: Sequence[Description], *, direction: Direction, seed: int
) -> Arm:
    """Return the arm in which a description of the direction's pole goes before each question.

    Raises:
        UserError: there is no description of that pole.
    """
    wanted = [row for row in descriptions if row.polarity == POLE_OF[direction]]
    if not wanted:
        raise UserError(f"dataset.path: no {POLE_OF[direction]} description to put before the questions")
    generator = random.Random(f"{seed}:{direction}")
    drawn = {question.id: generator.choice(wanted) for question in sorted(questions, key=lambda row: row.id)}
    return Arm(name=PROMPT, direction=direction, strength=1.0, descriptions=drawn)
