from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from valuelocate.collect.batches import AnsweredPair, plan_pairs

Answered = Callable[..., list[AnsweredPair]]


@pytest.mark.parametrize("batch_tokens", [1, 40, 100, 10_000])
def test_batches_hold_every_pair_once_and_are_not_larger_than_asked(
    answered: Answered, batch_tokens: int
) -> None:
    pairs = answered(23)
    batches = plan_pairs(pairs, batch_tokens=batch_tokens, seed=0)
    assert sorted(
        row for batch in batches for row in zip(batch.prompts, batch.answers, strict=True)
    ) == sorted(row for pair in pairs for row in zip(pair.prompts, pair.answers, strict=True))
    for batch in batches:
        assert batch.n_positions <= batch_tokens or len(batch.prompts) == 2
    assert len(plan_pairs(pairs, batch_tokens=10_000, seed=0)) == 1


def test_the_longest_come_first(answered: Answered) -> None:
    batches = plan_pairs(answered(23), batch_tokens=60, seed=0)
    widths = [batch.n_positions // len(batch.prompts) for batch in batches]
    assert widths == sorted(widths, reverse=True)


def test_a_pair_stays_side_by_side_with_its_swap(answered: Answered) -> None:
    pairs = {pair.prompts[0][0]: pair for pair in answered(5, vocabulary=300)}
    for batch in plan_pairs(list(pairs.values()), batch_tokens=10_000, seed=4):
        for index, swap in enumerate(batch.swapped):
            pair = pairs[batch.prompts[2 * index][0]]
            assert batch.prompts[2 * index : 2 * index + 2] == pair.prompts
            assert swap == (hashlib.sha256(f"4:{pair.pair.question.id}".encode()).digest()[0] % 2 == 1)


def test_a_built_batch_has_the_numbers_of_its_plan(answered: Answered) -> None:
    [plan] = plan_pairs(answered(4), batch_tokens=10_000, seed=0)
    built = plan.build(pad_id=0)
    assert built.tokens.n_tokens == plan.n_tokens
    assert built.tokens.input_ids.numel() == plan.n_positions
    assert built.swapped.tolist() == list(plan.swapped)


@pytest.mark.parametrize(
    ("answers", "readable"), [(([1, 2], [1, 2]), True), (([1], [1, 2]), False), (([1, 2], []), False)]
)
def test_a_pair_is_readable_if_both_answers_have_a_token_that_is_read(
    answered: Answered, answers: tuple[list[int], list[int]], readable: bool
) -> None:
    assert answered(1)[0]._replace(answers=answers).readable == readable
