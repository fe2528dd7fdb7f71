from __future__ import annotations

import pytest
import torch

from tests.reference.evaluate_preference import Reader
from tests.tiny_models import tiny_random
from valuelocate.evaluate import likelihood
from valuelocate.evaluate.likelihood import answer_likelihoods, logits_at, plan_parts, prompt_end_logits

PROMPTS = [[5, 6, 7, 8], [9], [10, 11, 12], [5, 6, 7, 8], [13, 14]]
ANSWERS = [[20, 21], [22, 23, 24, 25, 26], [27], [], [28, 29, 30]]


def test_log_probabilities_are_those_of_single_rows(random_lm) -> None:
    reader = Reader(random_lm)
    found = answer_likelihoods(random_lm, plan_parts(random_lm, PROMPTS, ANSWERS, batch_tokens=4096))
    expected = [reader.log_prob(prompt, answer) for prompt, answer in zip(PROMPTS, ANSWERS, strict=True)]
    torch.testing.assert_close(
        found.log_prob, torch.tensor(expected, dtype=torch.float64), rtol=1e-4, atol=1e-4
    )
    assert found.tokens.tolist() == [2, 5, 1, 0, 3]


@pytest.mark.parametrize("batch_tokens", [1, 8, 13, 4096])
def test_batching_and_padding_change_nothing(random_lm, batch_tokens) -> None:
    one = answer_likelihoods(random_lm, plan_parts(random_lm, PROMPTS, ANSWERS, batch_tokens=1))
    found = answer_likelihoods(random_lm, plan_parts(random_lm, PROMPTS, ANSWERS, batch_tokens=batch_tokens))
    torch.testing.assert_close(found.log_prob, one.log_prob, rtol=1e-5, atol=1e-5)


def test_batches_hold_rows_of_like_length_within_the_budget(random_lm) -> None:
    parts = plan_parts(random_lm, PROMPTS, ANSWERS, batch_tokens=10)
    widths = [part.batch.input_ids.shape for part in parts]
    assert widths == [(1, 6), (1, 6), (2, 5), (1, 4)] or all(rows * width <= 10 for rows, width in widths)
    assert [width for _, width in widths] == sorted((width for _, width in widths), reverse=True)
    assert sorted(place for part in parts for place in part.places) == [0, 1, 2, 3, 4]


def test_kept_logits_have_a_budget_of_their_own(random_lm, monkeypatch) -> None:
    monkeypatch.setattr(likelihood, "LOGIT_BUDGET", 6 * random_lm.vocabulary)
    parts = plan_parts(random_lm, PROMPTS, ANSWERS, batch_tokens=4096)
    kept = [int(part.batch.answer_lengths.clamp(min=1).sum()) for part in parts]
    assert max(kept) <= 6 < sum(kept)


@pytest.mark.parametrize("family", ["qwen2", "gemma2", "granite", "cohere", "gpt2"])
def test_logits_of_some_positions_are_those_of_all(family) -> None:
    """Also where the model scales or caps them after its head."""
    lm = tiny_random(family)
    [part] = plan_parts(lm, PROMPTS, ANSWERS, batch_tokens=4096)
    where = torch.zeros(part.batch.input_ids.shape, dtype=torch.bool)
    where[0, 2] = where[3, 0] = where[1, 1] = True
    with torch.no_grad():
        everywhere = lm.forward(part.batch)
    torch.testing.assert_close(logits_at(lm, part, where), everywhere[where], rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(lm.forward(part.batch), everywhere, rtol=0, atol=0)


def test_the_head_runs_only_where_it_is_needed(random_lm) -> None:
    shapes = []
    head = random_lm.model.get_output_embeddings()
    handle = head.register_forward_hook(lambda _module, args, _output: shapes.append(args[0].shape[:-1]))
    try:
        [part] = plan_parts(random_lm, PROMPTS, ANSWERS, batch_tokens=4096)
        answer_likelihoods(random_lm, [part])
        prompt_end_logits(random_lm, part)
    finally:
        handle.remove()
    assert shapes == [(1, 11), (1, 5)]


def test_no_rows_need_no_model(random_lm, forwards) -> None:
    parts = plan_parts(random_lm, [], [], batch_tokens=8)
    assert answer_likelihoods(random_lm, parts).log_prob.shape == (0,)
    assert answer_likelihoods(
        random_lm, plan_parts(random_lm, [[5]], [[]], batch_tokens=8)
    ).tokens.tolist() == [0]
    assert not forwards
