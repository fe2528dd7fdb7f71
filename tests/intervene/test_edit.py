from dataclasses import replace

import pytest
import torch

from valuelocate.errors import UserError
from valuelocate.intervene import (
    Edit,
    LayerOperator,
    ScaleIntervention,
    ShiftIntervention,
    ValueLocateIntervention,
    ZeroIntervention,
)
from valuelocate.model import TokenBatch

INTERVENTIONS = [
    ValueLocateIntervention(),
    ScaleIntervention(),
    ZeroIntervention(),
    ShiftIntervention(),
    ShiftIntervention(site="gate_act"),
]


def members_in(lm, neurons_of):
    return neurons_of(n_layers=lm.n_layers, width=lm.width, per_pole=8, fingerprint=lm.fingerprint)


@pytest.fixture
def batch(prompts) -> TokenBatch:
    return TokenBatch.build(prompts, [[20, 21, 22], [23], [24, 25, 26, 27]], pad_id=1)


@pytest.mark.parametrize(
    "intervention", INTERVENTIONS, ids=lambda rule: f"{type(rule).__name__}-{rule.edit_site}"
)
def test_afterwards_the_model_is_what_it_was(lm, neurons_of, batch, intervention) -> None:
    before = lm.forward(batch)
    [strength] = intervention.doses([2])
    for direction in ("towards", "away"):
        edit = intervention.edit(members_in(lm, neurons_of), direction=direction, strength=strength)
        with edit.applied(lm):
            assert not torch.equal(lm.forward(batch), before)
        torch.testing.assert_close(lm.forward(batch), before, rtol=0, atol=0)


def test_an_error_inside_restores_the_model_too(gated_lm, neurons_of, batch) -> None:
    before = gated_lm.forward(batch)
    edit = ShiftIntervention().edit(members_in(gated_lm, neurons_of), direction="towards", strength=1.0)
    with pytest.raises(RuntimeError, match="stop"), edit.applied(gated_lm):
        raise RuntimeError("stop")
    torch.testing.assert_close(gated_lm.forward(batch), before, rtol=0, atol=0)


def test_an_empty_edit_is_the_identity(lm, batch, prompts) -> None:
    before, answers = lm.forward(batch), lm.generate_ids(prompts, max_new_tokens=4)
    for operators in ({}, {0: LayerOperator(), 1: LayerOperator()}):
        edit = Edit(operators=operators, site="mid", positions="all", fingerprint=lm.fingerprint)
        assert edit.k == 0
        with edit.applied(lm):
            torch.testing.assert_close(lm.forward(batch), before, rtol=0, atol=0)
            assert lm.generate_ids(prompts, max_new_tokens=4) == answers


def test_towards_and_away_cancel_for_a_shift(gated_lm, neurons_of, batch) -> None:
    neurons = members_in(gated_lm, neurons_of)
    before = gated_lm.forward(batch)
    towards, away = (
        ShiftIntervention().edit(neurons, direction=direction, strength=1.0)
        for direction in ("towards", "away")
    )
    with towards.applied(gated_lm), away.applied(gated_lm):
        torch.testing.assert_close(gated_lm.forward(batch), before)


def test_parts_one_after_the_other_are_the_whole(gated_lm, neurons_of, batch) -> None:
    neurons, rule = members_in(gated_lm, neurons_of), ValueLocateIntervention()
    whole, clamp, add = (
        rule.edit(neurons, direction="towards", strength=2.0, part=part) for part in (None, "clamp", "add")
    )
    with whole.applied(gated_lm):
        expected = gated_lm.forward(batch)
    with clamp.applied(gated_lm), add.applied(gated_lm):
        torch.testing.assert_close(gated_lm.forward(batch), expected)


@pytest.mark.parametrize("rule", [ScaleIntervention(positions="all"), ZeroIntervention(positions="all")])
def test_scaling_everywhere_is_scaling_write_vectors(lm, neurons_of, batch, rule) -> None:
    neurons = members_in(lm, neurons_of)
    strength = 3.0 if isinstance(rule, ScaleIntervention) else 1.0
    with rule.edit(neurons, direction="towards", strength=strength).applied(lm):
        edited = lm.forward(batch)
    scaled, factor = (neurons.of_pole(1), 3.0) if strength > 1 else (neurons.of_pole(-1), 0.0)
    weights = [lm.ffn.write_vectors(layer) for layer in range(lm.n_layers)]
    kept = [weight.clone() for weight in weights]
    try:
        for layer, neuron in zip(scaled.layer.tolist(), scaled.neuron.tolist(), strict=True):
            weights[layer][neuron] *= factor
        torch.testing.assert_close(lm.forward(batch), edited)
    finally:
        for weight, original in zip(weights, kept, strict=True):
            weight.copy_(original)


def test_another_model_is_refused_unless_asked_for(gated_lm, neurons_of, batch) -> None:
    neurons = replace(members_in(gated_lm, neurons_of), fingerprint="other")
    edit = ShiftIntervention().edit(neurons, direction="towards", strength=1.0)
    message = r"selected in the model other, .* intervene\.allow_other_model=true"
    with pytest.raises(UserError, match=message), edit.applied(gated_lm):
        pass
    allowed = ShiftIntervention(allow_other_model=True).edit(neurons, direction="towards", strength=1.0)
    before = gated_lm.forward(batch)
    with allowed.applied(gated_lm):
        assert not torch.equal(gated_lm.forward(batch), before)


@pytest.mark.parametrize(("layer", "neuron"), [(2, 0), (0, 48)])
def test_neurons_that_do_not_exist_are_refused(gated_lm, layer, neuron) -> None:
    operator = LayerOperator(clamp=torch.tensor([neuron]))
    edit = Edit(
        operators={layer: operator}, site="mid", positions="all", fingerprint="other", allow_other_model=True
    )
    message = rf"layer {layer} .* \(layers 0 to 1, neurons 0 to 47\)"
    with pytest.raises(UserError, match=message), edit.applied(gated_lm):
        pass


def test_the_digest_is_of_everything_that_decides(neurons) -> None:
    rule = ValueLocateIntervention()
    edit = rule.edit(neurons, direction="towards", strength=1.0)
    assert edit.digest() == rule.edit(neurons, direction="towards", strength=1.0).digest()
    backwards = torch.arange(len(neurons)).flip(0)
    turned = replace(
        neurons,
        layer=neurons.layer[backwards],
        neuron=neurons.neuron[backwards],
        pole=neurons.pole[backwards],
        columns={name: column[backwards] for name, column in neurons.columns.items()},
    )
    assert edit.digest() == rule.edit(turned, direction="towards", strength=1.0).digest()
    others = [
        rule.edit(neurons, direction="away", strength=1.0),
        rule.edit(neurons, direction="towards", strength=1.0000001),
        rule.edit(neurons, direction="towards", strength=1.0, part="add"),
        replace(edit, positions="all"),
        replace(edit, site="mid"),
        replace(edit, fingerprint="other"),
    ]
    assert len({edit.digest(), *(other.digest() for other in others)}) == 7
