"""Models that are refused, each with its reason; shells whose text model is used."""

from __future__ import annotations

from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, PreTrainedModel

from tests.tiny_models import FAMILIES, tiny_config, tiny_model, tiny_random, tiny_tokenizer
from valuelocate.errors import UserError
from valuelocate.model import assemble
from valuelocate.model.contract import check_contract
from valuelocate.model.ffn import FAMILIES as TABLE
from valuelocate.model.supported import check_supported, find_feed_forward

ROTARY = FAMILIES["llama"]


@pytest.mark.parametrize(
    ("model_type", "changes"),
    [
        ("qwen3_moe", {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}),
        ("mixtral", {"num_local_experts": 4}),
        ("qwen2_moe", {"num_experts": 4}),
        ("olmoe", {"num_experts": 4}),
        ("deepseek_v3", {}),
    ],
)
def test_mixtures_of_experts_are_refused_by_their_config(model_type: str, changes: dict[str, Any]) -> None:
    with pytest.raises(UserError, match=f"'{model_type}' is a mixture of experts.*Use a dense model"):
        check_supported(AutoConfig.for_model(model_type, **changes))


def test_experts_beside_a_dense_ffn_are_refused() -> None:
    model = tiny_model(
        "gemma4_text", enable_moe_block=True, num_experts=4, top_k_experts=2, moe_intermediate_size=8
    )
    with pytest.raises(UserError, match="mixture of experts"):
        find_feed_forward(model)


@pytest.mark.parametrize("model_type", ["t5", "bart"])
def test_encoder_decoder_models_are_refused(model_type: str) -> None:
    config = AutoConfig.for_model(
        model_type, vocab_size=64, d_model=16, d_kv=4, num_layers=1, encoder_layers=1, decoder_layers=1
    )
    with pytest.raises(UserError, match=f"'{model_type}' is an encoder-decoder model"):
        check_supported(config)
    with pytest.raises(UserError, match="encoder-decoder"):
        find_feed_forward(AutoModelForSeq2SeqLM.from_config(config))


@pytest.mark.parametrize(
    ("model_type", "told"), [("qwen", "qwen2"), ("mamba", "known|mean"), ("bert", "known|mean")]
)
def test_unknown_architectures_name_the_nearest_and_how_to_add_one(model_type: str, told: str) -> None:
    config = tiny_config("llama")
    config.model_type = model_type
    with pytest.raises(UserError, match=told) as caught:
        check_supported(config)
    assert f"architecture '{model_type}' is not in the table" in str(caught.value)
    assert "valuelocate/model/ffn.py" in str(caught.value)


def test_quantised_weights_are_refused_by_their_config() -> None:
    config = tiny_config("llama")
    config.quantization_config = {"quant_method": "gptq", "bits": 4}
    with pytest.raises(UserError, match=r"quantised \(gptq\).*model.dtype=bfloat16"):
        check_supported(config)


class PackedLinear(nn.Linear):
    """As quantisation packages store weights."""

    def __init__(self, dtype: torch.dtype) -> None:
        super().__init__(4, 4)
        self.weight = nn.Parameter(torch.zeros(8, 1).to(dtype), requires_grad=False)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.float8_e4m3fn])
def test_packed_weights_in_memory_are_refused(dtype: torch.dtype) -> None:
    model = tiny_model("llama")
    model.model.layers[1].mlp.down_proj = PackedLinear(dtype)
    with pytest.raises(UserError, match=r"'mlp.down_proj' in layer 1 of 'llama' holds .*quantised or packed"):
        find_feed_forward(model)


class Adapter(nn.Module):
    """As adapter packages wrap a layer."""

    def __init__(self, base_layer: nn.Module) -> None:
        super().__init__()
        self.base_layer = base_layer

    def forward(self, x: Tensor) -> Tensor:
        return self.base_layer(x)


def test_adapters_are_refused() -> None:
    model = tiny_model("llama")
    model.model.layers[0].mlp.up_proj = Adapter(model.model.layers[0].mlp.up_proj)
    with pytest.raises(UserError, match="is a Adapter, not an ordinary linear layer; merge adapters"):
        find_feed_forward(model)


def test_weights_that_are_not_in_memory_are_refused() -> None:
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(tiny_config("llama"))
    with pytest.raises(UserError, match="is not in memory: the device map"):
        find_feed_forward(model)


def test_layers_of_different_widths_are_refused() -> None:
    model = tiny_model("llama")
    mlp = model.model.layers[1].mlp
    mlp.gate_proj, mlp.up_proj, mlp.down_proj = nn.Linear(16, 30), nn.Linear(16, 30), nn.Linear(30, 16)
    with pytest.raises(UserError, match=r"different FFN widths \[24, 30\]"):
        find_feed_forward(model)


def test_layers_that_share_an_activation_are_refused() -> None:
    model = tiny_model("llama")
    model.model.layers[1].mlp.act_fn = model.model.layers[0].mlp.act_fn
    with pytest.raises(UserError, match="share one activation module"):
        find_feed_forward(model)


def test_a_replaced_ffn_is_refused() -> None:
    model = tiny_model("llama")
    model.model.layers[1].mlp = nn.Identity()
    with pytest.raises(UserError, match=r"layer 1 of 'llama' has no module 'mlp.act_fn'"):
        find_feed_forward(model)


def test_a_model_without_layers_is_refused() -> None:
    model = tiny_model("llama")
    with pytest.raises(UserError, match=r"no layers at model.layers; a LlamaModel is no plain causal"):
        find_feed_forward(model.model)


def kernelised(model: PreTrainedModel) -> PreTrainedModel:
    """Swap the forward of every MLP, as fused kernels do."""

    def fused(self: Any, x: Tensor) -> Tensor:
        return nn.functional.linear(
            nn.functional.silu(self.gate_proj(x)) * self.up_proj(x), self.down_proj.weight
        )

    for layer in model.model.layers:
        layer.mlp.forward = MethodType(fused, layer.mlp)
    return model


def test_kernelised_mlps_are_refused_at_load() -> None:
    model = kernelised(tiny_model("llama"))
    with pytest.raises(UserError, match=r"hooks fire once.*fired 0 times.*replaced by one of .*fused kernel"):
        assemble(model, tiny_tokenizer())
    # The doctor shows them all the same.
    lm = assemble(model, tiny_tokenizer(), check=False)
    [row] = check_contract(lm)
    assert not row.ok
    assert "fused kernel" in row.note


def test_swapped_halves_of_a_fused_projection_break_the_contract() -> None:
    model = tiny_model("phi3")

    def swapped(self: Any, x: Tensor) -> Tensor:
        up, gate = self.gate_up_proj(x).chunk(2, dim=-1)
        return self.down_proj(up * self.activation_fn(gate))

    for layer in model.model.layers:
        layer.mlp.forward = MethodType(swapped, layer.mlp)
    with pytest.raises(UserError, match=r"breaks the contract.*neurons = activation of the gate"):
        assemble(model, tiny_tokenizer())


def test_a_down_projection_that_does_more_breaks_the_contract() -> None:
    model = tiny_model("llama")

    class Scaled(nn.Linear):
        def forward(self, x: Tensor) -> Tensor:
            return 1.01 * super().forward(x)

    for layer in model.model.layers:
        down = Scaled(24, 16, bias=False)
        down.weight = layer.mlp.down_proj.weight
        layer.mlp.down_proj = down
    with pytest.raises(UserError, match="FFN output = neurons x write vectors"):
        assemble(model, tiny_tokenizer())


def test_a_model_that_ignores_its_padding_breaks_the_contract() -> None:
    model = tiny_model("llama")
    forward = model.model.forward
    model.model.forward = lambda *args, **kwargs: forward(*args, **{**kwargs, "attention_mask": None})
    with pytest.raises(UserError, match="left-padded generation = unpadded reading"):
        assemble(model, tiny_tokenizer())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("family", ["qwen2", "phi3", "gpt2", "opt", "gemma2"])
def test_other_types_of_weights_hold_the_contract(family: str, dtype: torch.dtype) -> None:
    lm = tiny_random(family, dtype=dtype)
    assert lm.dtype == dtype
    assert len(lm.generate_ids([[5, 6], [7]], max_new_tokens=3)) == 2


def shell(model_type: str) -> PreTrainedModel:
    """A multimodal model with a tiny text part and a tinier image part."""
    vision: dict[str, Any] = {
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "image_size": 14,
        "patch_size": 7,
    }
    text = {**ROTARY, "vocab_size": 320, "eos_token_id": 2, "bos_token_id": 1, "pad_token_id": 0}
    config = AutoConfig.for_model(model_type, text_config=text, vision_config=vision, mm_tokens_per_image=4)
    return AutoModelForCausalLM.from_config(config)


def test_the_text_model_of_a_multimodal_shell_is_used() -> None:
    model = shell("gemma3")
    assert type(model).__name__ == "Gemma3ForConditionalGeneration"
    lm = assemble(model, tiny_tokenizer(), name="shell")
    assert (lm.n_layers, lm.width, lm.max_positions) == (2, 24, 512)
    assert lm.ffn.blocks[0] is model.model.language_model.layers[0]
    assert all(row.ok for row in check_contract(lm))


def test_rows_of_the_table_name_one_way_to_read() -> None:
    for row in TABLE:
        kinds = (bool(row.gate and row.up), bool(row.fused), bool(row.read))
        assert sum(kinds) == 1
        assert bool(row.gate) == bool(row.up)
