import pytest
import torch
from jaxtyping import TypeCheckError

from valuelocate.intervene.operators import LayerOperator, add, clamp_from_above, edit_columns, scale


def columns(*index: int) -> torch.Tensor:
    return torch.tensor(index)


def amounts(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.randn(7, 10, generator=torch.Generator().manual_seed(0))


def test_the_three_steps() -> None:
    values = torch.tensor([[-1.0, 2.0], [3.0, -4.0]])
    clamped = clamp_from_above(values, torch.tensor([True, False]))
    torch.testing.assert_close(clamped, torch.tensor([[-1.0, 2.0], [0.0, -4.0]]))
    by = torch.tensor([2.0, -1.0])
    torch.testing.assert_close(scale(values, by), torch.tensor([[-2.0, -2.0], [6.0, 4.0]]))
    torch.testing.assert_close(add(values, by), torch.tensor([[1.0, 1.0], [5.0, -5.0]]))


def test_order_is_clamp_scale_add(rows) -> None:
    operator = LayerOperator(
        clamp=columns(3, 1),
        scale=columns(1, 8),
        scale_by=amounts(3.0, -2.0),
        add=columns(8, 1, 4),
        add_by=amounts(0.5, 0.25, -1.0),
    )
    expected = rows.double()
    expected[:, 3] = expected[:, 3].clamp(max=0)
    expected[:, 1] = expected[:, 1].clamp(max=0) * 3 + 0.25
    expected[:, 8] = expected[:, 8] * -2 + 0.5
    expected[:, 4] -= 1
    torch.testing.assert_close(operator(rows), expected.float())
    assert operator.columns.tolist() == [1, 3, 4, 8]


def test_other_columns_keep_every_bit(rows) -> None:
    rows[0, 0], rows[0, 9] = torch.nan, torch.inf
    edited = LayerOperator(add=columns(4), add_by=amounts(1.0))(rows)
    others = [column for column in range(10) if column != 4]
    torch.testing.assert_close(edited[:, others], rows[:, others], rtol=0, atol=0, equal_nan=True)


def test_the_input_is_not_changed(rows) -> None:
    before = rows.clone()
    LayerOperator(clamp=columns(0), scale=columns(1), scale_by=amounts(2.0))(rows)
    torch.testing.assert_close(rows, before, rtol=0, atol=0)


def test_no_columns_are_the_identity(rows) -> None:
    torch.testing.assert_close(LayerOperator()(rows), rows, rtol=0, atol=0)


def test_clamping_passes_negative_values_and_what_is_no_number() -> None:
    rows = torch.tensor([[-1.5], [2.0], [torch.nan]])
    edited = LayerOperator(clamp=columns(0))(rows)
    torch.testing.assert_close(edited, torch.tensor([[-1.5], [0.0], [torch.nan]]), equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_once(rows, dtype) -> None:
    rows = (100 * rows).to(dtype)
    operator = LayerOperator(
        scale=columns(0, 1), scale_by=amounts(1.01, 0.33), add=columns(1, 2), add_by=amounts(0.777, 1e-3)
    )
    expected = rows.float()
    expected[:, 0] *= 1.01
    expected[:, 1] = expected[:, 1] * 0.33 + 0.777
    expected[:, 2] += 1e-3
    edited = operator(rows)
    assert edited.dtype == dtype
    torch.testing.assert_close(edited, expected.to(dtype), rtol=0, atol=0)


def test_double_precision_stays(rows) -> None:
    edited = LayerOperator(add=columns(0), add_by=amounts(1e-12))(rows.double())
    torch.testing.assert_close(edited[:, 0], rows[:, 0].double() + 1e-12, rtol=0, atol=0)


def test_gradients_flow_through(rows) -> None:
    rows.requires_grad_()
    operator = LayerOperator(
        clamp=columns(0), scale=columns(1), scale_by=amounts(3.0), add=columns(2), add_by=amounts(1.0)
    )
    operator(rows).sum().backward()
    expected = torch.ones_like(rows)
    expected[:, 0] = (rows[:, 0] < 0).float()
    expected[:, 1] = 3.0
    torch.testing.assert_close(rows.grad, expected)


def test_a_compiled_operator_serves_any_type(rows) -> None:
    run = LayerOperator(add=columns(0), add_by=amounts(0.5)).compiled()
    for dtype in (torch.float32, torch.bfloat16, torch.float64, torch.float32):
        torch.testing.assert_close(run(rows.to(dtype))[:, 0], rows.to(dtype)[:, 0] + 0.5)


def test_edit_columns_follows_index_order(rows) -> None:
    edited = edit_columns(
        rows,
        columns(6, 2),
        clamped=torch.tensor([False, False]),
        factor=torch.tensor([1.0, 1.0]),
        increment=torch.tensor([10.0, 20.0]),
    )
    torch.testing.assert_close(edited[:, 6], rows[:, 6] + 10)
    torch.testing.assert_close(edited[:, 2], rows[:, 2] + 20)


@pytest.mark.parametrize(
    "fields", [{"clamp": columns(1, 1)}, {"add": columns(2, 2), "add_by": amounts(1.0, 1.0)}]
)
def test_a_neuron_cannot_stand_twice(fields) -> None:
    with pytest.raises(ValueError, match="twice"):
        LayerOperator(**fields)


@pytest.mark.parametrize("fields", [{"scale": columns(1, 2), "scale_by": amounts(1.0)}, {"add": columns(1)}])
def test_amounts_must_be_as_many_as_neurons(fields) -> None:
    # In the test run the checker of shapes speaks first.
    with pytest.raises((ValueError, TypeCheckError)):
        LayerOperator(**fields)
