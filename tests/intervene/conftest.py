from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from valuelocate.model import LanguageModel, assemble
from valuelocate.neurons import NeuronSet

WORDS = 96
_LLAMA_LIKE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
}
_SMALL = {"hidden_size": 32, "num_attention_heads": 4}
CONFIGS = {
    "qwen2": _LLAMA_LIKE,
    "phi3": _LLAMA_LIKE,
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 128},
    "opt": {
        **_SMALL,
        "num_hidden_layers": 2,
        "ffn_dim": 48,
        "word_embed_proj_dim": 32,
        "max_position_embeddings": 128,
        "dropout": 0.0,
    },
    "falcon": {**_SMALL, "num_hidden_layers": 2},
    "bloom": {"hidden_size": 32, "n_head": 4, "n_layer": 2},
}
"""Gated, gated with fused weights, Conv1D, flattened inputs, parallel residual, ALiBi."""


@cache
def family_lm(family: str) -> LanguageModel:
    """A small random model in double precision, where batching and caching leave little rounding.

    BLOOM takes its softmax in single precision whatever the type, and padded rows are NaN there in double.
    """
    dtype = torch.float32 if family == "bloom" else torch.float64
    torch.manual_seed(0)
    words = Tokenizer(models.WordLevel({f"w{index}": index for index in range(WORDS)}, unk_token="w0"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="w0", eos_token="w1")
    config = AutoConfig.for_model(
        family, vocab_size=WORDS, pad_token_id=None, bos_token_id=None, eos_token_id=1, **CONFIGS[family]
    )
    # Larger weights than a new model's, so that neurons are not all near zero.
    model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    for parameter in model.parameters():
        if parameter.ndim == 2:
            torch.nn.init.normal_(parameter, std=0.3)
    return assemble(model, tokenizer)


@pytest.fixture(params=sorted(CONFIGS))
def lm(request: pytest.FixtureRequest) -> LanguageModel:
    return family_lm(request.param)


@pytest.fixture
def gated_lm() -> LanguageModel:
    return family_lm("qwen2")


@pytest.fixture
def prompts() -> list[list[int]]:
    """Of unequal lengths."""
    return [[5, 6, 7], [8, 9, 10, 11, 12, 13], [14]]


@pytest.fixture
def neurons_of() -> Callable[..., NeuronSet]:
    def build(
        *,
        n_layers: int = 3,
        width: int = 16,
        per_pole: int = 6,
        fingerprint: str = "model",
        a95: bool = True,
        seed: int = 0,
    ) -> NeuronSet:
        source = torch.Generator().manual_seed(seed)
        chosen = torch.randperm(n_layers * width, generator=source)[: 2 * per_pole]
        pole = torch.tensor([1] * per_pole + [-1] * per_pole)

        def column(low: float, high: float) -> torch.Tensor:
            return low + (high - low) * torch.rand(2 * per_pole, generator=source, dtype=torch.float64)

        p_pos, p_neg = column(0, 1), column(0, 1)
        columns = {"score": pole.double(), "p_pos": p_pos, "p_neg": p_neg, "delta": p_pos - p_neg}
        columns |= {"shift_mid": column(-2, 2), "shift_gate_act": column(-2, 2)}
        if a95:
            columns |= {"a95_pos": column(0, 3), "a95_neg": column(0, 3)}
        return NeuronSet(
            layer=chosen // width,
            neuron=chosen % width,
            pole=pole,
            columns=columns,
            n_layers=n_layers,
            width=width,
            locator="made_up",
            value="openness_to_change",
            score_site="gate_act",
            fingerprint=fingerprint,
            data_hash="data",
            k_requested=2 * per_pole,
        )

    return build


@pytest.fixture
def neurons(neurons_of) -> NeuronSet:
    return neurons_of()
