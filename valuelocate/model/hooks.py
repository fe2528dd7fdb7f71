"""Reading and editing neurons while a model runs; hooks exist only inside a `with`.

Two hook points serve every family: the output of the activation module is the site `gate_act`, the input of
the down projection is the site `mid`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from valuelocate.model.batch import TokenBatch
from valuelocate.model.positions import EditPositions, edit_mask, prefill_mask
from valuelocate.neurons import Site

if TYPE_CHECKING:
    from valuelocate.model.language_model import LanguageModel

Reader = Callable[[int, Site, Float[Tensor, "batch token neuron"]], None]
Operator = Callable[[Float[Tensor, "row neuron"]], Float[Tensor, "row neuron"]]

HOOKED_SITES: tuple[Site, ...] = ("gate_act", "mid")


class HookMisfire(RuntimeError):
    """A hook did not fire exactly once in a forward pass: what was read or edited is not what was asked for."""


class _ForwardWatch:
    """Follows the backbone's forward passes: their shape, their phase, and how often each hook fired."""

    def __init__(self, lm: LanguageModel, expected: Sequence[tuple[int, Site]]) -> None:
        self._lm = lm
        self._fired = dict.fromkeys(expected, 0)
        self._running = False
        self.forwards = 0
        self.rows = self.columns = 0
        self.cached = False

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tokens = kwargs.get("input_ids", args[0] if args else None)
        if tokens is None:
            tokens = kwargs["inputs_embeds"]
        self.rows, self.columns = tokens.shape[:2]
        cache = kwargs.get("past_key_values")
        self.cached = cache is not None and cache.get_seq_length() > 0
        self._fired = dict.fromkeys(self._fired, 0)
        self._running = True

    def after(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self._running = False
        self.forwards += 1
        missed = {key: count for key, count in self._fired.items() if count != 1}
        if missed:
            (layer, site), count = next(iter(missed.items()))
            raise HookMisfire(
                f"the hook at layer {layer}, site {site} fired {count} times in one forward pass instead of once "
                f"({len(missed)} of {len(self._fired)} hooks misfired); run task=doctor, and turn model kernels, "
                f"compilation and quantised MLPs off"
            )

    def fired(self, layer: int, site: Site) -> bool:
        """Count a firing; False when a module is called outside a forward pass of the backbone."""
        if self._running:
            self._fired[layer, site] += 1
        return self._running

    def batch(self) -> TokenBatch | None:
        """The teacher-forced batch being read, or None while generating."""
        return self._lm.reading

    def mask(self, positions: EditPositions, device: torch.device) -> Bool[Tensor, "batch token"] | None:
        """Where an edit acts in this forward pass; None means everywhere."""
        batch = self.batch()
        if positions == "all" or (batch is None and self.cached):
            return None
        if batch is None:
            return prefill_mask(self.rows, self.columns, positions, device)
        return edit_mask(batch, positions).to(device)


@contextmanager
def _watched(lm: LanguageModel, expected: Sequence[tuple[int, Site]]) -> Iterator[tuple[ExitStack, _ForwardWatch]]:
    unknown = sorted({site for _, site in expected} - set(HOOKED_SITES))
    if unknown:
        raise ValueError(f"site '{unknown[0]}' cannot be hooked; {', '.join(HOOKED_SITES)} can")
    watch = _ForwardWatch(lm, expected)
    with ExitStack() as hooks:
        hooks.callback(lm.backbone.register_forward_pre_hook(watch.before, with_kwargs=True).remove)
        hooks.callback(lm.backbone.register_forward_hook(watch.after).remove)
        yield hooks, watch


def _register(lm: LanguageModel, hooks: ExitStack, layer: int, site: Site, act: Callable[[Tensor], Tensor | None]) -> None:
    """Call `act` on the tensor at a site; what it returns, if anything, replaces the tensor."""
    if site == "gate_act":
        module = lm.ffn.module(layer, "activation")
        handle = module.register_forward_hook(lambda _module, _args, output: act(output))
    else:
        module = lm.ffn.module(layer, "down")

        def before(_module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...] | None:
            changed = act(args[0])
            return None if changed is None else (changed, *args[1:])

        handle = module.register_forward_pre_hook(before)
    hooks.callback(handle.remove)


@contextmanager
def read_neurons(lm: LanguageModel, reader: Reader, *, sites: Sequence[Site], layers: Sequence[int]) -> Iterator[None]:
    """Hand every forward pass's neurons to `reader(layer, site, values [batch, token, neuron])`.

    The tensor is the model's own: a reader must not change it, nor keep it after the forward pass.

    Raises:
        HookMisfire: in a forward pass, if a hook did not fire exactly once.
        ValueError: a site that cannot be hooked.
    """
    with _watched(lm, [(layer, site) for layer in layers for site in sites]) as (hooks, watch):

        def hook(layer: int, site: Site) -> Callable[[Tensor], None]:
            def act(values: Tensor) -> None:
                if watch.fired(layer, site):
                    # OPT hands over [batch * token, neuron].
                    reader(layer, site, values.view(watch.rows, watch.columns, values.shape[-1]))

            return act

        for layer in layers:
            for site in sites:
                _register(lm, hooks, layer, site, hook(layer, site))
        yield


@contextmanager
def write_neurons(
    lm: LanguageModel, operators: Mapping[int, Operator], *, site: Site, positions: EditPositions
) -> Iterator[None]:
    """Replace the neurons of some layers at `site` by `operators[layer](values [row, neuron])`.

    An operator gets the rows of the positions to edit and returns as many rows; it must not change its input.
    Afterwards the model is bit for bit what it was, after an error too. No operators: the identity.

    Raises:
        HookMisfire: in a forward pass, if a hook did not fire exactly once.
        ValueError: a site that cannot be hooked.
    """
    with _watched(lm, [(layer, site) for layer in operators]) as (hooks, watch):

        def hook(layer: int, operator: Operator) -> Callable[[Tensor], Tensor | None]:
            def act(values: Tensor) -> Tensor | None:
                return _edited(values, operator, watch.mask(positions, values.device)) if watch.fired(layer, site) else None

            return act

        for layer, operator in operators.items():
            _register(lm, hooks, layer, site, hook(layer, operator))
        yield


def _edited(values: Tensor, operator: Operator, mask: Bool[Tensor, "batch token"] | None) -> Tensor:
    rows = values.reshape(-1, values.shape[-1])
    if mask is None:
        return operator(rows).view_as(values)
    chosen = mask.reshape(-1).nonzero()[:, 0]
    if not len(chosen):
        return values
    return rows.index_copy(0, chosen, operator(rows[chosen])).view_as(values)
