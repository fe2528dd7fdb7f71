import pytest
import torch
from jaxtyping import TypeCheckError
from safetensors.torch import save_file

from valuelocate.errors import UserError
from valuelocate.neurons import NeuronScores, NeuronSet


def neuron_set(**changes) -> NeuronSet:
    fields = {
        "layer": torch.tensor([0, 2, 1, 2]),
        "neuron": torch.tensor([3, 0, 7, 5]),
        "pole": torch.tensor([1, 1, -1, -1]),
        "columns": {
            "score": torch.tensor([0.5, 0.25, -0.125, -1 / 3], dtype=torch.float64),
            "p_pos": torch.tensor([0.9, 0.8, 0.2, 0.1], dtype=torch.float64),
        },
        "n_layers": 3,
        "width": 8,
        "locator": "made_up",
        "value": "openness_to_change",
        "score_site": "mid",
        "fingerprint": "model",
        "data_hash": "data",
        "k_requested": 6,
        "notes": {"how": "ends"},
    }
    return NeuronSet(**{**fields, **changes})


def scores(**changes) -> NeuronScores:
    fields = {
        "scores": torch.zeros(3, 8, dtype=torch.float64),
        "in_scope": torch.tensor([True, False, True]),
        "site": "mid",
        "locator": "made_up",
        "kind": "activation",
        "value": "openness_to_change",
        "fingerprint": "model",
        "data_hash": "data",
    }
    return NeuronScores(**{**fields, **changes})


def assert_same(found: NeuronSet, expected: NeuronSet) -> None:
    for name, value in vars(expected).items():
        other = getattr(found, name)
        if name == "columns":
            assert set(other) == set(value)
            for column, tensor in value.items():
                torch.testing.assert_close(other[column], tensor, rtol=0, atol=0)
        elif isinstance(value, torch.Tensor):
            torch.testing.assert_close(other, value, rtol=0, atol=0)
        else:
            assert other == value


def test_a_file_gives_the_set_back(tmp_path) -> None:
    neuron_set().save(tmp_path / "neurons.safetensors")
    assert_same(NeuronSet.load(tmp_path / "neurons.safetensors"), neuron_set())


def test_an_empty_set_can_be_saved(tmp_path) -> None:
    empty = neuron_set().where(torch.zeros(4, dtype=torch.bool))
    empty.save(tmp_path / "neurons.safetensors")
    assert len(NeuronSet.load(tmp_path / "neurons.safetensors")) == 0


def test_the_same_set_gives_the_same_bytes(tmp_path) -> None:
    for name in ("one", "two"):
        neuron_set().save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_what_is_no_set_is_refused(tmp_path) -> None:
    (tmp_path / "text").write_text("not a set")
    save_file({"layer": torch.zeros(1)}, tmp_path / "other")
    save_file({"layer": torch.zeros(1)}, tmp_path / "bare", metadata={"valuelocate": "{}"})
    save_file({"layer": torch.zeros(1)}, tmp_path / "garbled", metadata={"valuelocate": "{"})
    for name in ("text", "other", "bare", "garbled", "missing"):
        with pytest.raises(UserError, match=f"{name}' is not a neuron set written by valuelocate"):
            NeuronSet.load(tmp_path / name)


def test_poles_part_the_set() -> None:
    neurons = neuron_set()
    assert neurons.of_pole(1).flat().tolist() == [3, 16]
    assert neurons.of_pole(-1).flat().tolist() == [15, 21]
    torch.testing.assert_close(neurons.of_pole(-1).column("p_pos"), neurons.column("p_pos")[2:])
    assert neurons.per_layer().tolist() == [1, 1, 2]
    assert (neurons.k_requested, neurons.k_effective) == (6, 4)


def test_a_missing_statistic_says_what_to_collect() -> None:
    with pytest.raises(
        UserError, match=r"no statistic 'a95_pos' \(use collect=percentile\); it has p_pos, score"
    ):
        neuron_set().column("a95_pos")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer": torch.tensor([0, 2, 1, 3])}, "layer must lie between 0 and 2; found 0 to 3"),
        ({"neuron": torch.tensor([3, 0, -1, 5])}, "neuron must lie between 0 and 7; found -1 to 5"),
        ({"pole": torch.tensor([1, 0, -1, -1])}, "pole must be 1 or -1"),
        ({"neuron": torch.tensor([3, 5, 7, 5])}, "twice"),
    ],
)
def test_sets_that_make_no_sense_are_refused(changes, message) -> None:
    with pytest.raises(ValueError, match=message):
        neuron_set(**changes)


def test_scores_count_the_neurons_in_scope() -> None:
    assert scores().n_in_scope == 16


# In the test run the checker of shapes speaks first.
UNEQUAL = (ValueError, TypeCheckError)


@pytest.mark.parametrize(
    "changes",
    [{"layer": torch.tensor([0, 2, 1])}, {"columns": {"score": torch.zeros(3, dtype=torch.float64)}}],
)
def test_sets_of_unequal_length_are_refused(changes) -> None:
    with pytest.raises(UNEQUAL):
        neuron_set(**changes)


def test_scores_without_the_shape_of_the_scope_are_refused() -> None:
    with pytest.raises(UNEQUAL):
        scores(scores=torch.zeros(2, 8, dtype=torch.float64))


@pytest.mark.parametrize("wrong", [torch.nan, torch.inf])
def test_scores_that_are_not_finite_are_refused(wrong) -> None:
    with pytest.raises(ValueError, match="locator 'made_up' gave scores that are not finite"):
        scores(scores=torch.full((3, 8), wrong, dtype=torch.float64))
