from __future__ import annotations

import numpy as np
import pytest
import torch

from valuelocate.collect import reduce
from valuelocate.collect.reduce import (
    ResponseSums,
    group_rows,
    merge_moments,
    plan_tokens,
    sum_responses,
    token_moments,
    weighted_moments,
)

CPU = torch.device("cpu")


def some_mask(rows: int, tokens: int, *, seed: int = 0) -> torch.Tensor:
    """A window of its own in every row, and one row in which nothing counts."""
    source = torch.Generator().manual_seed(seed)
    column = torch.arange(tokens)
    start = torch.randint(0, tokens // 2, (rows, 1), generator=source)
    length = torch.randint(1, tokens // 2, (rows, 1), generator=source)
    mask = (column >= start) & (column < start + length)
    mask[rows // 2] = False
    return mask


def plain_sums(values: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    rows = [row[keep].double().numpy() for row, keep in zip(values, mask, strict=True)]
    width = values.shape[2]
    zero = np.zeros(width)
    return {
        "tokens": mask.sum(1).float(),
        "mean": torch.tensor(np.stack([row.mean(0) if len(row) else zero for row in rows])),
        "spread": torch.tensor(
            np.stack([((row - row.mean(0)) ** 2).sum(0) if len(row) else zero for row in rows])
        ),
        "active": torch.tensor(np.stack([(row > 0).sum(0) if len(row) else zero for row in rows])),
    }


@pytest.mark.parametrize("cells", [1, 60, 1 << 20])
def test_sums_are_those_of_a_plain_loop(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce, "_CACHED_CELLS", cells)
    values = torch.randn(6, 11, 5, generator=torch.Generator().manual_seed(0))
    mask = some_mask(6, 11)
    found = sum_responses(values, plan_tokens(mask, width=5, device=CPU), count_active=True)
    expected = plain_sums(values, mask)
    assert found.active is not None
    torch.testing.assert_close(found._asdict(), {key: part.float() for key, part in expected.items()})


@pytest.mark.parametrize("cells", [1, 60, 1 << 20])
def test_windows_hold_every_token_once(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reduce, "_CACHED_CELLS", cells)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    mask = some_mask(9, 20)
    seen = torch.zeros(mask.shape)
    for window in plan_tokens(mask, width=3, device=CPU).windows:
        seen[window.rows, window.columns] += window.keep[:, :, 0]
        assert window.whole == bool(window.keep.all())
        assert window.keep.numel() * 3 <= max(cells, 3 * mask.shape[1])
    torch.testing.assert_close(seen, mask.float())


def test_a_batch_without_tokens_sums_to_nothing() -> None:
    plan = plan_tokens(torch.zeros(2, 3, dtype=torch.bool), width=4, device=CPU)
    sums = sum_responses(torch.ones(2, 3, 4), plan, count_active=True)
    assert not any(bool(part.any()) for part in sums if part is not None)


def test_what_does_not_count_is_not_looked_at() -> None:
    values = torch.randn(4, 9, 3)
    mask = some_mask(4, 9)
    spoiled = values.clone()
    spoiled[~mask] = torch.nan
    plan = plan_tokens(mask, width=3, device=CPU)
    torch.testing.assert_close(
        sum_responses(spoiled, plan, count_active=True)._asdict(),
        sum_responses(values, plan, count_active=True)._asdict(),
        rtol=0,
        atol=0,
    )


def test_the_values_are_left_as_they_were() -> None:
    values = torch.randn(4, 9, 3)
    before = values.clone()
    sum_responses(values, plan_tokens(some_mask(4, 9), width=3, device=CPU), count_active=True)
    torch.testing.assert_close(values, before, rtol=0, atol=0)


def test_a_small_variance_around_a_large_mean_keeps_its_digits() -> None:
    values = 100 + 0.01 * torch.randn(2, 400, 3, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 400, dtype=torch.bool)
    found = sum_responses(values, plan_tokens(mask, width=3, device=CPU), count_active=False)
    # Single precision holds a value of 100 to 4e-6, so a deviation of .01 to half a thousandth.
    torch.testing.assert_close(found.spread, plain_sums(values, mask)["spread"].float(), rtol=1e-3, atol=0)
    assert found.active is None


def test_long_answers_are_summed_within_the_tolerance() -> None:
    values = torch.full((1, 20_000, 2), 0.1)
    mask = torch.ones(1, 20_000, dtype=torch.bool)
    found = sum_responses(values, plan_tokens(mask, width=2, device=CPU), count_active=True)
    torch.testing.assert_close(found.mean, values[:, 0], rtol=1e-6, atol=0)


def test_half_precision_is_reduced_in_single() -> None:
    values = (torch.randn(2, 300, 3) + 3).bfloat16()
    mask = torch.ones(2, 300, dtype=torch.bool)
    found = sum_responses(values, plan_tokens(mask, width=3, device=CPU), count_active=True)
    torch.testing.assert_close(found.mean, plain_sums(values, mask)["mean"].float())
    assert found.mean.dtype == torch.float32


def test_rows_are_grouped_by_swap_and_pole() -> None:
    groups = group_rows(torch.tensor([3.0, 2, 1, 4, 5, 6]), torch.tensor([False, True, False]))
    assert groups.response.argmax(0).tolist() == [0, 1, 2, 3, 0, 1]
    assert groups.pair.argmax(0).tolist() == [0, 1, 0]
    assert groups.response.sum(0).tolist() == [1] * 6


def test_a_response_without_tokens_is_in_no_group_nor_is_its_pair() -> None:
    groups = group_rows(torch.tensor([3.0, 0, 1, 4]), torch.tensor([False, True]))
    assert groups.response.sum(0).tolist() == [1, 0, 1, 1]
    assert groups.pair.sum(0).tolist() == [0, 1]


def random_groups(rows: int, groups: int) -> torch.Tensor:
    source = torch.Generator().manual_seed(1)
    owner = torch.randint(0, groups, (rows,), generator=source)
    return torch.nn.functional.one_hot(owner, groups).T.double()


def test_weighted_moments_are_those_of_repeated_rows() -> None:
    rows = torch.randn(8, 5, dtype=torch.float64)
    member, repeat = random_groups(8, 3), torch.arange(1, 9)
    found = weighted_moments(rows, member * repeat)
    for group in range(3):
        own = member[group].bool()
        every = rows[own].repeat_interleave(repeat[own], 0)
        expected = torch.stack(
            [
                torch.full((5,), float(len(every)), dtype=torch.float64),
                every.mean(0),
                ((every - every.mean(0)) ** 2).sum(0),
            ]
        )
        torch.testing.assert_close(found[:, group], expected)


def test_an_empty_group_has_no_moments() -> None:
    assert not weighted_moments(
        torch.ones(2, 3, dtype=torch.float64), torch.zeros(1, 2, dtype=torch.float64)
    ).any()


def test_token_moments_pool_the_tokens_of_a_group() -> None:
    values = torch.randn(4, 9, 3, dtype=torch.float64)
    mask = torch.ones(4, 9, dtype=torch.bool)
    mask[0, 4:] = mask[3, :2] = False
    expected = plain_sums(values, mask)
    sums = ResponseSums(expected["tokens"], expected["mean"].float(), expected["spread"].float(), None)
    found = token_moments(sums, group_rows(sums.tokens, torch.tensor([False, False])))
    for group, rows in enumerate(([0, 2], [1, 3])):
        pooled = torch.cat([values[row, mask[row]] for row in rows])
        torch.testing.assert_close(found[1, group], pooled.mean(0), rtol=1e-6, atol=1e-6)
        torch.testing.assert_close(
            found[2, group], ((pooled - pooled.mean(0)) ** 2).sum(0), rtol=1e-5, atol=1e-5
        )
        assert found[0, group].tolist() == [len(pooled)] * 3


@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_merged_moments_are_those_of_all(offset: float) -> None:
    rows = offset + torch.randn(30, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def moments(part: torch.Tensor) -> torch.Tensor:
        return weighted_moments(part, torch.ones(1, len(part), dtype=torch.float64))[:, 0]

    parts = [moments(part) for part in rows.split([1, 7, 0, 12, 10]) if len(part)]
    parts.insert(2, torch.zeros_like(parts[0]))
    torch.testing.assert_close(merge_moments(torch.stack(parts)), moments(rows))
    torch.testing.assert_close(merge_moments(torch.stack(parts[::-1])), moments(rows))
