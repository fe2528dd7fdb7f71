import pytest

from valuelocate.errors import UserError
from valuelocate.locate import AllLayers, LayerFraction, LayerList, LayerThird, layer_fraction


def layers(scope, n_layers: int) -> list[int]:
    return [layer for layer, inside in enumerate(scope.mask(n_layers).tolist()) if inside]


def test_all_layers() -> None:
    assert layers(AllLayers(), 3) == [0, 1, 2]


@pytest.mark.parametrize("n_layers", [1, 3, 4, 5, 12, 16, 28, 32, 42])
def test_thirds_part_the_layers_in_order(n_layers) -> None:
    parts = []
    for third in ("early", "middle", "late"):
        try:
            parts += layers(LayerThird(third=third), n_layers)
        except UserError:
            assert n_layers < 3
    assert parts == list(range(n_layers))


def test_thirds_are_even() -> None:
    assert [len(layers(LayerThird(third=third), 12)) for third in ("early", "middle", "late")] == [4, 4, 4]
    assert [len(layers(LayerThird(third=third), 16)) for third in ("early", "middle", "late")] == [5, 6, 5]


def test_a_third_without_layers_is_refused() -> None:
    with pytest.raises(UserError, match=r"scope=middle: none of the model's 2 layers"):
        LayerThird(third="middle").mask(2)


def test_list_takes_layers_in_any_order_and_twice() -> None:
    assert layers(LayerList(layers=[3, 1, 3]), 4) == [1, 3]


def test_a_layer_out_of_range_is_refused() -> None:
    with pytest.raises(UserError, match=r"scope\.layers=\[0, 9, -1\]: .* layers 0 to 3, not \[-1, 9\]"):
        LayerList(layers=[0, 9, -1]).mask(4)


@pytest.mark.parametrize("wrong", [3, "3", [True], [1.0], ["1"], None])
def test_what_is_no_list_of_layers_is_refused(wrong) -> None:
    with pytest.raises(UserError, match=r"scope\.layers=.*expected layer numbers"):
        LayerList(layers=wrong)


def test_an_empty_list_is_refused() -> None:
    with pytest.raises(UserError, match=r"scope\.layers is empty"):
        LayerList(layers=[])


def test_fraction_takes_layers_by_their_midpoint() -> None:
    assert layers(LayerFraction(lower=0.3, upper=0.6), 10) == [3, 4, 5]
    assert layers(LayerFraction(lower=0.0, upper=1.0), 4) == [0, 1, 2, 3]
    assert layers(LayerFraction(lower=0.125, upper=0.375), 4) == [0]


def test_fraction_reads_its_config_keys() -> None:
    assert layer_fraction(**{"from": 0, "to": 0.5}) == LayerFraction(lower=0, upper=0.5)
    with pytest.raises(UserError, match=r"takes scope\.from and scope\.to; found to, until"):
        layer_fraction(until=0.5, to=1.0)
    with pytest.raises(UserError, match="found neither"):
        layer_fraction()


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (-0.1, 0.5, r"scope\.from=-0.1: expected a share"),
        (0.1, 1.5, r"scope\.to=1.5: expected a share"),
        (True, 1.0, r"scope\.from=True"),
        (0.6, 0.3, r"scope\.from=0.6 must be below scope\.to=0.3"),
        (0.5, 0.5, "must be below"),
    ],
)
def test_bounds_out_of_order_are_refused(lower, upper, message) -> None:
    with pytest.raises(UserError, match=message):
        LayerFraction(lower=lower, upper=upper)


def test_a_fraction_without_layers_is_refused() -> None:
    with pytest.raises(UserError, match=r"scope\.from=0.3 scope\.to=0.31: none of the model's 4 layers"):
        LayerFraction(lower=0.3, upper=0.31).mask(4)


def test_an_unknown_third_is_refused() -> None:
    with pytest.raises(UserError, match=r"scope\.third=first: expected one of early, middle, late"):
        LayerThird(third="first")
