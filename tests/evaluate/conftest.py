"""A small made-up dataset, sets of neurons and a store, for models with random weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from valuelocate.dataset import Question, ValueDataset, dataset_of, parse_record
from valuelocate.model import LanguageModel
from valuelocate.neurons import NeuronSet
from valuelocate.store import Store
from valuelocate.values import Theory, load_theory

VALUE, OTHER = "openness_to_change", "conservation"
BASIC = {VALUE: "stimulation", OTHER: "tradition"}
COUNTS = {"locate": 2, "dev": 3, "eval": 6}
THINGS = ("a boat", "an old clock", "two tickets", "a red bicycle", "some seeds", "a map of the coast")


@pytest.fixture(scope="session")
def theory() -> Theory:
    return load_theory()


def question_row(value: str, split: str, number: int, **changes: Any) -> dict[str, Any]:
    """A question with two stances of unequal length; pairs of questions share a family."""
    thing = THINGS[number % len(THINGS)]
    row = {
        "kind": "question",
        "value": value,
        "basic_value": BASIC.get(value),
        "text": f"A friend leaves you {thing} in {split} of {value}. What now?",
        "split": split,
        "family": f"{split}-{value}-{number // 2}",
        "stances": {
            "pos": f"I try it out {'at once ' * (number % 3)}today.",
            "neg": f"I leave {thing} alone.",
        },
    }
    return row | changes


def description_row(value: str, split: str, polarity: str, number: int) -> dict[str, Any]:
    wish = "like what is new" if polarity == "pos" else "keep to what I know"
    return {
        "kind": "description",
        "value": value,
        "basic_value": BASIC[value],
        "text": f"I {wish}, {number} days of the week in {split}. {value}",
        "split": split,
        "polarity": polarity,
        "neg_kind": None if polarity == "pos" else "absence",
    }


@pytest.fixture(scope="session")
def questions(theory: Theory) -> list[Question]:
    """Of one value: six that can be asked."""
    found = [parse_record(question_row(VALUE, "eval", number), theory) for number in range(6)]
    assert all(isinstance(row, Question) for row in found)
    return found  # type: ignore[return-value]


@pytest.fixture(scope="session")
def make_dataset(theory: Theory) -> Callable[..., ValueDataset]:
    """Builds a dataset of two values; without descriptions of the splits left out."""

    def make(described: Sequence[str] = ("locate", "dev", "eval"), **changes: Any) -> ValueDataset:
        rows = [
            question_row(value, split, number, **changes)
            for value in (VALUE, OTHER)
            for split, count in COUNTS.items()
            for number in range(count)
        ]
        rows += [
            description_row(value, split, polarity, number)
            for value in (VALUE, OTHER)
            for split in described
            for polarity in ("pos", "neg")
            for number in range(2)
        ]
        return dataset_of([parse_record(row, theory) for row in rows], name="made", theory=theory)

    return make


@pytest.fixture(scope="session")
def dataset(make_dataset: Callable[..., ValueDataset]) -> ValueDataset:
    return make_dataset()


@pytest.fixture(scope="session")
def neurons_in() -> Callable[..., NeuronSet]:
    """Picks random neurons of a model as S+ and S-."""

    def pick(lm: LanguageModel, *, per_pole: int = 3, seed: int = 0, layers: int | None = None) -> NeuronSet:
        source = torch.Generator().manual_seed(seed)
        depth = layers or lm.n_layers
        chosen = torch.randperm(depth * lm.width, generator=source)[: 2 * per_pole]
        pole = torch.tensor([1] * per_pole + [-1] * per_pole)
        p_pos, p_neg, shift = torch.rand(3, 2 * per_pole, generator=source, dtype=torch.float64)
        columns = {"score": pole.double(), "p_pos": p_pos, "p_neg": p_neg, "delta": p_pos - p_neg}
        columns |= {"shift_mid": 2 * shift - 1, "shift_gate_act": shift}
        return NeuronSet(
            layer=chosen // lm.width,
            neuron=chosen % lm.width,
            pole=pole,
            columns=columns,
            n_layers=lm.n_layers,
            width=lm.width,
            locator="made_up",
            value=VALUE,
            score_site="gate_act",
            fingerprint=lm.fingerprint,
            data_hash="data",
            k_requested=2 * per_pole,
        )

    return pick


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def forwards(random_lm: LanguageModel) -> Any:
    """The shapes of the forward passes of `random_lm` while a test runs."""
    shapes: list[tuple[int, ...]] = []

    def count(_module: Any, args: Any, kwargs: dict[str, Any]) -> None:
        shapes.append(tuple(kwargs["input_ids"].shape))

    handle = random_lm.backbone.register_forward_pre_hook(count, with_kwargs=True)
    yield shapes
    handle.remove()
