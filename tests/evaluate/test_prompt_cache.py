from __future__ import annotations

import pytest
import torch

from tests.tiny_models import tiny_random
from valuelocate.evaluate.likelihood import (
    answer_likelihoods,
    plan_parts,
    prompt_end_logits,
    with_kept_prompts,
)
from valuelocate.evaluate.prompt_cache import keep_prompts
from valuelocate.intervene import ShiftIntervention, ValueLocateIntervention
from valuelocate.model import TokenBatch

PLAIN = ("llama", "qwen2", "gpt2", "gpt_neox", "gemma", "phi3", "opt")
SPECIAL = ("gemma2", "bloom", "qwen3_5_text")
"""Sliding windows, ALiBi, linear attention."""

LONG = [7, 8, 9, 10, 11, 12, 13, 14, 15, 16]
PROMPTS = [LONG, LONG, LONG[:4], [40], LONG[3:], [50, 51]]
ANSWERS = [[20, 21, 22], [23], [24, 25, 26, 27], [28, 29], [], [30]]
EVERYTHING = 1 << 30


def parts_of(lm, batch_tokens: int = 4096):
    return plan_parts(lm, PROMPTS, ANSWERS, batch_tokens=batch_tokens)


def read(lm, parts):
    """Likelihoods and prompt-end logits, rows in order."""
    end = torch.zeros(len(PROMPTS), lm.vocabulary)
    for part in parts:
        end[list(part.places)] = prompt_end_logits(lm, part)
    return answer_likelihoods(lm, parts).log_prob, end


@pytest.mark.parametrize("family", PLAIN)
@pytest.mark.parametrize("positions", ["generated", "response"])
def test_kept_prompts_change_no_number_under_any_edit(family, positions, neurons_in) -> None:
    lm = tiny_random(family)
    whole = parts_of(lm)
    kept = with_kept_prompts(lm, whole, most_bytes=EVERYTHING)
    assert all(part.kept for part in kept)
    unedited = read(lm, whole)
    torch.testing.assert_close(read(lm, kept), unedited, rtol=1e-4, atol=1e-4)
    for rule in (ValueLocateIntervention(positions=positions), ShiftIntervention(positions=positions)):
        edit = rule.edit(neurons_in(lm, per_pole=8), direction="towards", strength=3.0)
        with edit.applied(lm):
            edited = read(lm, whole)
            torch.testing.assert_close(read(lm, kept), edited, rtol=1e-4, atol=1e-4)
        assert not torch.allclose(edited[0], unedited[0], atol=1e-2)
    # What was kept is as it was: the model appends to copies.
    torch.testing.assert_close(read(lm, kept), unedited, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("family", SPECIAL)
def test_models_that_keep_something_else_read_whole_rows(family) -> None:
    lm = tiny_random(family)
    whole = parts_of(lm)
    kept = with_kept_prompts(lm, whole, most_bytes=EVERYTHING)
    assert kept == whole


def test_rows_with_the_same_prompt_share_what_is_kept(random_lm) -> None:
    once = keep_prompts(random_lm, TokenBatch.build([LONG], [[3]], random_lm.pad_id))
    twice = keep_prompts(random_lm, TokenBatch.build([LONG, LONG], [[3], [4, 5]], random_lm.pad_id))
    assert once is not None and twice is not None
    assert twice[0].n_bytes == once[0].n_bytes > 0
    assert twice[0].row_prompt.tolist() == [0, 0]


def test_only_the_end_of_a_prompt_and_its_answer_are_left_to_read(random_lm, forwards) -> None:
    found = keep_prompts(random_lm, TokenBatch.build(PROMPTS, ANSWERS, random_lm.pad_id))
    assert found is not None
    kept, tail = found
    assert tail.prompt_lengths.tolist() == [1] * 6
    assert tail.answer_lengths.tolist() == [len(answer) for answer in ANSWERS]
    assert tail.position_ids[0, :4].tolist() == [9, 10, 11, 12]
    assert kept.mask.sum(1).tolist() == [len(prompt) - 1 for prompt in PROMPTS]
    forwards.clear()
    kept.forward(random_lm, tail)
    assert forwards == [(6, 5)]


def test_memory_bounds_what_is_kept(random_lm) -> None:
    whole = parts_of(random_lm, batch_tokens=16)
    assert len(whole) > 2
    first = with_kept_prompts(random_lm, whole[:1], most_bytes=EVERYTHING)[0].kept
    some = with_kept_prompts(random_lm, whole, most_bytes=first.n_bytes)
    assert [part.kept is not None for part in some] == [True] + [False] * (len(whole) - 1)
    assert with_kept_prompts(random_lm, whole, most_bytes=0) == whole
    torch.testing.assert_close(read(random_lm, some), read(random_lm, whole), rtol=1e-4, atol=1e-4)


def test_prompts_of_one_token_keep_nothing(random_lm) -> None:
    assert keep_prompts(random_lm, TokenBatch.build([[5], [6]], [[7], [8]], random_lm.pad_id)) is None


def test_prompts_are_not_kept_under_an_edit(random_lm, neurons_in) -> None:
    edit = ShiftIntervention().edit(neurons_in(random_lm), direction="towards", strength=1.0)
    batch = TokenBatch.build(PROMPTS, ANSWERS, random_lm.pad_id)
    with edit.applied(random_lm), pytest.raises(RuntimeError, match="outside the edit's `with`"):
        keep_prompts(random_lm, batch)
    assert random_lm.reading is None
