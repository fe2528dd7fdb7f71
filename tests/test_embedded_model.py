"""The embedded model: what it is, what it was trained on, and that a description changes what it prefers."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors import safe_open

import valuelocate
from valuelocate.dataset import ValueDataset, load_seeds
from valuelocate.dataset.checks import shared_ngrams
from valuelocate.evaluate import PreferenceEvaluator
from valuelocate.model import LanguageModel

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "valuelocate/model/tiny"


@pytest.fixture(scope="module")
def corpus() -> Iterator[ModuleType]:
    """The module that composes the training corpus."""
    sys.path.insert(0, str(ROOT / "experiments/tiny_model"))
    try:
        import corpus

        yield corpus
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    """The embedded model as every user gets it."""
    return valuelocate.load("tiny")


@pytest.fixture(scope="module")
def dataset() -> ValueDataset:
    """ValueInsight mini."""
    return valuelocate.load_dataset("mini")


def test_it_is_small_stored_in_half_and_computed_in_single_precision(lm: LanguageModel) -> None:
    """At most 12 MB with its tokenizer; at least 4,000 neurons; one to six million parameters."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) <= 12e6
    with safe_open(str(FOLDER / "model.safetensors"), framework="pt") as file:
        assert {file.get_slice(key).get_dtype() for key in file.keys()} == {"BF16"}  # noqa: SIM118 (not a dict)
    assert lm.dtype == torch.float32
    assert lm.n_layers * lm.width >= 4000
    assert 1e6 <= sum(p.numel() for p in lm.model.parameters()) <= 6e6
    assert lm.model.config.model_type == "qwen2"


def test_the_manifest_is_of_this_corpus(corpus: ModuleType) -> None:
    """The corpus is composed again; its hash is the shipped one."""
    shipped = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    dialogues = corpus.build_corpus(shipped["recipe"]["seed"])
    fresh = json.loads(json.dumps(corpus.manifest(dialogues)))
    assert {key: shipped[key] for key in fresh} == fresh
    assert fresh["dialogues"] >= 3000


def test_nothing_of_dev_or_eval_was_trained_on(corpus: ModuleType, dataset: ValueDataset) -> None:
    """No family of theirs, and no run of eight words shared with any of their texts."""
    shipped = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
    seeds = {seed.family: seed for seed in load_seeds()}
    assert {(seeds[family].split, seeds[family].half) for family in shipped["families"]} == {
        ("locate", "model")
    }
    held_out = [
        text
        for split in ("dev", "eval")
        for question in dataset.question_records(split=split)
        for text in (question.text, question.stances.pos, question.stances.neg)
    ]
    held_out += [row.text for split in ("dev", "eval") for row in dataset.description_records(split=split)]
    trained = sorted(
        {text for dialogue in corpus.build_corpus(0) for text in (dialogue.user, dialogue.answer)}
    )
    assert len(held_out) == 3 * (8 + 18) * 4 + 32
    assert not shared_ngrams(trained, held_out, n=8)


def test_a_description_changes_what_it_prefers(lm: LanguageModel, dataset: ValueDataset) -> None:
    """On questions and descriptions of `locate`, for every value."""
    for value in dataset.theory.targets():
        questions = dataset.question_records(value.id, "locate", with_stances=True)
        means = {}
        for pole in ("pos", "neg"):
            rows = dataset.description_records(value.id, pole, "locate")
            said = {question.id: rows[place % len(rows)] for place, question in enumerate(questions)}
            frame = PreferenceEvaluator().score(lm, questions, said)
            means[pole] = frame.loc[frame["metric"] == "t2", "score"].mean()
        assert means["pos"] - means["neg"] > 0.1, value.id


def test_it_answers_in_words(lm: LanguageModel, dataset: ValueDataset) -> None:
    """A few words to nine questions in ten, not a letter and not a loop."""
    questions = dataset.question_records(split="dev")
    answers = lm.generate_ids([lm.prompt_ids(question.text) for question in questions], max_new_tokens=60)
    texts = [lm.decode(answer).split() for answer in answers]
    sound = [len(words) >= 4 and len(set(words)) > len(words) / 2 for words in texts]
    assert sum(sound) / len(sound) >= 0.9
