"""The table of FFN families: where each architecture keeps its neurons.

Supporting a model is a row here. A row names, relative to a layer, the modules through which the neurons
pass; everything else (reading, editing, write vectors) follows from it, and the contract checks it at load.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D


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

    @property
    def reading(self) -> tuple[str, ...]:
        """Roles of the projections that the neurons are made from."""
        return tuple(role for role in ("gate", "up", "fused", "read") if getattr(self, role))


_GATED = {
    "activation": "mlp.act_fn",
    "down": "mlp.down_proj",
    "gate": "mlp.gate_proj",
    "up": "mlp.up_proj",
}
_FUSED = {"activation": "mlp.activation_fn", "down": "mlp.down_proj", "fused": "mlp.gate_up_proj"}
_PLAIN_UP_DOWN = {"activation": "mlp.act_fn", "down": "mlp.down_proj", "read": "mlp.up_proj"}
_FOUR_H = {"activation": "mlp.act", "down": "mlp.dense_4h_to_h", "read": "mlp.dense_h_to_4h"}
_FC_PROJ = {"activation": "mlp.act", "down": "mlp.c_proj", "read": "mlp.c_fc"}
_FC_IN_OUT = {"activation": "mlp.act", "down": "mlp.fc_out", "read": "mlp.fc_in"}
_FC_1_2 = {"activation": "mlp.activation_fn", "down": "mlp.fc2", "read": "mlp.fc1"}
# The modules sit on the block itself; some versions flatten to [batch * token, hidden] before fc1.
_ON_BLOCK = {"activation": "activation_fn", "down": "fc2", "read": "fc1"}

FAMILIES: tuple[Family, ...] = (
    Family(
        model_types=(
            "llama", "mistral", "ministral", "ministral3", "qwen2", "qwen3", "gemma", "gemma2", "vaultgemma",
            "olmo", "olmo2", "olmo3", "olmo_hybrid", "granite", "granite_swa", "smollm3", "stablelm",
            "cohere", "cohere2", "helium", "seed_oss", "ernie4_5", "exaone4", "hunyuan_v1_dense", "cwm",
            "hyperclovax", "diffllama", "internlm3", "iquestcoder",
        ),
        layers=("model.layers",),
        **_GATED,
    ),
    # Multimodal shells keep the text model one level down; their text-only classes do not.
    Family(
        model_types=("qwen3_5", "qwen3_5_text", "gemma3", "gemma3_text", "gemma4", "gemma4_text"),
        layers=("model.language_model.layers", "model.layers"),
        **_GATED,
    ),
    Family(model_types=("phi3", "glm", "glm4"), layers=("model.layers",), **_FUSED),
    Family(model_types=("nemotron", "arcee", "apertus", "jais2"), layers=("model.layers",), **_PLAIN_UP_DOWN),
    Family(model_types=("phi", "nanochat"), layers=("model.layers",), **_FC_1_2),
    Family(model_types=("starcoder2",), layers=("model.layers",), **_FC_PROJ),
    Family(model_types=("gpt2", "gpt_neo", "gpt_bigcode"), layers=("transformer.h",), **_FC_PROJ),
    Family(model_types=("gptj", "codegen"), layers=("transformer.h",), **_FC_IN_OUT),
    Family(model_types=("gpt_neox",), layers=("gpt_neox.layers",), **_FOUR_H),
    Family(model_types=("falcon",), layers=("transformer.h",), **_FOUR_H),
    Family(
        model_types=("bloom",),
        layers=("transformer.h",),
        activation="mlp.gelu_impl",
        down="mlp.dense_4h_to_h",
        read="mlp.dense_h_to_4h",
    ),
    Family(
        model_types=("mpt",),
        layers=("transformer.blocks",),
        activation="ffn.act",
        down="ffn.down_proj",
        read="ffn.up_proj",
    ),
    Family(model_types=("opt",), layers=("model.decoder.layers",), backbone="model.decoder", **_ON_BLOCK),
    Family(model_types=("xglm",), layers=("model.layers",), **_ON_BLOCK),
    Family(model_types=("biogpt",), layers=("biogpt.layers",), **_ON_BLOCK),
)  # fmt: skip


class Sites(NamedTuple):
    """The two hookable tensors of a layer; one and the same in a plain FFN."""

    gate_act: Float[Tensor, "*batch neuron"]
    mid: Float[Tensor, "*batch neuron"]


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

    def holder(self, layer: int) -> nn.Module:
        """Return the module whose forward passes the neurons along: the MLP, or the block without one."""
        return self.blocks[layer].get_submodule(self.family.activation.rpartition(".")[0])

    def write_vectors(self, layer: int) -> Float[Tensor, "neuron hidden"]:
        """Return what each neuron adds to the FFN's output per unit of its activation (columns of W_down)."""
        down = self.module(layer, "down")
        weight = down.get_parameter("weight")
        # transformers' Conv1D stores [in, out], so a neuron is a row there and a column in nn.Linear.
        return weight if isinstance(down, Conv1D) else weight.T

    def write_bias(self, layer: int) -> Float[Tensor, " hidden"] | None:
        """Return the bias of the down projection, if it has one."""
        return getattr(self.module(layer, "down"), "bias", None)

    def sites_from(self, layer: int, projected: Mapping[str, Tensor]) -> Sites:
        """Return the neurons made from what the reading projections gave, as the family's formula has it.

        Gated: gate_act = phi(gate), mid = gate_act * up. Plain: both are phi(read).
        """
        activation = self.module(layer, "activation")
        if self.plain:
            active = activation(projected["read"])
            return Sites(active, active)
        # One fused projection holds both halves, two projections hold one each.
        each = 2 // len(projected)
        gate, up = (half for role in sorted(projected) for half in projected[role].chunk(each, dim=-1))
        active = activation(gate)
        return Sites(active, active * up)


def family_of(model_type: str) -> Family | None:
    """Return the row of a model type, or None."""
    return next((row for row in FAMILIES if model_type in row.model_types), None)


def known_model_types() -> list[str]:
    """Return every model type of the table."""
    return [name for row in FAMILIES for name in row.model_types]


def ffn_output_from_neurons(
    feed_forward: FeedForward, layer: int, neurons: Float[Tensor, "row neuron"]
) -> Float[Tensor, "row hidden"]:
    """Return sum_i h_i * write_i + bias, the identity that defines a neuron's write vector."""
    output = neurons @ feed_forward.write_vectors(layer).to(neurons.dtype)
    bias = feed_forward.write_bias(layer)
    return output if bias is None else output + bias.to(neurons.dtype)


@torch.no_grad()
def activation_signs_agree(activation: nn.Module) -> bool:
    """Whether phi(z) > 0 exactly where z > 0, so that "active" means the same before and after it."""
    tensor = next(activation.parameters(), torch.empty(0))
    z = torch.linspace(-8, 8, 4001, dtype=tensor.dtype, device=tensor.device)
    z = z[z != 0]
    return bool(((activation(z) > 0) == (z > 0)).all())
