"""Neurons by hand: one token at a time, one neuron at a time, in double precision, straight from weights.

Written from the formulas (gated: h_i = phi(w_gate,i . x) * (w_up,i . x); plain: h_i = phi(w_in,i . x + b_i))
and from each family's own parameter names, without the project's table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Phi = Callable[[float], float]


def silu(z: float) -> float:
    return z / (1 + math.exp(-z))


def gelu(z: float) -> float:
    return 0.5 * z * (1 + math.erf(z / math.sqrt(2)))


def gelu_tanh(z: float) -> float:
    return 0.5 * z * (1 + math.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)))


def relu(z: float) -> float:
    return max(z, 0.0)


def relu_squared(z: float) -> float:
    return max(z, 0.0) ** 2


@dataclass(frozen=True)
class Formula:
    """How a family makes a layer's neurons."""

    layer: str
    """Prefix of a layer's parameters, with {} for its number."""
    phi: Phi
    down: str
    gate: str = ""
    up: str = ""
    fused: str = ""
    plain: str = ""
    transposed: bool = False
    """Whether weights are stored [in, out]."""

    @property
    def reading(self) -> str:
        """The projection whose input is the FFN's input."""
        return self.gate or self.fused or self.plain


def _gated(phi: Phi = silu, layer: str = "model.layers.{}.") -> Formula:
    return Formula(layer, phi, "mlp.down_proj", gate="mlp.gate_proj", up="mlp.up_proj")


def _fused(phi: Phi = silu) -> Formula:
    return Formula("model.layers.{}.", phi, "mlp.down_proj", fused="mlp.gate_up_proj")


def _plain(layer: str, plain: str, down: str, phi: Phi, *, transposed: bool = False) -> Formula:
    return Formula(layer, phi, down, plain=plain, transposed=transposed)


_BLOCKS, _H = "model.layers.{}.", "transformer.h.{}."

FORMULAS: Mapping[str, Formula] = {
    **dict.fromkeys(
        [
            "llama",
            "mistral",
            "ministral",
            "ministral3",
            "qwen2",
            "qwen3",
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
            "qwen3_5_text",
            "olmo_hybrid",
        ],
        _gated(),
    ),
    **dict.fromkeys(["gemma", "gemma2", "gemma3_text", "gemma4_text", "vaultgemma"], _gated(gelu_tanh)),
    **dict.fromkeys(["phi3", "glm", "glm4"], _fused()),
    **dict.fromkeys(
        ["nemotron", "arcee", "jais2"], _plain(_BLOCKS, "mlp.up_proj", "mlp.down_proj", relu_squared)
    ),
    "phi": _plain(_BLOCKS, "mlp.fc1", "mlp.fc2", gelu_tanh),
    "nanochat": _plain(_BLOCKS, "mlp.fc1", "mlp.fc2", relu_squared),
    "starcoder2": _plain(_BLOCKS, "mlp.c_fc", "mlp.c_proj", gelu_tanh),
    "gpt2": _plain(_H, "mlp.c_fc", "mlp.c_proj", gelu_tanh, transposed=True),
    "gpt_bigcode": _plain(_H, "mlp.c_fc", "mlp.c_proj", gelu_tanh),
    "gpt_neo": _plain(_H, "mlp.c_fc", "mlp.c_proj", gelu_tanh),
    "gptj": _plain(_H, "mlp.fc_in", "mlp.fc_out", gelu_tanh),
    "codegen": _plain(_H, "mlp.fc_in", "mlp.fc_out", gelu_tanh),
    "gpt_neox": _plain("gpt_neox.layers.{}.", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", gelu),
    "falcon": _plain(_H, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", gelu),
    "falcon_alibi": _plain(_H, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", gelu),
    "bloom": _plain(_H, "mlp.dense_h_to_4h", "mlp.dense_4h_to_h", gelu_tanh),
    "mpt": _plain("transformer.blocks.{}.", "ffn.up_proj", "ffn.down_proj", gelu),
    "opt": _plain("model.decoder.layers.{}.", "fc1", "fc2", relu),
    "xglm": _plain(_BLOCKS, "fc1", "fc2", gelu),
    "biogpt": _plain("biogpt.layers.{}.", "fc1", "fc2", gelu),
}
"""By family; Apertus is left out, since the slopes of its activation are learned."""


def neurons_by_hand(
    formula: Formula, weights: Mapping[str, Array], layer: int, inputs: Array
) -> tuple[Array, Array]:
    """Return gate_act and mid, [token, neuron], from the FFN's inputs [token, hidden]."""
    prefix = formula.layer.format(layer)

    def rows(name: str) -> tuple[Array, Array]:
        weight = weights[f"{prefix}{name}.weight"]
        weight = weight.T if formula.transposed else weight
        return weight, weights.get(f"{prefix}{name}.bias", np.zeros(len(weight)))

    def project(name: str, x: Array, row: int) -> float:
        weight, bias = rows(name)
        return float(weight[row] @ x + bias[row])

    count = len(rows(formula.reading)[0]) // (2 if formula.fused else 1)
    active, mid = np.zeros((len(inputs), count)), np.zeros((len(inputs), count))
    for token, x in enumerate(inputs):
        for i in range(count):
            active[token, i] = formula.phi(project(formula.reading, x, i))
            if formula.plain:
                mid[token, i] = active[token, i]
            else:
                up = project(formula.fused, x, count + i) if formula.fused else project(formula.up, x, i)
                mid[token, i] = active[token, i] * up
    return active, mid


def output_by_hand(formula: Formula, weights: Mapping[str, Array], layer: int, mid: Array) -> Array:
    """Return the FFN's output [token, hidden]: every neuron times its write vector, summed, plus the bias."""
    prefix = f"{formula.layer.format(layer)}{formula.down}"
    weight = weights[f"{prefix}.weight"]
    writes = weight if formula.transposed else weight.T
    output = np.zeros((len(mid), writes.shape[1]))
    for token in range(len(mid)):
        for i in range(mid.shape[1]):
            output[token] += mid[token, i] * writes[i]
    return output + weights.get(f"{prefix}.bias", np.zeros(writes.shape[1]))
