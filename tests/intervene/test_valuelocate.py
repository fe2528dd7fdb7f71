import itertools

import pytest
import torch

from tests.reference import intervene_rules as reference
from valuelocate.errors import UserError
from valuelocate.intervene import ValueLocateIntervention

ROWS = torch.randn(6, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def assert_rule(edit, expected) -> None:
    """`expected(layer)` is what the rule makes of ROWS."""
    for layer in range(3):
        found = edit.operators[layer](ROWS) if layer in edit.operators else ROWS
        torch.testing.assert_close(found, expected(layer))


@pytest.mark.parametrize(
    ("direction", "amplitude", "weighting", "gamma"),
    list(itertools.product(["towards", "away"], ["p", "a95"], ["sigmoid", "none"], [0.5, 3.0])),
)
def test_edit_follows_the_equation(neurons, direction, amplitude, weighting, gamma) -> None:
    rule = ValueLocateIntervention(amplitude=amplitude, weighting=weighting)
    edit = rule.edit(neurons, direction=direction, strength=gamma)
    assert_rule(
        edit,
        lambda layer: reference.valuelocate(
            ROWS,
            neurons,
            layer,
            towards=direction == "towards",
            gamma=gamma,
            amplitude=amplitude,
            weighted=weighting == "sigmoid",
        ),
    )
    assert (edit.site, edit.positions, edit.k) == ("gate_act", "response", len(neurons))


@pytest.mark.parametrize("direction", ["towards", "away"])
@pytest.mark.parametrize("part", ["clamp", "add"])
def test_parts_are_halves_of_the_edit(neurons, direction, part) -> None:
    edit = ValueLocateIntervention().edit(neurons, direction=direction, strength=2.0, part=part)
    assert edit.k == 6
    assert_rule(
        edit,
        lambda layer: reference.valuelocate(
            ROWS,
            neurons,
            layer,
            towards=direction == "towards",
            gamma=2.0,
            clamp=part == "clamp",
            add=part == "add",
        ),
    )


def test_strength_zero_is_the_clamp_alone(neurons) -> None:
    rule = ValueLocateIntervention()
    nothing_added = rule.edit(neurons, direction="towards", strength=0.0)
    clamp = rule.edit(neurons, direction="towards", strength=2.0, part="clamp")
    assert nothing_added.digest() == clamp.digest()
    assert nothing_added.k == 6


def test_without_clamp_only_the_addition_is_left(neurons) -> None:
    rule = ValueLocateIntervention(clamp=False)
    edit = rule.edit(neurons, direction="towards", strength=1.0)
    whole = ValueLocateIntervention().edit(neurons, direction="towards", strength=1.0, part="add")
    assert edit.digest() == whole.digest()
    assert rule.parts == ()
    assert rule.edit(neurons, direction="towards", strength=0.0).operators == {}


def test_clamps_can_be_kept_to_layers_with_targets(neurons_of) -> None:
    neurons = neurons_of(per_pole=2, seed=4)
    targets, opposing = (set(neurons.of_pole(pole).layer.tolist()) for pole in (1, -1))
    assert opposing - targets
    edit = ValueLocateIntervention(layers_with_targets_only=True).edit(
        neurons, direction="towards", strength=1.0
    )
    assert set(edit.operators) == targets
    assert_rule(
        edit,
        lambda layer: reference.valuelocate(
            ROWS, neurons, layer, towards=True, gamma=1.0, with_targets_only=True
        ),
    )


def test_keep_scales_the_addition(neurons) -> None:
    edit = ValueLocateIntervention(keep=0.5).edit(neurons, direction="away", strength=1.0)
    assert_rule(
        edit,
        lambda layer: reference.valuelocate(ROWS, neurons, layer, towards=False, gamma=1.0, keep=0.5),
    )


def test_a_missing_percentile_names_the_key(neurons_of) -> None:
    with pytest.raises(UserError, match=r"intervene\.amplitude=a95: .*'a95_neg' \(use collect=percentile\)"):
        ValueLocateIntervention(amplitude="a95").edit(neurons_of(a95=False), direction="away", strength=1.0)


@pytest.mark.parametrize("direction", ["towards", "away"])
@pytest.mark.parametrize("pole", [1, -1])
def test_a_set_without_one_pole_is_refused(neurons, direction, pole) -> None:
    missing = "S-" if pole == 1 else r"S\+"
    with pytest.raises(UserError, match=f"has no neurons of {missing}"):
        ValueLocateIntervention().edit(neurons.of_pole(pole), direction=direction, strength=1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strength": -1.0}, r"intervene\.strength=-1\.0: expected a number of 0 or more, or dev"),
        ({"strength": "big"}, r"intervene\.strength=big"),
        ({"strength": float("nan")}, r"intervene\.strength=nan"),
        ({"strength": float("inf")}, r"intervene\.strength=inf"),
        ({"strength": True}, r"intervene\.strength=True"),
        ({"positions": "prompt"}, r"intervene\.positions=prompt: expected one of generated, response, all"),
        ({"amplitude": "max"}, r"intervene\.amplitude=max: expected one of p, a95"),
        ({"weighting": "linear"}, r"intervene\.weighting=linear: expected one of sigmoid, none"),
        ({"keep": 0}, r"intervene\.keep=0"),
        ({"keep": 1.1}, r"intervene\.keep=1\.1"),
    ],
)
def test_settings_without_meaning_are_refused_with_their_key(settings, message) -> None:
    with pytest.raises(UserError, match=message):
        ValueLocateIntervention(**settings)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"direction": "up", "strength": 1.0}, "direction=up: expected one of towards, away"),
        ({"direction": "towards", "strength": -2.0}, r"intervene\.strength=-2\.0"),
        ({"direction": "towards", "strength": "dev"}, r"intervene\.strength=dev"),
        ({"direction": "towards", "strength": 1.0, "part": "mul"}, "part=mul: .* parts are: clamp, add"),
    ],
)
def test_requests_without_meaning_are_refused(neurons, request_, message) -> None:
    with pytest.raises(UserError, match=message):
        ValueLocateIntervention().edit(neurons, **request_)


def test_doses_are_above_zero() -> None:
    assert ValueLocateIntervention().doses([0, 0.25, 2]) == (0.25, 2.0)
    with pytest.raises(UserError, match=r"evaluate\.strengths=\[0\]: .* one or more above 0"):
        ValueLocateIntervention().doses([0])
