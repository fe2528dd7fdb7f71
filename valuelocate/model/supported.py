"""Which models are supported: finding FFNs by the table, and refusing with the reason what cannot be read.

What the config tells is refused before weights are loaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.pytorch_utils import Conv1D

from valuelocate.errors import UserError, nearest
from valuelocate.model.ffn import Family, FeedForward, family_of, known_model_types

_EXPERT_COUNTS = ("num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts")
_FLOATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)


def check_supported(config: PreTrainedConfig) -> Family:
    """Return the table's row for a model's config.

    Raises:
        UserError: encoder-decoder, quantised, mixture of experts, or not in the table.
    """
    model_type = config.model_type
    text: Any = config.get_text_config(decoder=True)
    if getattr(config, "is_encoder_decoder", False):
        raise UserError(
            f"model.path: '{model_type}' is an encoder-decoder model; a decoder-only causal model is needed"
        )
    quantisation = getattr(config, "quantization_config", None) or getattr(text, "quantization_config", None)
    if quantisation:
        raise UserError(
            f"model.path: the weights are quantised ({_method(quantisation)}), and a neuron's write vector "
            f"cannot be read from packed weights; use the unquantised model with model.dtype=bfloat16"
        )
    family = family_of(model_type)
    if family is not None:
        return family
    experts = {key: getattr(text, key, None) for key in _EXPERT_COUNTS}
    if any(isinstance(count, int) and count > 1 for count in experts.values()) or "moe" in model_type:
        raise _mixture(model_type)
    raise UserError(
        f"model.path: architecture '{model_type}' is not in the table of FFN families; "
        f"{nearest(model_type, known_model_types())} To add it: a row of FAMILIES in "
        f"valuelocate/model/ffn.py that names its layers, activation, input and down projections; then "
        f"task=doctor checks it."
    )


def _method(quantisation: Any) -> str:
    if isinstance(quantisation, dict):
        return str(quantisation.get("quant_method", "unknown method"))
    return str(getattr(quantisation, "quant_method", "unknown method"))


def _mixture(model_type: str) -> UserError:
    return UserError(
        f"model.path: '{model_type}' is a mixture of experts, which is not supported: its experts are fused "
        f"into one tensor and a neuron's activity depends on routing. Use a dense model."
    )


def find_feed_forward(model: PreTrainedModel) -> FeedForward:
    """Look a model up in the table and check that its modules are what the row says.

    Raises:
        UserError: a model that is not supported, each kind with its reason.
    """
    model_type = model.config.model_type
    family = check_supported(model.config)
    blocks = _blocks(model, family)
    feed_forward = FeedForward(family, blocks, _check_modules(model, family, blocks))
    activations = {id(block.get_submodule(family.activation)) for block in blocks}
    if len(activations) < len(blocks):
        raise UserError(
            f"model.path: layers of '{model_type}' share one activation module, so a layer cannot be told "
            f"by its hook"
        )
    return feed_forward


def _blocks(model: PreTrainedModel, family: Family) -> tuple[nn.Module, ...]:
    for path in family.layers:
        try:
            return tuple(model.get_submodule(path).children())
        except AttributeError:
            continue
    raise UserError(
        f"model.path: '{model.config.model_type}' has no layers at {' or '.join(family.layers)}; a "
        f"{type(model).__name__} is no plain causal language model (merge adapters, undo wrappers)"
    )


def _check_modules(model: PreTrainedModel, family: Family, blocks: Sequence[nn.Module]) -> int:
    """Check that every layer has the row's modules with ordinary weights; return the neurons in a layer.

    Raises:
        UserError: experts beside the FFN, a module that is missing, weights that are packed, adapted or not
            in memory, or layers of different widths.
    """
    model_type = model.config.model_type
    if any(name.rpartition(".")[2] == "experts" for name, _ in model.named_modules()):
        raise _mixture(model_type)
    widths = [_width(model_type, family, layer, block) for layer, block in enumerate(blocks)]
    if not widths:
        raise UserError(f"model.path: '{model_type}' has no layers")
    if len(set(widths)) > 1:
        raise UserError(
            f"model.path: layers of '{model_type}' have different FFN widths {sorted(set(widths))}; neurons "
            f"are [layer, neuron] tensors here, so one width is needed"
        )
    return widths[0]


def _width(model_type: str, family: Family, layer: int, block: nn.Module) -> int:
    for role in ("activation", "down", *family.reading):
        path = getattr(family, role)
        try:
            module = block.get_submodule(path)
        except AttributeError:
            raise UserError(
                f"model.path: layer {layer} of '{model_type}' has no module '{path}'; its FFN was replaced, "
                f"or is of another kind than the table's row says. Load the model without kernels and "
                f"adapters."
            ) from None
        if role != "activation":
            _check_projection(f"model.path: '{path}' in layer {layer} of '{model_type}'", module)
    down = block.get_submodule(family.down)
    weight = down.get_parameter("weight")
    return int(weight.shape[0] if isinstance(down, Conv1D) else weight.shape[1])


def _check_projection(what: str, module: nn.Module) -> None:
    weight = getattr(module, "weight", None)
    # Packages of kernels and of quantisation derive their layers from nn.Linear.
    ordinary = isinstance(module, nn.Linear | Conv1D) and not hasattr(module, "base_layer")
    if not ordinary or not isinstance(weight, torch.Tensor):
        raise UserError(
            f"{what} is a {type(module).__name__}, not an ordinary linear layer; merge adapters and use "
            f"unquantised weights"
        )
    if weight.ndim != 2 or weight.dtype not in _FLOATS:
        raise UserError(
            f"{what} holds {weight.dtype} weights of shape {tuple(weight.shape)}: quantised or packed; use "
            f"the unquantised model with model.dtype=bfloat16"
        )
    if weight.is_meta:
        raise UserError(
            f"{what} is not in memory: the device map moved it to the CPU or the disk. Use more or larger "
            f"devices, model.dtype=bfloat16, or a smaller model"
        )


def explain_misfire(feed_forward: FeedForward, layer: int) -> str:
    """Return what a layer's FFN looks like and what usually keeps its hooks from firing."""
    holder = feed_forward.holder(layer)
    forward = getattr(holder.forward, "__func__", holder.forward)
    origin = getattr(forward, "__module__", None) or type(forward).__module__
    own = type(holder).__module__
    replaced = (
        f", whose forward was replaced by one of {origin} (a fused kernel, e.g. use_kernels or Liger)"
        if origin != own or not own.startswith("transformers.models.")
        else ""
    )
    return (
        f"the FFN of layer {layer} is a {type(holder).__name__} of {own}{replaced}. Load the model without "
        f"kernels, compilation and quantisation; task=doctor checks it"
    )
