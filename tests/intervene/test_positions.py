"""Edits act at the same tokens while a model generates and while its answers are read."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from valuelocate.intervene import Edit, LayerOperator
from valuelocate.model import TokenBatch

POSITIONS = ("generated", "response", "all")
SITES = ("gate_act", "mid")
STEPS = 5


def edit_of(lm, site: str, positions: str, layers: tuple[int, ...] = (0, 1)) -> Edit:
    operator = LayerOperator(
        clamp=torch.tensor([0, 7]),
        scale=torch.tensor([11]),
        scale_by=torch.tensor([-2.0], dtype=torch.float64),
        add=torch.tensor([3, 21, 30]),
        add_by=torch.tensor([4.0, -3.0, 5.0], dtype=torch.float64),
    )
    operators = dict.fromkeys(layers, operator)
    return Edit(operators=operators, site=site, positions=positions, fingerprint=lm.fingerprint)


def masks(batch: TokenBatch) -> dict[str, torch.Tensor]:
    """Where each mode edits, token by token from its definition."""
    found = {mode: torch.zeros(batch.input_ids.shape, dtype=torch.bool) for mode in POSITIONS}
    for row, (prompt, answer) in enumerate(
        zip(batch.prompt_lengths.tolist(), batch.answer_lengths.tolist(), strict=True)
    ):
        for token in range(prompt + answer):
            is_read_answer = prompt <= token < prompt + answer - 1
            found["generated"][row, token] = is_read_answer
            found["response"][row, token] = is_read_answer or token == prompt - 1
            found["all"][row, token] = True
    return found


@contextmanager
def neurons_seen(lm, site: str, layer: int) -> Iterator[list[torch.Tensor]]:
    """Collect [batch * token, neuron] of each forward pass, as every hook already there leaves it."""
    seen: list[torch.Tensor] = []
    if site == "gate_act":
        module = lm.ffn.module(layer, "activation")
        handle = module.register_forward_hook(lambda _m, _a, out: seen.append(out.flatten(0, -2).clone()))
    else:
        module = lm.ffn.module(layer, "down")
        handle = module.register_forward_pre_hook(
            lambda _m, args: seen.append(args[0].flatten(0, -2).clone())
        )
    try:
        yield seen
    finally:
        handle.remove()


@contextmanager
def last_logits(lm) -> Iterator[list[torch.Tensor]]:
    """Collect the logits at the last column of every forward pass of the whole model."""
    seen: list[torch.Tensor] = []
    handle = lm.model.register_forward_hook(lambda _m, _a, out: seen.append(out.logits[:, -1].clone()))
    try:
        yield seen
    finally:
        handle.remove()


def answers_of(lm, prompts: list[list[int]]) -> list[list[int]]:
    """Answers of unequal lengths, none of them empty."""
    return [[20 + index for index in range(length)] for length in (3, 1, 5)]


@pytest.mark.parametrize(("site", "positions"), list(itertools.product(SITES, POSITIONS)))
def test_an_edit_touches_its_rows_and_columns_only(lm, prompts, site, positions) -> None:
    batch = TokenBatch.build(prompts, answers_of(lm, prompts), pad_id=1)
    with neurons_seen(lm, site, 0) as plain:
        lm.forward(batch)
    edit = edit_of(lm, site, positions, layers=(0,))
    with edit.applied(lm), neurons_seen(lm, site, 0) as edited:
        lm.forward(batch)
    rows, real = masks(batch)[positions].flatten(), masks(batch)["all"].flatten()
    expected = plain[0].clone()
    expected[rows] = edit.operators[0](plain[0][rows])
    torch.testing.assert_close(edited[0][real], expected[real], rtol=0, atol=0)
    assert not torch.equal(edited[0][rows], plain[0][rows])


@pytest.mark.parametrize(("site", "positions"), list(itertools.product(SITES, POSITIONS)))
def test_generation_and_reading_agree(lm, prompts, site, positions) -> None:
    edit = edit_of(lm, site, positions)
    with edit.applied(lm):
        with last_logits(lm) as steps:
            answers = lm.generate_ids(prompts, max_new_tokens=STEPS)
        batch = TokenBatch.build(prompts, answers, pad_id=lm.pad_id)
        read = lm.forward(batch)
    assert max(len(answer) for answer in answers) == STEPS
    for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
        generated = torch.stack([step[row] for step in steps[: len(answer)]])
        # Another shape orders sums differently; attention carries that on over the steps.
        limit = 1e-9 if lm.dtype == torch.float64 else 1e-4
        first = len(prompt) - 1
        torch.testing.assert_close(read[row, first : first + len(answer)], generated, rtol=limit, atol=limit)


@pytest.mark.parametrize("site", SITES)
def test_generated_leaves_the_first_token_unedited(lm, prompts, site) -> None:
    with last_logits(lm) as plain:
        lm.generate_ids(prompts, max_new_tokens=2)
    for positions in POSITIONS:
        with edit_of(lm, site, positions).applied(lm), last_logits(lm) as edited:
            lm.generate_ids(prompts, max_new_tokens=2)
        assert torch.equal(edited[0], plain[0]) == (positions == "generated")
        assert not torch.equal(edited[1], plain[1])


@pytest.mark.parametrize("positions", POSITIONS)
def test_a_batch_gives_the_answers_of_its_prompts_alone(lm, prompts, positions) -> None:
    with edit_of(lm, "mid", positions).applied(lm):
        together = lm.generate_ids(prompts, max_new_tokens=STEPS)
        alone = [lm.generate_ids([prompt], max_new_tokens=STEPS)[0] for prompt in prompts]
    assert together == alone


def test_modes_differ(gated_lm, prompts) -> None:
    batch = TokenBatch.build(prompts, answers_of(gated_lm, prompts), pad_id=1)
    logits = []
    for positions in POSITIONS:
        with edit_of(gated_lm, "mid", positions).applied(gated_lm):
            logits.append(gated_lm.forward(batch)[0, 3])
    assert not any(torch.equal(one, two) for one, two in itertools.combinations(logits, 2))
