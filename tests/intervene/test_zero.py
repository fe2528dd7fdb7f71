import pytest
import torch

from tests.reference import intervene_rules as reference
from valuelocate.errors import UserError
from valuelocate.intervene import ZeroIntervention

ROWS = torch.randn(6, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("direction", ["towards", "away"])
def test_edit_zeroes_the_pole_that_is_left(neurons, direction) -> None:
    edit = ZeroIntervention().edit(neurons, direction=direction, strength=1.0)
    for layer in range(3):
        found = edit.operators[layer](ROWS) if layer in edit.operators else ROWS
        torch.testing.assert_close(
            found, reference.zero(ROWS, neurons, layer, towards=direction == "towards")
        )
    assert (edit.site, edit.k) == ("mid", 6)


def test_there_is_one_dose(neurons) -> None:
    assert ZeroIntervention().doses([0.25, 4]) == (1.0,)
    assert ZeroIntervention(strength=1).strength == 1
    with pytest.raises(UserError, match=r"intervene\.strength=2\.0: intervene=zero has one dose"):
        ZeroIntervention(strength=2.0)
    with pytest.raises(UserError, match=r"intervene\.strength=0\.5: intervene=zero has one dose"):
        ZeroIntervention().edit(neurons, direction="away", strength=0.5)


def test_an_empty_pole_is_refused(neurons) -> None:
    with pytest.raises(UserError, match="has no neurons of S-"):
        ZeroIntervention().edit(neurons.of_pole(1), direction="towards", strength=1.0)
