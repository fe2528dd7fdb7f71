"""The few functions of a notebook."""

from __future__ import annotations

from pathlib import Path

import pytest

import valuelocate
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel

QUESTION = "A free afternoon, and nothing planned. What do you do?"


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    """The embedded model."""
    return valuelocate.load("tiny")


@pytest.fixture(scope="module")
def ranking(lm: LanguageModel, tmp_path_factory: pytest.TempPathFactory) -> valuelocate.Ranking:
    """Openness located by mean differences, in a folder of its own."""
    folder = tmp_path_factory.mktemp("api")
    settings = [f"paths.outputs={folder}", "collect.generation.max_new_tokens=16"]
    return valuelocate.locate(lm, value="openness", method="mean_diff", overrides=settings)


def test_three_lines_are_enough(lm: LanguageModel, ranking: valuelocate.Ranking) -> None:
    """Locate, steer, generate; afterwards the model answers as before."""
    before = lm.generate(QUESTION, max_new_tokens=24)
    neurons = ranking.top(0.02)
    with valuelocate.steer(lm, neurons, strength=4.0):
        steered = lm.generate(QUESTION, max_new_tokens=24)
    assert steered != before
    assert lm.generate(QUESTION, max_new_tokens=24) == before


def test_top_takes_a_share_or_a_number(ranking: valuelocate.Ranking) -> None:
    """Half of them from each end."""
    share, number = ranking.top(0.01), ranking.top(40)
    scores = ranking.located.scores.scores
    assert len(share) == 2 * round(0.005 * scores.numel())
    assert len(number) == 40
    assert int((number.pole > 0).sum()) == 20
    assert number.column("score").abs().min() >= scores.abs().flatten().kthvalue(scores.numel() - 200).values


def test_the_table_ranks_every_neuron(lm: LanguageModel, ranking: valuelocate.Ranking) -> None:
    """Best first."""
    assert len(ranking.table) == lm.n_layers * lm.width
    assert ranking.table["score"].is_monotonic_decreasing


def test_dataset_frames_have_the_columns_of_the_schema() -> None:
    """Two pandas frames."""
    dataset = valuelocate.load_dataset("mini")
    assert {"id", "value", "polarity", "neg_kind", "text", "split", "family"} <= set(dataset.descriptions)
    assert {"id", "value", "basic_value", "text", "stances", "split", "family"} <= set(dataset.questions)
    assert len(dataset.descriptions) == 64
    assert len(dataset.questions) == 200


def test_mistakes_are_told(lm: LanguageModel, tmp_path: Path) -> None:
    """Unknown names and folders give one clear error."""
    with pytest.raises(UserError, match="opennes"):
        valuelocate.locate(lm, value="opennes")
    with pytest.raises(UserError, match="no such folder"):
        valuelocate.load(str(tmp_path / "nothing"))
    with pytest.raises(AttributeError, match="nonsense"):
        _ = valuelocate.nonsense


def test_the_package_and_the_function_share_a_name() -> None:
    """`valuelocate.locate` is called and imported from."""
    from valuelocate.locate import ShareSelection

    assert callable(valuelocate.locate)
    assert ShareSelection(share=0.01).share == 0.01
