import pytest
import torch

from tests.reference import intervene_rules as reference
from valuelocate.errors import UserError
from valuelocate.intervene import ScaleIntervention

ROWS = torch.randn(6, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("direction", ["towards", "away"])
@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_edit_multiplies_the_positive_set(neurons, direction, factor) -> None:
    edit = ScaleIntervention().edit(neurons, direction=direction, strength=factor)
    for layer in range(3):
        found = edit.operators[layer](ROWS) if layer in edit.operators else ROWS
        expected = reference.scale(ROWS, neurons, layer, towards=direction == "towards", factor=factor)
        torch.testing.assert_close(found, expected)
    assert (edit.site, edit.k) == ("mid", 6)


def test_doses_above_one_push_in_the_direction() -> None:
    assert ScaleIntervention().doses([0.25, 0.5, 1, 1.5, 2]) == (1.5, 2.0)
    with pytest.raises(UserError, match=r"evaluate\.strengths=\[0\.5, 1\]: .* above 1"):
        ScaleIntervention().doses([0.5, 1])


@pytest.mark.parametrize("factor", [0, -1.0, "x"])
def test_factors_must_be_above_zero(neurons, factor) -> None:
    with pytest.raises(UserError, match=rf"intervene\.strength={factor}: expected a number above 0, or dev"):
        ScaleIntervention(strength=factor)
    with pytest.raises(UserError, match=rf"intervene\.strength={factor}"):
        ScaleIntervention().edit(neurons, direction="away", strength=factor)


def test_there_are_no_parts(neurons) -> None:
    with pytest.raises(UserError, match="part=add: this intervention's parts are: none"):
        ScaleIntervention().edit(neurons, direction="away", strength=2.0, part="add")
