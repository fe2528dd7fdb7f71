import pytest
import torch

from valuelocate.errors import UserError
from valuelocate.locate.random_control import random_matched
from valuelocate.neurons import NeuronSet


def neuron_set(layer: list[int], neuron: list[int], pole: list[int], *, width: int = 20) -> NeuronSet:
    amplitude = torch.arange(len(layer), dtype=torch.float64)
    return NeuronSet(
        layer=torch.tensor(layer),
        neuron=torch.tensor(neuron),
        pole=torch.tensor(pole),
        columns={"p_pos": amplitude, "delta": -amplitude},
        n_layers=4,
        width=width,
        locator="made_up",
        value="openness_to_change",
        score_site="gate_act",
        fingerprint="model",
        data_hash="data",
        k_requested=len(layer),
        notes={"how": "ends"},
    )


SET = neuron_set([0, 2, 0, 2, 2, 0], [1, 2, 3, 4, 5, 6], [1, 1, 1, -1, -1, -1])


def amplitudes(neurons: NeuronSet, layer: int, pole: int) -> list[float]:
    return sorted(neurons.column("p_pos")[(neurons.layer == layer) & (neurons.pole == pole)].tolist())


@pytest.mark.parametrize("draw", range(5))
def test_each_layer_and_pole_keeps_its_number_and_amplitudes(draw) -> None:
    found = random_matched(SET, seed=0, draw=draw)
    assert found.per_layer().tolist() == SET.per_layer().tolist()
    for layer in (0, 2):
        for pole in (1, -1):
            assert amplitudes(found, layer, pole) == amplitudes(SET, layer, pole)
    torch.testing.assert_close(found.column("delta"), -found.column("p_pos"))


@pytest.mark.parametrize("draw", range(20))
def test_no_member_is_drawn_where_there_is_room(draw) -> None:
    found = random_matched(SET, seed=0, draw=draw)
    assert not set(found.flat().tolist()) & set(SET.flat().tolist())


def test_draws_are_seeded_and_differ() -> None:
    def drawn(seed: int, draw: int) -> list[int]:
        return random_matched(SET, seed=seed, draw=draw).flat().tolist()

    assert drawn(0, 0) == drawn(0, 0)
    assert len({tuple(drawn(seed, draw)) for seed in (0, 1) for draw in range(5)}) == 10


def test_draws_are_uniform() -> None:
    counts = torch.zeros(20)
    for draw in range(2000):
        found = random_matched(SET, seed=0, draw=draw)
        counts += torch.bincount(found.neuron[found.layer == 0], minlength=20)
    free = counts[counts > 0]
    assert len(free) == 17
    # 3 of 17 in each of 2,000 draws: 353 on average, with a standard deviation of 17.
    assert ((free - 2000 * 3 / 17).abs() < 5 * 17).all()


def test_members_of_the_negative_set_are_drawn_where_the_layer_is_crowded() -> None:
    crowded = neuron_set([1] * 6, [0, 1, 2, 3, 4, 5], [1, 1, 1, -1, -1, -1], width=12)
    drawn = [random_matched(crowded, seed=0, draw=draw) for draw in range(50)]
    everything = {neuron for found in drawn for neuron in found.neuron.tolist()}
    assert everything == set(range(3, 12))
    assert drawn[0].notes["outside_positive_only"] == "1"


def test_twice_the_count_is_room_enough() -> None:
    roomy = neuron_set([1] * 4, [0, 1, 2, 3], [1, 1, -1, -1], width=12)
    for draw in range(30):
        found = random_matched(roomy, seed=0, draw=draw)
        assert int(found.neuron.min()) >= 4
        assert "outside_positive_only" not in found.notes


def test_a_full_layer_is_refused() -> None:
    full = neuron_set([3] * 6, [0, 1, 2, 3, 4, 5], [1, 1, 1, 1, -1, -1], width=8)
    with pytest.raises(UserError, match="layer 3 has 8 neurons, 6 of them selected"):
        random_matched(full, seed=0, draw=0)


def test_a_set_of_one_pole_is_matched_too() -> None:
    by_magnitude = neuron_set([0, 0, 1], [3, 4, 5], [1, 1, 1])
    found = random_matched(by_magnitude, seed=0, draw=0)
    assert found.layer.tolist() == [0, 0, 1]
    assert found.pole.tolist() == [1, 1, 1]
    assert not set(found.flat().tolist()) & set(by_magnitude.flat().tolist())


def test_it_says_what_it_is() -> None:
    found = random_matched(SET, seed=7, draw=2)
    assert found.locator == "random_matched"
    assert found.notes == {"how": "ends", "matched_to": "made_up", "seed": "7", "draw": "2"}
    assert (found.fingerprint, found.value, found.k_requested) == ("model", "openness_to_change", 6)
