"""The contract between a model and the FFN table, checked at load and printed by `task=doctor`.

What the project says about neurons holds only if the hooked tensors really are what the table says, if the
neurons times the write vectors make up the FFN's output, and if batching, padding and caching change nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from valuelocate.model.batch import TokenBatch
from valuelocate.model.ffn import activation_signs_agree, ffn_output_from_neurons
from valuelocate.model.hooks import HOOKED_SITES, read_neurons, write_neurons
from valuelocate.neurons import Site

if TYPE_CHECKING:
    from valuelocate.model.language_model import LanguageModel

_HALF = (torch.bfloat16, torch.float16)
_IDENTITY_LIMIT = {False: 1e-5, True: 1e-3}
"""Relative RMS error of the FFN identities, by whether the weights are half precision."""
_LOGIT_LIMIT = {False: 1e-3, True: 0.05}
"""Largest difference of logits in units of their standard deviation. At .05 the most likely token is the same
wherever it leads by more than twice that."""
_STEPS = 4
_ROW_LENGTHS = (13, 7)


class ContractRow(NamedTuple):
    """One check: what was found against its limit."""

    check: str
    limit: float
    found: float
    """NaN where the check could not be run."""
    ok: bool
    required: bool = True
    """Whether loading is refused where the check fails; otherwise it is warned of."""
    note: str = ""
    """Why the check could not be run, or what its failing means."""


@dataclass
class _Capture:
    """What one forward pass of one row showed, by layer."""

    sites: dict[tuple[int, Site], Tensor] = field(default_factory=dict)
    projected: dict[tuple[int, str], Tensor] = field(default_factory=dict)
    logits: Tensor = field(default_factory=lambda: torch.empty(0))


@torch.no_grad()
def check_contract(lm: LanguageModel) -> list[ContractRow]:
    """Run every check on two short rows of arbitrary tokens and return what was found."""
    half = lm.dtype in _HALF
    identity, logits = _IDENTITY_LIMIT[half], _LOGIT_LIMIT[half]
    long, short = _token_rows(lm)
    capture = _Capture()
    fires = _checked("hooks fire once a forward pass", 0.0, partial(_run_hooked, lm, long, capture))
    if not fires.ok:
        return [fires]
    return [
        fires,
        _checked("neurons = activation of the gate (x up)", identity, partial(_sites_error, lm, capture)),
        _checked(
            "FFN output = neurons x write vectors (+ bias)", identity, partial(_identity_error, lm, capture)
        ),
        _checked(
            "an edit that changes nothing changes nothing", 0.0, partial(_empty_edit_error, lm, long, capture)
        ),
        _checked("batched and padded logits = single ones", logits, partial(_batch_error, lm, short, long)),
        _checked(
            "cached generation = uncached reading", logits, partial(_generation_error, lm, [short], [short])
        ),
        _checked(
            "left-padded generation = unpadded reading",
            logits,
            partial(_generation_error, lm, [short, long], [short]),
        ),
        _sign_row(lm),
    ]


def _checked(name: str, limit: float, measure: Callable[[], float]) -> ContractRow:
    """Run one check; a model that cannot be run or hooked fails it with what went wrong."""
    try:
        found = measure()
    # Errors of torch, and hooks that misfire.
    except RuntimeError as error:
        return ContractRow(name, limit, float("nan"), False, note=str(error).strip().split("\n")[0])
    return ContractRow(name, limit, found, found <= limit)


def _sign_row(lm: LanguageModel) -> ContractRow:
    agrees = activation_signs_agree(lm.ffn.module(0, "activation"))
    note = "" if agrees else "a neuron with a negative input may count as active"
    return ContractRow(
        "activation is positive where its input is", 0.0, float(not agrees), agrees, required=False, note=note
    )


def _token_rows(lm: LanguageModel) -> list[list[int]]:
    """Two rows of unequal length, drawn with a fixed seed from the vocabulary without added tokens.

    An added token may stand for an image, or have no embedding.
    """
    generator = torch.Generator().manual_seed(0)
    added = {*lm.tokenizer.added_tokens_decoder, *lm.tokenizer.all_special_ids, *lm.eos_ids, lm.pad_id}
    usable = torch.tensor([i for i in range(min(lm.vocabulary, len(lm.tokenizer))) if i not in added] or [0])
    return [usable[torch.randint(len(usable), (n,), generator=generator)].tolist() for n in _ROW_LENGTHS]


def _batch(lm: LanguageModel, rows: Sequence[Sequence[int]]) -> TokenBatch:
    return TokenBatch.build([row[:-2] for row in rows], [row[-2:] for row in rows], lm.pad_id)


def _run_hooked(lm: LanguageModel, row: list[int], capture: _Capture) -> float:
    """Fill `capture` from one forward pass; return 0, since a hook that misfires raises."""

    def keep(key: tuple[int, str], _module: nn.Module, _args: Any, output: Tensor) -> None:
        # A copy, since some blocks (Falcon's) add the residual in place.
        capture.projected[key] = output.clone()

    def reader(layer: int, site: Site, values: Tensor) -> None:
        capture.sites[layer, site] = values.clone()

    layers = range(lm.n_layers)
    with ExitStack() as hooks:
        for layer in layers:
            for role in ("down", *lm.ffn.family.reading):
                module = lm.ffn.module(layer, role)
                hooks.callback(module.register_forward_hook(partial(keep, (layer, role))).remove)
        with read_neurons(lm, reader, sites=HOOKED_SITES, layers=layers):
            capture.logits = lm.forward(_batch(lm, [row]))[0]
    return 0.0


def _sites_error(lm: LanguageModel, capture: _Capture) -> float:
    errors = []
    for layer in range(lm.n_layers):
        projected = {role: capture.projected[layer, role] for role in lm.ffn.family.reading}
        expected = lm.ffn.sites_from(layer, projected)
        for site, values in zip(HOOKED_SITES, expected, strict=True):
            errors.append(_relative_error(capture.sites[layer, site].reshape(values.shape), values))
    return max(errors)


def _identity_error(lm: LanguageModel, capture: _Capture) -> float:
    errors = []
    for layer in range(lm.n_layers):
        neurons = capture.sites[layer, "mid"].reshape(-1, lm.width).float()
        expected = capture.projected[layer, "down"].reshape(len(neurons), -1).float()
        if lm.dtype in _HALF:
            # The half-precision product itself rounds by more than the limit.
            down = lm.ffn.module(layer, "down")
            whole = {name: tensor.float() for name, tensor in down.named_parameters()}
            expected = torch.func.functional_call(down, whole, (neurons,))
        errors.append(_relative_error(ffn_output_from_neurons(lm.ffn, layer, neurons), expected))
    return max(errors)


def _relative_error(found: Tensor, expected: Tensor) -> float:
    found, expected = found.float(), expected.float()
    return float(((found - expected).square().mean() / expected.square().mean().clamp_min(1e-30)).sqrt())


def _empty_edit_error(lm: LanguageModel, row: list[int], capture: _Capture) -> float:
    nothing = {layer: (lambda rows: rows) for layer in range(lm.n_layers)}
    errors = [0.0]
    for site in HOOKED_SITES:
        with write_neurons(lm, nothing, site=site, positions="response"):
            hooked = lm.forward(_batch(lm, [row]))[0]
        errors.append(float((hooked - capture.logits).abs().max()))
    errors.append(float((lm.forward(_batch(lm, [row]))[0] - capture.logits).abs().max()))
    return max(errors)


def _batch_error(lm: LanguageModel, short: list[int], long: list[int]) -> float:
    alone = lm.forward(_batch(lm, [short]))[0].float()
    together = lm.forward(_batch(lm, [short, long]))[0, : len(short)].float()
    return _in_deviations(together, alone)


def _generation_error(lm: LanguageModel, rows: list[list[int]], checked: list[list[int]]) -> float:
    """Compare the logits that generation chose by with those of reading each row and its answer alone."""
    steps = lm.generate_steps(rows, steps=_STEPS)
    errors = []
    for row, answer, logits in zip(checked, steps.tokens, steps.logits, strict=False):
        read = lm.forward(TokenBatch.build([row], [answer], lm.pad_id))[0, len(row) - 1 : -1].float()
        errors.append(_in_deviations(logits.float().to(read.device), read))
    return max(errors)


def _in_deviations(found: Float[Tensor, "*any"], expected: Float[Tensor, "*any"]) -> float:
    return float((found - expected).abs().max() / expected.std().clamp_min(1e-12))
