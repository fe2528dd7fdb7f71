from __future__ import annotations

import numpy as np
import pytest
import torch

from valuelocate.collect import PercentileSettings
from valuelocate.collect.percentile import PercentileMetric, histogram, quantile, tokens_by_group
from valuelocate.collect.reduce import group_rows
from valuelocate.errors import UserError

SWAPPED = torch.tensor([False, True, False])


def batches(count: int, *, width: int = 6, tokens: int = 40) -> list[torch.Tensor]:
    source = torch.Generator().manual_seed(0)
    return [
        torch.nn.functional.silu(2 * torch.randn(6, tokens, width, generator=source)) for _ in range(count)
    ]


def fill(metric: PercentileMetric, parts: list[torch.Tensor], mask: torch.Tensor) -> None:
    for part in parts:
        groups = group_rows(mask.sum(1).float(), SWAPPED)
        metric.update(0, part, tokens_by_group(mask, groups))


@pytest.mark.parametrize(("bins", "top"), [(64, 4.0), (16, 1.0), (400, 8.0)])
def test_percentiles_are_within_a_bin_of_the_exact_ones(bins: int, top: float) -> None:
    settings = PercentileSettings(bins=bins, top=top)
    metric, parts = PercentileMetric(1, 6, settings), batches(30)
    mask = torch.ones(6, 40, dtype=torch.bool)
    mask[0, :7] = mask[3, 30:] = False
    fill(metric, parts, mask)
    found = metric.compute()
    rows = {
        "true/positive": [0, 2, 4],
        "true/negative": [1, 3, 5],
        "shuffled/positive": [0, 3, 4],
        "shuffled/negative": [1, 2, 5],
    }
    for name, own in rows.items():
        values = np.concatenate([part[row, mask[row]].numpy() for part in parts for row in own])
        exact = np.quantile(values, 0.95, axis=0).clip(min=0)
        error = np.abs(found[f"{name}/a95"][0].numpy() - exact)
        inside = exact < top
        assert (error[inside] <= top / bins).all()
        # Above the bins all that is known is the largest value.
        assert (error[~inside] <= values.max(0)[~inside] - top).all()


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
def test_any_share(share: float) -> None:
    values = torch.rand(5000, 3, generator=torch.Generator().manual_seed(0)) * 3
    counts = histogram(values, bins=128, top=4.0)
    found = quantile(counts, values.amax(0), share=share, top=4.0)
    np.testing.assert_allclose(found.numpy(), np.quantile(values.numpy(), share, axis=0), atol=4 / 128)


def test_the_quantile_is_linear_within_a_bin() -> None:
    # 10 values in (0, 1], 10 in (1, 2]: three quarters lie below 1.5.
    counts = torch.tensor([[0, 10, 10, 0, 0]])
    assert quantile(counts, torch.tensor([2.0]), share=0.75, top=3.0).item() == 1.5
    assert quantile(counts, torch.tensor([2.0]), share=0.5, top=3.0).item() == 1.0


def test_the_open_bin_ends_at_the_largest_value() -> None:
    counts = torch.tensor([[0, 0, 0, 0, 10]])
    assert quantile(counts, torch.tensor([7.0]), share=0.5, top=3.0).item() == 5.0


@pytest.mark.parametrize("counts", [[0, 0, 0, 0, 0], [20, 0, 0, 0, 0], [99, 1, 0, 0, 0]])
def test_never_seen_or_hardly_active_is_zero(counts: list[int]) -> None:
    assert quantile(torch.tensor([counts]), torch.tensor([0.0]), share=0.95, top=3.0).item() == 0


def test_every_value_falls_into_one_bin() -> None:
    values = torch.tensor([[-5.0], [0.0], [-0.0], [1e-6], [0.5], [0.5001], [3.0], [3.1], [torch.inf]])
    assert histogram(values, bins=6, top=3.0).tolist() == [[3, 2, 1, 0, 0, 0, 1, 2]]


def test_reduction_over_processes() -> None:
    parts, mask, settings = batches(4), torch.ones(6, 40, dtype=torch.bool), PercentileSettings(bins=32)
    whole, *ranks = (PercentileMetric(1, 6, settings) for _ in range(3))
    fill(whole, parts, mask)
    fill(ranks[0], parts[:1], mask)
    fill(ranks[1], parts[1:], mask)
    for name, reduction in whole._reductions.items():
        assert reduction is not None
        reduced = reduction(torch.stack([getattr(metric, name) for metric in ranks]))
        torch.testing.assert_close(reduced.to(getattr(whole, name)), getattr(whole, name), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": 1.0}, r"collect\.percentile\.share=1\.0: must lie between 0 and 1"),
        ({"bins": 1}, r"collect\.percentile\.bins=1: must be at least 2"),
        ({"top": 0.0}, r"collect\.percentile\.top=0\.0: must be above 0"),
    ],
)
def test_settings_without_meaning_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        PercentileSettings(**changes)
