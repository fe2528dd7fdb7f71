"""Measure the embedded model and write its card.

    python experiments/tiny_model/card.py --model valuelocate/model/tiny

Priming is the difference that a description of the positive instead of the negative pole makes to T1 (which
of two stances is chosen by letter) and T2 (which of two stances is likelier as text), with intervals over
families.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from valuelocate.api import load
from valuelocate.dataset import Description, Question, ValueDataset, load_dataset
from valuelocate.evaluate import Interval, PreferenceEvaluator, mean_interval
from valuelocate.model import LanguageModel

SPLITS = ("locate", "eval")
SHOWN = 3
"""Questions of a value that are answered in the card."""


def priming(lm: LanguageModel, dataset: ValueDataset, value: str, split: str) -> Mapping[str, Interval]:
    """Return each metric's mean difference between the poles' descriptions, and the mean of t1_mass."""
    questions = dataset.question_records(value, split, with_stances=True)
    scores = {
        pole: _scores(lm, questions, _drawn(dataset, questions, value, pole, split))
        for pole in ("pos", "neg")
    }
    families = [question.family for question in sorted(questions, key=lambda row: row.id)]
    found = {
        metric: mean_interval(scores["pos"][metric] - scores["neg"][metric], families)
        for metric in ("t1", "t2")
    }
    return found | {"t1_mass": mean_interval(scores["pos"]["t1_mass"], families)}


def _drawn(
    dataset: ValueDataset, questions: list[Question], value: str, pole: str, split: str
) -> dict[str, Description | None]:
    rows = dataset.description_records(value, pole, split)
    generator = random.Random(f"{value}:{pole}:{split}")
    return {question.id: generator.choice(rows) for question in questions}


def _scores(
    lm: LanguageModel, questions: list[Question], descriptions: Mapping[str, Description | None]
) -> pd.DataFrame:
    rows = PreferenceEvaluator().score(lm, questions, descriptions)
    return rows.pivot(index="question_id", columns="metric", values="score").sort_index()


def main() -> None:
    """Measure and write README.md beside the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True)
    folder = parser.parse_args().model
    lm = load("tiny", **{"path": str(folder.resolve()), "prompts.wording": "bare"})
    dataset = load_dataset("mini")
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    values = [value for value in dataset.theory.targets()]
    rows = []
    for split in SPLITS:
        for value in values:
            found = priming(lm, dataset, value.id, split)
            cells = [
                f"{found[m].estimate:.3f} [{found[m].low:.3f}, {found[m].high:.3f}]" for m in ("t2", "t1")
            ]
            rows.append(
                f"| {split} | {value.name} | {found['t2'].n} | {' | '.join(cells)} "
                f"| {found['t1_mass'].estimate:.3f} |"
            )
    examples = [
        f"**{question.text}**\n\n"
        + "\n".join(
            f"- {name}: {_quoted(answer)}" for name, answer in _answers(lm, dataset, question).items()
        )
        for value in values
        for question in dataset.question_records(value.id, "eval")[:SHOWN]
    ]
    text = CARD.format(
        parameters=sum(p.numel() for p in lm.model.parameters()) / 1e6,
        layers=lm.n_layers,
        width=lm.width,
        neurons=lm.n_layers * lm.width,
        rows="\n".join(rows),
        examples="\n\n".join(examples),
        dialogues=manifest["dialogues"],
        families=len(manifest["families"]),
        words=manifest["words"],
        steps=manifest["recipe"]["steps"],
    )
    (folder / "README.md").write_text(text, encoding="utf-8")


def _answers(lm: LanguageModel, dataset: ValueDataset, question: Question) -> dict[str, str]:
    said = {"no description": None} | {
        f"{pole} description": dataset.description_records(question.value, pole, "eval")[0].text
        for pole in ("pos", "neg")
    }
    return {
        name: lm.generate(question.text, description=text, max_new_tokens=80) for name, text in said.items()
    }


def _quoted(text: str) -> str:
    return text.replace("\n", " ") or "(empty)"


CARD = """# The embedded model

A language model of {parameters:.1f} M parameters (Qwen2 architecture, {layers} layers x {width} FFN neurons
= {neurons}), stored in bfloat16. Its purpose is trying ValueLocate and testing methods where the truth is
cheap to compute. It is **no evidence about large models**: it has read nothing but its own small corpus.

Trained from nothing for {steps} steps on {dialogues} dialogues ({words} words with repetition): a
description, a question and an answer; a question and an answer; a question with two options in both orders
and a letter. They are composed from the `model` half of the `locate` seed families of ValueInsight
({families} families), its `locate` descriptions, and a list of plain sentences. Its text was
machine-written. Questions, stances and descriptions of `dev` and `eval` were not trained on;
`manifest.json` names what was. Rebuild with `bash experiments/tiny_model/run.sh`.

## Does a description change what it prefers?

Difference between a positive and a negative description of the value (T2 in nats per token, T1 in
logits), mean over questions with a 95 % interval over seed families; option mass is the probability of the
two letters together. Where an interval holds zero, a description is not shown to change anything.

| split | value | n | T2 | T1 | option mass |
|---|---|---|---|---|---|
{rows}

## What it says (`eval` questions, greedy)

{examples}

Licence: Apache-2.0 (weights and code), CC BY 4.0 (text).
"""

if __name__ == "__main__":
    main()
