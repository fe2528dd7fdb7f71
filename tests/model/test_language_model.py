"""The language model: end and padding tokens, generation settings, limits of length."""

from __future__ import annotations

import warnings

import pytest
import torch
from transformers import GenerationConfig

from tests.tiny_models import EOS, PAD, tiny_random
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel, TokenBatch, write_neurons

PROMPTS = [[5, 6, 7, 40, 41], [8], [9, 10, 11]]


def test_facts(random_lm: LanguageModel) -> None:
    assert (random_lm.n_layers, random_lm.width) == (2, 32)
    assert (random_lm.dtype, random_lm.device.type) == (torch.float32, "cpu")
    assert (random_lm.vocabulary, random_lm.max_positions) == (320, 512)
    assert random_lm.takes_position_ids
    assert not tiny_random("bloom").takes_position_ids
    assert tiny_random("bloom").max_positions is None
    assert tiny_random("falcon_alibi").max_positions is None
    assert tiny_random("gpt2").max_positions == 512


def test_end_tokens_are_gathered_from_tokenizer_config_and_generation_config() -> None:
    lm = tiny_random("llama", check=False, eos_token_id=[EOS, 50])
    assert lm.eos_ids == [EOS, 50]
    lm.model.generation_config.eos_token_id = [60, EOS]
    assert lm.eos_ids == [EOS, 50, 60]
    lm.tokenizer.eos_token = None
    lm.model.config.eos_token_id = None
    lm.model.generation_config.eos_token_id = None
    assert lm.eos_ids == []


def test_padding_falls_back_to_an_end_token() -> None:
    lm = tiny_random("llama", check=False)
    assert lm.pad_id == PAD
    lm.tokenizer.pad_token = None
    assert lm.pad_id == EOS
    # A padding token that was added to the tokenizer and not to the model.
    lm.tokenizer.add_special_tokens({"pad_token": "<added>"})
    assert lm.tokenizer.pad_token_id == lm.vocabulary
    assert lm.pad_id == EOS


def test_padding_by_the_end_token_changes_no_answer() -> None:
    lm = tiny_random("llama")
    answers = lm.generate_ids(PROMPTS, max_new_tokens=8)
    lm.tokenizer.pad_token = None
    assert lm.generate_ids(PROMPTS, max_new_tokens=8) == answers
    assert lm.generate_ids([], max_new_tokens=8) == []


def test_an_answer_ends_before_its_end_token() -> None:
    lm = tiny_random("llama", check=False)
    free = lm.generate_steps(PROMPTS, steps=8).tokens
    end = free[0][3]
    lm.model.generation_config.eos_token_id = end
    answers = lm.generate_ids(PROMPTS, max_new_tokens=8)
    for whole, answer in zip(free, answers, strict=True):
        assert answer == (whole[: whole.index(end)] if end in whole else whole)
    assert len(answers[0]) <= 3


@pytest.mark.filterwarnings("error")
def test_the_checkpoints_generation_settings_are_not_used_and_come_back() -> None:
    lm = tiny_random("llama")
    plain = lm.generate_ids(PROMPTS, max_new_tokens=8)
    own = GenerationConfig(
        do_sample=True,
        temperature=5.0,
        top_k=3,
        repetition_penalty=3.0,
        no_repeat_ngram_size=1,
        suppress_tokens=plain[0][:1],
        min_new_tokens=4,
        max_length=6,
        forced_eos_token_id=7,
    )
    lm.model.generation_config = own
    assert lm.generate_ids(PROMPTS, max_new_tokens=8) == plain
    assert lm.model.generation_config is own


def test_generation_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    lm = tiny_random("qwen2")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lm.generate_ids(PROMPTS, max_new_tokens=3)
    assert caplog.records == []


def test_greedy_answers_are_the_most_likely_tokens(random_lm: LanguageModel) -> None:
    steps = random_lm.generate_steps(PROMPTS, steps=4)
    assert steps.logits.argmax(dim=-1).tolist() == steps.tokens
    batch = TokenBatch.build(PROMPTS, steps.tokens, random_lm.pad_id)
    logits = random_lm.forward(batch)
    for row, prompt in enumerate(PROMPTS):
        chosen = logits[row, len(prompt) - 1 : len(prompt) + 3].argmax(dim=-1).tolist()
        assert chosen == steps.tokens[row]


def test_repetition_penalty_spares_what_is_only_padding() -> None:
    lm = tiny_random("llama")
    alone = [lm.generate_ids([p], max_new_tokens=8, repetition_penalty=1.5)[0] for p in PROMPTS]
    assert lm.generate_ids(PROMPTS, max_new_tokens=8, repetition_penalty=1.5) == alone
    assert alone != lm.generate_ids(PROMPTS, max_new_tokens=8)


@pytest.mark.parametrize("family", ["gpt2", "opt", "llama", "xglm"])
def test_too_long_is_told_before_anything_runs(family: str) -> None:
    lm = tiny_random(family)
    forwards: list[int] = []
    handle = lm.model.register_forward_pre_hook(lambda *_: forwards.append(1))
    with pytest.raises(UserError, match=r"of 500 tokens.*up to 13 do not fit.*512 positions.*at most 12"):
        lm.generate_ids([[5] * 500, [5]], max_new_tokens=13)
    with pytest.raises(UserError, match="take shorter texts"):
        lm.generate_ids([[5] * 600], max_new_tokens=1)
    with pytest.raises(UserError, match="have 513 tokens, and the model has 512 positions"):
        lm.forward(TokenBatch.build([[5] * 500], [[6] * 13], lm.pad_id))
    assert forwards == []
    handle.remove()
    assert len(lm.generate_steps([[5] * 500], steps=12).tokens[0]) == 12


def test_positions_do_not_limit_a_model_without_them() -> None:
    lm = tiny_random("bloom")
    assert len(lm.generate_steps([[5] * 600], steps=2).tokens[0]) == 2


def test_a_tokenizer_of_another_model_is_told_of() -> None:
    lm = tiny_random("llama")
    lm.tokenizer.add_tokens(["Zebra"])
    with pytest.raises(UserError, match=r"token 320 of a prompt.*tokens 0 to 319"):
        lm.prompt_ids("Zebra?")


def test_hidden_states_and_logits_are_of_one_pass(random_lm: LanguageModel) -> None:
    batch = TokenBatch.build(PROMPTS, [[1, 2], [3], []], random_lm.pad_id)
    hidden = random_lm.forward(batch, head=False)
    head = random_lm.model.get_output_embeddings()
    torch.testing.assert_close(head(hidden), random_lm.forward(batch))
    for family in ("opt", "gpt2", "bloom"):
        lm = tiny_random(family)
        torch.testing.assert_close(
            lm.model.get_output_embeddings()(lm.forward(batch, head=False)), lm.forward(batch)
        )


def test_asking_under_an_edit(random_lm: LanguageModel) -> None:
    plain = random_lm.generate("Why?", max_new_tokens=6)
    described = random_lm.generate("Why?", description="I like it here.", max_new_tokens=6)
    with write_neurons(random_lm, {0: lambda rows: rows * 0 + 3}, site="mid", positions="response"):
        edited = random_lm.generate("Why?", max_new_tokens=6)
    assert len({plain, described, edited}) == 3
    assert random_lm.generate("Why?", max_new_tokens=6) == plain


def test_the_weights_are_frozen_and_the_mode_is_evaluation(random_lm: LanguageModel) -> None:
    assert not random_lm.model.training
    assert not any(parameter.requires_grad for parameter in random_lm.model.parameters())
