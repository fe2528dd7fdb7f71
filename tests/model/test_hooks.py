"""Hooks: what is refused, misfires, restoration after errors, and which rows are edited."""

from __future__ import annotations

from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import DynamicCache

from tests.tiny_models import tiny_random
from valuelocate.errors import UserError
from valuelocate.model import HookMisfire, LanguageModel, TokenBatch, read_neurons, write_neurons
from valuelocate.model.positions import EDIT_POSITIONS, EditPositions, edit_mask, prefill_mask, token_mask

PROMPTS, ANSWERS = [[5, 6, 7], [8, 9, 10, 11, 12]], [[20, 21, 22, 23], [30, 31]]


def batch_of(lm: LanguageModel) -> TokenBatch:
    return TokenBatch.build(PROMPTS, ANSWERS, lm.pad_id)


def no_hooks(lm: LanguageModel) -> bool:
    return not any(module._forward_hooks or module._forward_pre_hooks for module in lm.model.modules())


def test_masks_of_a_padded_batch() -> None:
    batch = TokenBatch.build(PROMPTS, ANSWERS, 0)
    assert batch.position_ids.tolist() == [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6]]
    assert batch.n_tokens == 14
    assert token_mask(batch, "prompt").int().tolist() == [[1, 1, 1, 0, 0, 0, 0], [1, 1, 1, 1, 1, 0, 0]]
    assert token_mask(batch, "response").int().tolist() == [[0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 0, 0, 1, 0]]
    assert token_mask(batch, "all").int().tolist() == [[1, 1, 1, 1, 1, 1, 0], [1, 1, 1, 1, 1, 1, 0]]
    assert edit_mask(batch, "response").int().tolist() == [[0, 0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1, 0]]
    assert torch.equal(edit_mask(batch, "generated"), token_mask(batch, "response"))
    assert edit_mask(batch, "all").all()
    assert prefill_mask(2, 3, "response", torch.device("cpu")).int().tolist() == [[0, 0, 1], [0, 0, 1]]


def test_masks_of_empty_and_one_token_answers() -> None:
    batch = TokenBatch.build([[1, 2], [3]], [[], [4]], 0)
    assert not token_mask(batch, "response").any()
    # Without an answer the last prompt position is still where one would be chosen.
    assert edit_mask(batch, "response").int().tolist() == [[0, 1], [1, 0]]


@pytest.mark.parametrize(("prompts", "answers"), [([], []), ([[]], [[1]]), ([[1]], [])])
def test_batches_that_make_no_sense_are_refused(prompts: list[list[int]], answers: list[list[int]]) -> None:
    with pytest.raises(ValueError, match="a batch needs rows"):
        TokenBatch.build(prompts, answers, 0)


@pytest.mark.parametrize("positions", EDIT_POSITIONS)
def test_an_operator_gets_the_rows_of_its_positions_and_no_others(
    random_lm: LanguageModel, positions: EditPositions
) -> None:
    batch, seen = batch_of(random_lm), []
    whole: list[Tensor] = []

    def reader(_layer: int, _site: str, values: Tensor) -> None:
        whole.append(values.clone())

    with read_neurons(random_lm, reader, sites=["mid"], layers=[0]):
        random_lm.forward(batch)
    mask = edit_mask(batch, positions)

    def operator(rows: Tensor) -> Tensor:
        seen.append(rows.clone())
        return rows

    with write_neurons(random_lm, {0: operator}, site="mid", positions=positions):
        random_lm.forward(batch)
    expected = whole[0][mask] if positions != "all" else whole[0].reshape(-1, random_lm.width)
    torch.testing.assert_close(seen[0], expected, rtol=0, atol=0)


def test_a_reader_beside_an_edit_sees_what_the_edit_made(random_lm: LanguageModel) -> None:
    seen: dict[str, Tensor] = {}

    def reader(_layer: int, site: str, values: Tensor) -> None:
        seen[site] = values.clone()

    with (
        write_neurons(random_lm, {1: torch.zeros_like}, site="gate_act", positions="all"),
        read_neurons(random_lm, reader, sites=["gate_act", "mid"], layers=[1]),
    ):
        random_lm.forward(batch_of(random_lm))
    assert not seen["gate_act"].any()
    assert not seen["mid"].any()


@pytest.mark.parametrize("site", ["up", "preact", "nowhere"])
def test_sites_that_cannot_be_hooked_are_refused(random_lm: LanguageModel, site: Any) -> None:
    with (
        pytest.raises(ValueError, match=f"site '{site}' cannot be hooked"),
        read_neurons(random_lm, lambda *_: None, sites=[site], layers=[0]),
    ):
        pass


@pytest.mark.parametrize("layer", [-1, 2])
def test_layers_that_do_not_exist_are_refused(random_lm: LanguageModel, layer: int) -> None:
    with (
        pytest.raises(ValueError, match="the model has layers 0 to 1"),
        write_neurons(random_lm, {layer: lambda rows: rows}, site="mid", positions="all"),
    ):
        pass


def test_asking_twice_and_unknown_positions_are_refused(random_lm: LanguageModel) -> None:
    with (
        pytest.raises(ValueError, match="asked for twice"),
        read_neurons(random_lm, lambda *_: None, sites=["mid"], layers=[0, 0]),
    ):
        pass
    positions: Any = "prompt"
    with (
        pytest.raises(ValueError, match="positions 'prompt' are none of generated, response, all"),
        write_neurons(random_lm, {}, site="mid", positions=positions),
    ):
        pass
    assert no_hooks(random_lm)


@pytest.mark.parametrize(
    "operator", [lambda rows: rows[:1], lambda rows: rows.double()], ids=["shape", "dtype"]
)
def test_an_operator_must_keep_shape_and_dtype(random_lm: LanguageModel, operator: Any) -> None:
    with (
        pytest.raises(ValueError, match="an operator must return what it was given"),
        write_neurons(random_lm, {0: operator}, site="mid", positions="response"),
    ):
        random_lm.forward(batch_of(random_lm))
    assert no_hooks(random_lm)


def test_an_error_inside_a_pass_leaves_model_and_state_as_they_were(random_lm: LanguageModel) -> None:
    before = random_lm.forward(batch_of(random_lm))
    settings = random_lm.model.generation_config

    def fail(*_: Any) -> Tensor:
        raise KeyError("made up")

    for run in (
        lambda: random_lm.forward(batch_of(random_lm)),
        lambda: random_lm.generate_ids(PROMPTS, max_new_tokens=3),
    ):
        with (
            pytest.raises(KeyError, match="made up"),
            write_neurons(random_lm, {1: fail}, site="mid", positions="response"),
        ):
            run()
        assert no_hooks(random_lm)
        assert random_lm.reading is None
        assert random_lm.generation is None
        assert random_lm.model.generation_config is settings
    assert torch.equal(random_lm.forward(batch_of(random_lm)), before)


def test_a_hook_that_does_not_fire_is_an_error() -> None:
    lm = tiny_random("llama")
    holder = lm.ffn.holder(1)

    def fused(self: Any, x: Tensor) -> Tensor:
        return self.down_proj(nn.functional.silu(self.gate_proj(x)) * self.up_proj(x))

    holder.forward = MethodType(fused, holder)
    with (
        pytest.raises(HookMisfire, match=r"site gate_act fired 0 times .*forward was replaced by one of"),
        read_neurons(lm, lambda *_: None, sites=["gate_act", "mid"], layers=[0, 1]),
    ):
        lm.forward(batch_of(lm))
    assert no_hooks(lm)
    # The other site still fires.
    with read_neurons(lm, lambda *_: None, sites=["mid"], layers=[0, 1]):
        lm.forward(batch_of(lm))


def test_a_hook_that_fires_twice_is_an_error() -> None:
    lm = tiny_random("llama")
    lm.ffn.holder(0).act_fn = nn.Sequential(lm.ffn.module(1, "activation"))
    with (
        pytest.raises(HookMisfire, match="layer 1, site gate_act fired 2 times"),
        write_neurons(lm, {1: lambda rows: rows}, site="gate_act", positions="all"),
    ):
        lm.forward(batch_of(lm))


def test_a_module_called_outside_a_pass_is_neither_read_nor_edited(random_lm: LanguageModel) -> None:
    seen: list[Tensor] = []
    values = torch.ones(2, random_lm.width)
    with (
        read_neurons(random_lm, lambda _l, _s, v: seen.append(v), sites=["gate_act"], layers=[0]),
        write_neurons(random_lm, {0: torch.zeros_like}, site="gate_act", positions="all"),
    ):
        assert random_lm.ffn.module(0, "activation")(values).all()
    assert seen == []


@pytest.mark.parametrize("positions", ["generated", "response"])
def test_a_bare_call_of_the_model_cannot_be_edited_at_answer_positions(
    random_lm: LanguageModel, positions: EditPositions
) -> None:
    edit = {0: torch.zeros_like}
    ids = torch.tensor([[5, 6, 7]])
    with (
        pytest.raises(UserError, match="where the prompt ends"),
        write_neurons(random_lm, edit, site="mid", positions=positions),
    ):
        random_lm.model(input_ids=ids, use_cache=False)
    with write_neurons(random_lm, edit, site="mid", positions="all"):
        random_lm.model(input_ids=ids, use_cache=False)


@pytest.mark.parametrize("family", ["qwen2", "qwen3_5_text", "gemma3_text"])
@pytest.mark.parametrize("positions", EDIT_POSITIONS)
def test_generation_driven_by_others_is_edited_as_ours_is(family: str, positions: EditPositions) -> None:
    lm = tiny_random(family)
    prompt = [5, 6, 7, 8]
    with write_neurons(lm, {0: lambda rows: rows + 1}, site="mid", positions=positions):
        ours = lm.generate_steps([prompt], steps=5).tokens
        theirs = lm.model.generate(
            input_ids=torch.tensor([prompt]),
            attention_mask=torch.ones(1, 4, dtype=torch.long),
            do_sample=False,
            min_new_tokens=5,
            max_new_tokens=5,
            eos_token_id=None,
            past_key_values=DynamicCache(config=lm.model.config),
        )
    assert theirs[:, 4:].tolist() == ours


def test_a_prompt_read_in_chunks_is_edited_at_its_end_alone(random_lm: LanguageModel) -> None:
    prompt = list(range(5, 14))
    rows: list[int] = []

    def operator(values: Tensor) -> Tensor:
        rows.append(len(values))
        return values

    with (
        write_neurons(random_lm, {0: operator}, site="mid", positions="response"),
        random_lm._generating(len(prompt)),
    ):
        cache = DynamicCache(config=random_lm.model.config)
        for chunk in (prompt[:4], prompt[4:], [20], [21]):
            random_lm.model(input_ids=torch.tensor([chunk]), past_key_values=cache, use_cache=True)
    assert rows == [1, 1, 1]


def test_gradients_flow_through_an_edit(random_lm: LanguageModel) -> None:
    shift = torch.zeros(random_lm.width, requires_grad=True)
    with write_neurons(random_lm, {0: lambda rows: rows + shift}, site="mid", positions="response"):
        random_lm.forward(batch_of(random_lm)).sum().backward()
    assert shift.grad is not None
    assert shift.grad.any()
