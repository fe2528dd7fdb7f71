from dataclasses import replace

import pytest
import torch

from tests.reference import intervene_rules as reference
from valuelocate.errors import UserError
from valuelocate.intervene import ShiftIntervention

ROWS = torch.randn(6, 16, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("direction", ["towards", "away"])
@pytest.mark.parametrize("site", ["mid", "gate_act"])
def test_edit_adds_the_difference_of_means(neurons, direction, site) -> None:
    edit = ShiftIntervention(site=site).edit(neurons, direction=direction, strength=1.5)
    for layer in range(3):
        found = edit.operators[layer](ROWS) if layer in edit.operators else ROWS
        expected = reference.shift(ROWS, neurons, layer, towards=direction == "towards", gamma=1.5, site=site)
        torch.testing.assert_close(found, expected)
    assert (edit.site, edit.k) == (site, len(neurons))


def test_it_needs_no_poles(neurons) -> None:
    assert ShiftIntervention.selection == "magnitude"
    assert ShiftIntervention().edit(neurons.of_pole(1), direction="away", strength=1.0).k == 6


def test_strength_zero_is_the_unedited_model(neurons) -> None:
    assert ShiftIntervention().edit(neurons, direction="towards", strength=0.0).operators == {}


def test_an_unknown_site_is_refused() -> None:
    with pytest.raises(UserError, match=r"intervene\.site=up: expected one of mid, gate_act"):
        ShiftIntervention(site="up")


def test_a_missing_statistic_is_refused(neurons) -> None:
    bare = replace(neurons, columns={})
    with pytest.raises(UserError, match="no statistic 'shift_mid'"):
        ShiftIntervention().edit(bare, direction="towards", strength=1.0)
