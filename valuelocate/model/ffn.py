"""The table of FFN families: where each architecture keeps its neurons.

Supporting a model is a row here. A row names, relative to a layer, the modules through which the neurons
pass; everything else (reading, editing, write vectors) follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

from valuelocate.errors import UserError, nearest


@dataclass(frozen=True, kw_only=True)
class Family:
    """One row: model types that share module names."""

    model_types: tuple[str, ...]
    layers: tuple[str, ...]
    """Paths of the list of blocks from the causal LM; the first that exists is taken."""
    activation: str
    down: str
    """The projection whose input is the vector of neurons."""
    gate: str | None = None
    """Separate gate projection of a gated FFN."""
    up: str | None = None
    fused: str | None = None
    """Fused projection of a gated FFN: first half gate, second half up."""
    read: str | None = None
    """The one input projection of a plain FFN."""
    backbone: str | None = None
    """Path of the module that the causal LM runs before its head, where that is not its `base_model`."""


_LLAMA_LIKE = {"activation": "mlp.act_fn", "down": "mlp.down_proj", "gate": "mlp.gate_proj", "up": "mlp.up_proj"}
_FUSED = {"activation": "mlp.activation_fn", "down": "mlp.down_proj", "fused": "mlp.gate_up_proj"}

FAMILIES: tuple[Family, ...] = (
    Family(
        model_types=(
            "llama", "mistral", "ministral", "qwen2", "qwen3", "gemma", "gemma2", "olmo", "olmo2", "olmo3", "granite",
            "smollm3", "stablelm", "cohere", "cohere2", "helium", "seed_oss", "ernie4_5",
        ),
        layers=("model.layers",),
        **_LLAMA_LIKE,
    ),
    # Multimodal shells keep the text model one level down; their text-only classes do not.
    Family(
        model_types=("qwen3_5", "qwen3_5_text", "gemma3", "gemma3_text", "gemma4", "gemma4_text"),
        layers=("model.language_model.layers", "model.layers"),
        **_LLAMA_LIKE,
    ),
    Family(model_types=("phi3", "glm", "glm4"), layers=("model.layers",), **_FUSED),
    Family(model_types=("gpt2",), layers=("transformer.h",), activation="mlp.act", down="mlp.c_proj", read="mlp.c_fc"),
    Family(
        model_types=("gpt_neox",),
        layers=("gpt_neox.layers",),
        activation="mlp.act",
        down="mlp.dense_4h_to_h",
        read="mlp.dense_h_to_4h",
    ),
    Family(
        model_types=("falcon",),
        layers=("transformer.h",),
        activation="mlp.act",
        down="mlp.dense_4h_to_h",
        read="mlp.dense_h_to_4h",
    ),
    Family(
        model_types=("bloom",),
        layers=("transformer.h",),
        activation="mlp.gelu_impl",
        down="mlp.dense_4h_to_h",
        read="mlp.dense_h_to_4h",
    ),
    # The modules sit on the block itself; some versions flatten to [batch * token, hidden] before fc1.
    Family(
        model_types=("opt",),
        layers=("model.decoder.layers",),
        activation="activation_fn",
        down="fc2",
        read="fc1",
        backbone="model.decoder",
    ),
    Family(model_types=("phi",), layers=("model.layers",), activation="mlp.activation_fn", down="mlp.fc2", read="mlp.fc1"),
)


@dataclass(frozen=True)
class FeedForward:
    """The FFN modules of every layer of a model."""

    family: Family
    blocks: tuple[nn.Module, ...]
    width: int
    """Neurons in a layer."""

    @property
    def n_layers(self) -> int:
        """Number of layers."""
        return len(self.blocks)

    @property
    def plain(self) -> bool:
        """Whether there is no gate, so that the sites `gate_act` and `mid` are one tensor."""
        return self.family.read is not None

    def module(self, layer: int, role: str) -> nn.Module:
        """Return the module of a role of the table (activation, down, gate, up, fused, read) in a layer."""
        path = getattr(self.family, role)
        if path is None:
            raise ValueError(f"this FFN family has no '{role}' projection")
        return self.blocks[layer].get_submodule(path)

    def write_vectors(self, layer: int) -> Float[Tensor, "neuron hidden"]:
        """Return what each neuron adds to the FFN's output per unit of its activation (columns of W_down)."""
        down = self.module(layer, "down")
        # transformers' Conv1D stores [in, out], so a neuron is a row there and a column in nn.Linear.
        return down.weight if isinstance(down, Conv1D) else down.weight.T

    def write_bias(self, layer: int) -> Float[Tensor, " hidden"] | None:
        """Return the bias of the down projection, if it has one."""
        return getattr(self.module(layer, "down"), "bias", None)


def find_feed_forward(model: PreTrainedModel) -> FeedForward:
    """Look a model up in the table and check that its modules are what the row says.

    Raises:
        UserError: unknown family, mixture of experts, swapped (kernelised) MLP, or layers of different widths.
    """
    model_type = model.config.model_type
    family = next((row for row in FAMILIES if model_type in row.model_types), None)
    _refuse_experts(model)
    if family is None:
        known = [name for row in FAMILIES for name in row.model_types]
        raise UserError(
            f"model.path: architecture '{model_type}' is not in the table of FFN families; {nearest(model_type, known)} "
            f"Add a row to FAMILIES in valuelocate/model/ffn.py naming its layers, activation, input and down "
            f"projections, then run task=doctor on it."
        )
    blocks = _blocks(model, family)
    widths = [_width(model_type, family, layer, block) for layer, block in enumerate(blocks)]
    if len(set(widths)) > 1:
        raise UserError(f"model.path: layers of '{model_type}' have different FFN widths {sorted(set(widths))}; one width is needed")
    activations = [id(block.get_submodule(family.activation)) for block in blocks]
    if len(set(activations)) != len(activations):
        raise UserError(f"model.path: layers of '{model_type}' share one activation module, so a layer cannot be told by its hook")
    return FeedForward(family, blocks, widths[0])


def _blocks(model: PreTrainedModel, family: Family) -> tuple[nn.Module, ...]:
    for path in family.layers:
        try:
            return tuple(model.get_submodule(path).children())
        except AttributeError:
            continue
    raise UserError(f"model.path: '{model.config.model_type}' has no layers at {' or '.join(family.layers)}; is it a causal language model?")


def _width(model_type: str, family: Family, layer: int, block: nn.Module) -> int:
    roles = [role for role in ("activation", "down", "gate", "up", "fused", "read") if getattr(family, role)]
    for role in roles:
        try:
            block.get_submodule(getattr(family, role))
        except AttributeError:
            raise UserError(
                f"model.path: layer {layer} of '{model_type}' has no module '{getattr(family, role)}'; its FFN was replaced or "
                f"is of another kind than the table's row says (model kernels must be off)"
            ) from None
    down = block.get_submodule(family.down)
    return int(down.weight.shape[0] if isinstance(down, Conv1D) else down.weight.shape[1])


def _refuse_experts(model: PreTrainedModel) -> None:
    config: Any = model.config.get_text_config()
    counts = {key: getattr(config, key, None) for key in ("num_experts", "num_local_experts", "n_routed_experts")}
    named = {key: value for key, value in counts.items() if isinstance(value, int) and value > 1}
    has_experts = any(name.rsplit(".", 1)[-1] == "experts" for name, _ in model.named_modules())
    if named or has_experts:
        raise UserError(
            f"model.path: '{model.config.model_type}' is a mixture of experts ({named or 'has experts modules'}), which is not "
            f"supported: its experts are fused and a neuron's activity depends on routing. Use a dense model."
        )


def ffn_output_from_neurons(
    feed_forward: FeedForward, layer: int, neurons: Float[Tensor, "row neuron"]
) -> Float[Tensor, "row hidden"]:
    """Return sum_i h_i * write_i + bias, the identity that defines a neuron's write vector."""
    output = neurons @ feed_forward.write_vectors(layer).to(neurons.dtype)
    bias = feed_forward.write_bias(layer)
    return output if bias is None else output + bias.to(neurons.dtype)


def activation_signs_agree(activation: nn.Module) -> bool:
    """Whether phi(z) > 0 exactly where z > 0, so that "active" means the same before and after it."""
    z = torch.linspace(-8, 8, 4001, dtype=torch.float32)
    z = z[z != 0]
    with torch.no_grad():
        return bool(((activation(z) > 0) == (z > 0)).all())
