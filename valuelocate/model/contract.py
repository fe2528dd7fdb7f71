"""The contract between a model and the FFN table, checked at load and printed by `task=doctor`.

What the project says about neurons holds only if the hooked tensor really is the vector whose entries, times
the write vectors, make up the FFN's output, and if batching, padding and caching change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from valuelocate.model.batch import TokenBatch
from valuelocate.model.ffn import activation_signs_agree, ffn_output_from_neurons
from valuelocate.model.hooks import HookMisfire, read_neurons, write_neurons

if TYPE_CHECKING:
    from valuelocate.model.language_model import LanguageModel

_HALF = (torch.bfloat16, torch.float16)
_IDENTITY_LIMIT = {False: 1e-5, True: 1e-3}
"""Relative RMS error of the FFN identity, by whether the weights are half precision."""
_LOGIT_LIMIT = {False: 1e-3, True: 0.05}
"""Largest difference of logits in units of their standard deviation."""


class ContractRow(NamedTuple):
    """One check: what was found against its limit."""

    check: str
    limit: float
    found: float
    ok: bool


@torch.no_grad()
def check_contract(lm: LanguageModel) -> list[ContractRow]:
    """Run every check on two short rows of arbitrary tokens and return what was found."""
    half = lm.dtype in _HALF
    rows = _token_rows(lm)
    try:
        captured, output = _run_with_capture(lm, rows[0])
    except HookMisfire:
        return [ContractRow("hooks fire once a forward pass", 0, 1, False)]
    found = [
        ("hooks fire once a forward pass", 0.0, 0.0),
        ("FFN output = neurons x write vectors", _IDENTITY_LIMIT[half], _identity_error(lm, captured)),
        ("an empty edit changes nothing", 0.0, _empty_edit_error(lm, rows[0], output)),
    ]
    limit = _LOGIT_LIMIT[half]
    found += [(name, limit, error) for name, error in _logit_errors(lm, rows)]
    if not activation_signs_agree(lm.ffn.module(0, "activation").float() if half else lm.ffn.module(0, "activation")):
        found.append(("activation is positive where its input is", 0.0, 1.0))
    return [ContractRow(name, limit, error, error <= limit) for name, limit, error in found]


def _token_rows(lm: LanguageModel) -> list[list[int]]:
    """Two rows of unequal length, drawn with a fixed seed from the vocabulary without special tokens."""
    generator = torch.Generator().manual_seed(0)
    size = lm.model.get_input_embeddings().weight.shape[0]
    special = set(lm.tokenizer.all_special_ids) | {lm.pad_id}
    usable = torch.tensor([i for i in range(min(size, len(lm.tokenizer))) if i not in special] or [0])
    return [usable[torch.randint(len(usable), (n,), generator=generator)].tolist() for n in (13, 7)]


def _batch(lm: LanguageModel, rows: list[list[int]]) -> TokenBatch:
    return TokenBatch.build([row[:-2] for row in rows], [row[-2:] for row in rows], lm.pad_id)


def _run_with_capture(
    lm: LanguageModel, row: list[int]
) -> tuple[dict[int, tuple[Tensor, Tensor]], Float[Tensor, "token out"]]:
    """Return for each layer the neurons and what the down projection made of them, and the logits."""
    neurons: dict[int, Tensor] = {}
    written: dict[int, Tensor] = {}
    handles = [
        lm.ffn.module(layer, "down").register_forward_hook(
            # A copy, since some blocks (Falcon's) add the residual in place.
            lambda _module, _args, output, layer=layer: written.update({layer: output.clone()})
        )
        for layer in range(lm.n_layers)
    ]
    try:
        with read_neurons(
            lm, lambda layer, site, values: neurons.update({layer: values} if site == "mid" else {}),
            sites=("gate_act", "mid"), layers=range(lm.n_layers),
        ):
            logits = lm.forward(_batch(lm, [row]))[0]
    finally:
        for handle in handles:
            handle.remove()
    return {layer: (neurons[layer], written[layer]) for layer in neurons}, logits


def _identity_error(lm: LanguageModel, captured: dict[int, tuple[Tensor, Tensor]]) -> float:
    errors = []
    for layer, (neurons, written) in captured.items():
        rows = neurons.reshape(-1, neurons.shape[-1]).float()
        expected = written.reshape(rows.shape[0], -1).float()
        if lm.dtype in _HALF:
            # The half-precision product itself rounds by more than the limit; the identity is about the tensors.
            down = lm.ffn.module(layer, "down")
            expected = torch.func.functional_call(
                down, {name: tensor.float() for name, tensor in down.named_parameters()}, (rows,)
            )
        made = ffn_output_from_neurons(lm.ffn, layer, rows)
        errors.append(((made - expected).square().mean() / expected.square().mean().clamp_min(1e-30)).sqrt().item())
    return max(errors)


def _empty_edit_error(lm: LanguageModel, row: list[int], plain: Tensor) -> float:
    with write_neurons(lm, {layer: lambda rows: rows for layer in range(lm.n_layers)}, site="mid", positions="all"):
        hooked = lm.forward(_batch(lm, [row]))[0]
    return (hooked - plain).abs().max().item()


def _logit_errors(lm: LanguageModel, rows: list[list[int]]) -> Iterator[tuple[str, float]]:
    long, short = rows
    alone = lm.forward(_batch(lm, [short]))[0].float()
    together = lm.forward(_batch(lm, [short, long]))[0, : len(short)].float()
    spread = alone.std().clamp_min(1e-12)
    yield "batched and padded logits = single ones", ((together - alone).abs().max() / spread).item()
    whole = torch.tensor([short], device=lm.device)
    first = lm.model(input_ids=whole[:, :-3], use_cache=True)
    cache, steps = first.past_key_values, []
    for index in range(len(short) - 3, len(short)):
        step = lm.model(
            input_ids=whole[:, index : index + 1],
            attention_mask=torch.ones(1, index + 1, dtype=torch.long, device=lm.device),
            past_key_values=cache,
            use_cache=True,
        )
        steps.append(step.logits[0, -1].float())
    yield "cached logits = uncached ones", ((torch.stack(steps) - alone[-3:]).abs().max() / spread).item()
