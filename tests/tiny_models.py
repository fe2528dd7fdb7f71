"""Tiny random models of every family of the table, with a tokenizer made here; nothing is downloaded."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerFast

from valuelocate.model import LanguageModel, PromptStyle, assemble

SPECIAL = ["<pad>", "<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"]
PAD, BOS, EOS = 0, 1, 2
CHAT_TEMPLATE = (
    "<s>{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}"
    "{% if message['role'] == 'assistant' %}</s>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
_TEXTS = [
    "What would you do with a free afternoon, and why? I would find my own way and try something new.",
    "I would stay at home, keep to what I know and what my family has always done there.",
    "Question: Do you take the new job in another city? Answer: Yes, it is what I want to do.",
]
VOCABULARY = 320

_ROTARY: Mapping[str, Any] = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 4,
    "max_position_embeddings": 512,
}
_GPT: Mapping[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 4, "n_positions": 512}
_LINEAR: Mapping[str, Any] = {
    "num_hidden_layers": 4,
    "layer_types": ["linear_attention"] * 3 + ["full_attention"],
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 2,
    "linear_key_head_dim": 4,
    "linear_value_head_dim": 4,
}
_HEADS: Mapping[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}

FAMILIES: Mapping[str, Mapping[str, Any]] = {
    **dict.fromkeys(
        [
            "llama",
            "mistral",
            "ministral",
            "ministral3",
            "qwen2",
            "qwen3",
            "gemma",
            "gemma2",
            "gemma3_text",
            "vaultgemma",
            "olmo",
            "olmo2",
            "olmo3",
            "granite",
            "granite_swa",
            "smollm3",
            "stablelm",
            "cohere",
            "cohere2",
            "helium",
            "seed_oss",
            "ernie4_5",
            "exaone4",
            "hunyuan_v1_dense",
            "hyperclovax",
            "cwm",
            "diffllama",
            "internlm3",
            "iquestcoder",
            "phi3",
            "glm",
            "glm4",
            "phi",
            "nemotron",
            "arcee",
            "apertus",
            "jais2",
            "nanochat",
            "starcoder2",
        ],
        _ROTARY,
    ),
    "gemma4_text": {**_ROTARY, "vocab_size_per_layer_input": VOCABULARY, "hidden_size_per_layer_input": 4},
    "biogpt": {**_ROTARY, "activation_dropout": 0.0},
    "qwen3_5_text": {**_ROTARY, **_LINEAR},
    "olmo_hybrid": {**_ROTARY, **_LINEAR},
    "gpt2": _GPT,
    "gpt_bigcode": _GPT,
    "gptj": {**_GPT, "rotary_dim": 4},
    "codegen": {**_GPT, "rotary_dim": 4},
    "gpt_neo": {
        "hidden_size": 16,
        "num_layers": 2,
        "num_heads": 4,
        "max_position_embeddings": 512,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 64,
    },
    "gpt_neox": {**_HEADS, "intermediate_size": 24, "max_position_embeddings": 512},
    "falcon": _HEADS,
    "falcon_alibi": {**_HEADS, "alibi": True, "new_decoder_architecture": False},
    "bloom": {"hidden_size": 16, "n_layer": 2, "n_head": 4},
    "mpt": {"d_model": 16, "n_layers": 2, "n_heads": 4, "max_seq_len": 512},
    "opt": {**_HEADS, "ffn_dim": 24, "word_embed_proj_dim": 16, "max_position_embeddings": 512},
    "xglm": {
        "d_model": 16,
        "ffn_dim": 24,
        "num_layers": 2,
        "attention_heads": 4,
        "max_position_embeddings": 512,
    },
}
"""Configs by model type; `falcon_alibi` is Falcon's other kind of positions."""


@cache
def trained_bytes() -> str:
    """A byte-level BPE of a few sentences, as JSON."""
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    raw.train_from_iterator(
        _TEXTS,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return str(raw.to_str())


def tiny_tokenizer(
    *, chat: bool = False, adds: str = "", template: str = CHAT_TEMPLATE
) -> PreTrainedTokenizerFast:
    """A tokenizer; `adds` names what it puts around a text by itself: "", "bos", "eos" or "bos eos"."""
    raw = Tokenizer.from_str(trained_bytes())
    if adds:
        around = " ".join([*(["<s>"] if "bos" in adds else []), "$A", *(["</s>"] if "eos" in adds else [])])
        raw.post_processor = processors.TemplateProcessing(
            single=around, special_tokens=[("<s>", BOS), ("</s>", EOS)]
        )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        extra_special_tokens=SPECIAL[3:],
    )
    if chat:
        tokenizer.chat_template = template
    return tokenizer


def tiny_config(family: str, **changes: Any) -> Any:
    """The config of a tiny model of a family."""
    settings = {**FAMILIES[family], **changes}
    ends = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    return AutoConfig.for_model(family.removesuffix("_alibi"), vocab_size=VOCABULARY, **{**ends, **settings})


def tiny_model(
    family: str, *, seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any
) -> PreTrainedModel:
    """A model with random weights, larger than a new model's, so that neurons are not all near zero."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(tiny_config(family, **changes), dtype=dtype)
        for parameter in model.parameters():
            if parameter.ndim == 2:
                torch.nn.init.normal_(parameter, std=0.25)
    return model


def tiny_random(
    family: str = "qwen2",
    *,
    chat: bool = False,
    adds: str = "",
    prompts: PromptStyle | None = None,
    seed: int = 0,
    check: bool = True,
    **changes: Any,
) -> LanguageModel:
    """A checked language model with random weights; `changes` go into its config."""
    model = tiny_model(family, seed=seed, **changes)
    return assemble(model, tiny_tokenizer(chat=chat, adds=adds), prompts=prompts, name=family, check=check)
