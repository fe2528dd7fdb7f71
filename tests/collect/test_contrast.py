from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from tests.reference.collect_reference import shuffled
from tests.reference.locate_statistics import SITES, RawContrast
from valuelocate.collect.contrast import ContrastMetric
from valuelocate.collect.reduce import ResponseSums, group_rows
from valuelocate.collect.statistics import ContrastStatistics, from_tensors, to_tensors

IDS = [f"question {number}" for number in range(9)]


@pytest.fixture(scope="module")
def raw() -> RawContrast:
    return RawContrast.random(0, questions=len(IDS), n_layers=2, width=4)


def swaps(raw: RawContrast, seed: int) -> list[bool]:
    """Which pairs the control swaps, read off the reference."""
    turned = shuffled(raw, IDS, seed)
    return [
        ours[0] is not theirs[0]
        for ours, theirs in zip(raw.answers["mid"], turned.answers["mid"], strict=True)
    ]


def feed(metric: ContrastMetric, raw: RawContrast, questions: Sequence[int], seed: int) -> None:
    """Update a metric with one batch of questions."""
    swapped = torch.tensor([swaps(raw, seed)[question] for question in questions])
    for site in SITES:
        rows = [row for question in questions for row in raw.answers[site][question]]
        tokens = torch.tensor([float(len(row)) for row in rows])
        for layer in range(raw.shape[0]):
            of_layer = [row[:, layer] for row in rows]
            sums = ResponseSums(
                tokens,
                torch.tensor(np.stack([row.mean(0) for row in of_layer]), dtype=torch.float32),
                torch.tensor(
                    np.stack([((row - row.mean(0)) ** 2).sum(0) for row in of_layer]), dtype=torch.float32
                ),
                torch.tensor(np.stack([(row > 0).sum(0) for row in of_layer]), dtype=torch.float32),
            )
            metric.update(layer, site, sums, group_rows(tokens, swapped))


def collected(
    raw: RawContrast, batches: Sequence[Sequence[int]], seed: int = 0
) -> dict[str, ContrastStatistics]:
    metric = ContrastMetric(*raw.shape)
    for batch in batches:
        feed(metric, raw, batch, seed)
    return from_tensors(metric.compute())


def assert_close(found: ContrastStatistics, expected: ContrastStatistics, tolerance: float) -> None:
    torch.testing.assert_close(
        to_tensors({"": found}), to_tensors({"": expected}), rtol=tolerance, atol=tolerance
    )


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_both_labellings_are_what_a_plain_loop_finds(raw: RawContrast, seed: int) -> None:
    assert 0 < sum(swaps(raw, seed)) < len(IDS)
    found = collected(raw, [range(4), range(4, 9)], seed)
    # The rows' own means came in single precision.
    assert_close(found["true"], raw.statistics(percentile=False), 1e-5)
    assert_close(found["shuffled"], shuffled(raw, IDS, seed).statistics(percentile=False), 1e-5)


@pytest.mark.parametrize(
    "batches", [[[q] for q in range(9)], [range(9)], [[8, 3], [0, 1, 2, 4, 5, 6, 7]], [range(8, -1, -1)]]
)
def test_split_and_order_change_nothing(raw: RawContrast, batches: list[Sequence[int]]) -> None:
    expected = collected(raw, [range(5), range(5, 9)])
    for labelling, found in collected(raw, batches).items():
        assert_close(found, expected[labelling], 1e-12)


@pytest.mark.parametrize("shares", [[[0, 1, 2], [3, 4, 5], [6, 7, 8]], [range(9), [], []]])
def test_states_of_processes_reduce_to_those_of_one(raw: RawContrast, shares: list[Sequence[int]]) -> None:
    ranks = [ContrastMetric(*raw.shape) for _ in shares]
    for metric, share in zip(ranks, shares, strict=True):
        if share:
            feed(metric, raw, share, 0)
    together = ContrastMetric(*raw.shape)
    for name, reduction in together._reductions.items():
        assert reduction is not None
        setattr(together, name, reduction(torch.stack([getattr(metric, name) for metric in ranks])))
    together._update_count = 1
    expected = collected(raw, [range(9)])
    for labelling, found in from_tensors(together.compute()).items():
        assert_close(found, expected[labelling], 1e-12)


def test_reset_starts_from_nothing(raw: RawContrast) -> None:
    metric = ContrastMetric(*raw.shape)
    feed(metric, raw, [3, 4], 0)
    metric.reset()
    feed(metric, raw, range(9), 0)
    assert_close(from_tensors(metric.compute())["true"], collected(raw, [range(9)])["true"], 0)


def test_gate_act_needs_the_active_tokens() -> None:
    sums = ResponseSums(torch.ones(2), torch.ones(2, 4), torch.ones(2, 4), None)
    with pytest.raises(ValueError, match="count active tokens"):
        ContrastMetric(1, 4).update(0, "gate_act", sums, group_rows(sums.tokens, torch.tensor([False])))


def test_a_site_collected_for_two_is_given_twice() -> None:
    metric = ContrastMetric(1, 4, ("gate_act",))
    sums = ResponseSums(torch.ones(2), torch.rand(2, 4), torch.zeros(2, 4), torch.ones(2, 4))
    metric.update(0, "gate_act", sums, group_rows(sums.tokens, torch.tensor([False])))
    found = from_tensors(metric.compute())["true"]
    assert set(found.paired_mean) == set(SITES)
    torch.testing.assert_close(found.positive.token_mean["mid"], found.positive.token_mean["gate_act"])


def test_active_tokens_are_counted_beyond_single_precision() -> None:
    metric, many = ContrastMetric(1, 2), float(2**24)
    groups = group_rows(torch.full((2,), many), torch.tensor([False]))
    for tokens in (many, 1.0):
        counts = torch.full((2, 2), tokens)
        metric.update(0, "gate_act", ResponseSums(counts[:, 0], counts, counts, counts), groups)
    assert from_tensors(metric.compute())["true"].positive.active.tolist() == [[2**24 + 1] * 2]
