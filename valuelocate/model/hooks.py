"""Reading and editing neurons while a model runs; hooks exist only inside a `with`.

Two hook points serve every family: the output of the activation module is the site `gate_act`, the input of
the down projection is the site `mid`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from valuelocate.errors import UserError
from valuelocate.model.positions import EDIT_POSITIONS, EditPositions, edit_mask, prefill_mask
from valuelocate.model.supported import explain_misfire
from valuelocate.neurons import Site

if TYPE_CHECKING:
    from valuelocate.model.language_model import LanguageModel

Reader = Callable[[int, Site, Float[Tensor, "batch token neuron"]], None]
Operator = Callable[[Float[Tensor, "row neuron"]], Float[Tensor, "row neuron"]]

HOOKED_SITES: tuple[Site, ...] = ("gate_act", "mid")


class HookMisfire(RuntimeError):  # noqa: N818 (named for what happened)
    """A hook did not fire exactly once in a forward pass, so something else was read or edited."""


class _ForwardWatch:
    """Follows the backbone's forward passes: their shape, their phase, and how often each hook fired."""

    def __init__(self, lm: LanguageModel, expected: Sequence[tuple[int, Site]]) -> None:
        self._lm = lm
        self._fired = dict.fromkeys(expected, 0)
        self._running = False
        self._cached: bool | None = None
        self._edited_rows: dict[tuple[EditPositions, torch.device], Int64[Tensor, " row"] | None] = {}
        self.rows = self.columns = 0

    def before(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        tokens = kwargs.get("input_ids", args[0] if args else None)
        if tokens is None:
            tokens = kwargs["inputs_embeds"]
        self.rows, self.columns = tokens.shape[:2]
        cache = kwargs.get("past_key_values")
        # Asked now, for the first layer's attention writes into the cache before its FFN runs.
        self._cached = None if cache is None else cache.get_seq_length() > 0
        self._edited_rows.clear()
        self._fired = dict.fromkeys(self._fired, 0)
        self._running = True

    def after(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> None:
        self._running = False
        missed = {key: count for key, count in self._fired.items() if count != 1}
        if missed:
            (layer, site), count = next(iter(missed.items()))
            raise HookMisfire(
                f"the hook at layer {layer}, site {site} fired {count} times in one forward pass instead of "
                f"once ({len(missed)} of {len(self._fired)} hooks misfired): "
                f"{explain_misfire(self._lm.ffn, layer)}"
            )

    def fired(self, layer: int, site: Site) -> bool:
        """Count a firing; False when a module is called outside a forward pass of the backbone."""
        if self._running:
            self._fired[layer, site] += 1
        return self._running

    def edited_rows(self, positions: EditPositions, device: torch.device) -> Int64[Tensor, " row"] | None:
        """Return the rows of [batch * token, neuron] that an edit acts on in this pass; None means all."""
        # Every layer asks for the same rows, and finding them makes a device wait.
        key = (positions, device)
        if key not in self._edited_rows:
            self._edited_rows[key] = self._find_rows(positions, device)
        return self._edited_rows[key]

    def _find_rows(self, positions: EditPositions, device: torch.device) -> Int64[Tensor, " row"] | None:
        if positions == "all":
            return None
        batch = self._lm.reading
        if batch is not None:
            mask = edit_mask(batch, positions)
        elif self._columns_to_come() < 0:
            return None
        elif self._columns_to_come() == 0:
            mask = prefill_mask(self.rows, self.columns, positions, device)
        else:
            mask = torch.zeros(self.rows, self.columns, dtype=torch.bool)
        return mask.reshape(-1).nonzero()[:, 0].to(device)

    def _columns_to_come(self) -> int:
        """Prompt columns left to read after this pass; negative while decoding."""
        generation = self._lm.generation
        if generation is not None:
            return generation.prompt_columns - generation.columns_read - self.columns
        # Generation that someone else drives on the model's own `generate`: it always hands a cache along.
        if self._cached is None:
            raise UserError(
                "an edit at generated or response positions must know where the prompt ends, and a bare "
                "call of the model does not say; use LanguageModel.forward or .generate_ids, or "
                "intervene.positions=all"
            )
        return -1 if self._cached else 0


@contextmanager
def _watched(
    lm: LanguageModel, expected: Sequence[tuple[int, Site]]
) -> Iterator[tuple[ExitStack, _ForwardWatch]]:
    unknown = sorted({site for _, site in expected} - set(HOOKED_SITES))
    if unknown:
        raise ValueError(f"site '{unknown[0]}' cannot be hooked; {', '.join(HOOKED_SITES)} can")
    absent = sorted({layer for layer, _ in expected if not 0 <= layer < lm.n_layers})
    if absent:
        raise ValueError(f"layer {absent[0]} does not exist; the model has layers 0 to {lm.n_layers - 1}")
    twice = [key for key, count in Counter(expected).items() if count > 1]
    if twice:
        raise ValueError(f"layer {twice[0][0]}, site {twice[0][1]} is asked for twice")
    watch = _ForwardWatch(lm, expected)
    with ExitStack() as hooks:
        hooks.callback(lm.backbone.register_forward_pre_hook(watch.before, with_kwargs=True).remove)
        hooks.callback(lm.backbone.register_forward_hook(watch.after).remove)
        yield hooks, watch


def _register(
    lm: LanguageModel, hooks: ExitStack, layer: int, site: Site, act: Callable[[Tensor], Tensor | None]
) -> None:
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
def read_neurons(
    lm: LanguageModel, reader: Reader, *, sites: Sequence[Site], layers: Sequence[int]
) -> Iterator[None]:
    """Hand every forward pass's neurons to `reader(layer, site, values [batch, token, neuron])`.

    The tensor is the model's own: a reader must not change it, nor keep it after the forward pass.

    Raises:
        HookMisfire: in a forward pass, if a hook did not fire exactly once.
        ValueError: a site that cannot be hooked, a layer that does not exist, either of them twice.
    """
    with _watched(lm, [(layer, site) for layer in layers for site in sites]) as (hooks, watch):

        def hook(layer: int, site: Site) -> Callable[[Tensor], None]:
            def act(values: Tensor) -> None:
                if watch.fired(layer, site):
                    # Some models hand over [batch * token, neuron].
                    reader(layer, site, values.reshape(watch.rows, watch.columns, values.shape[-1]))

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
        UserError: in a forward pass that does not say where its prompt ends, unless `positions` is all.
        ValueError: a site that cannot be hooked, a layer that does not exist, unknown positions.
    """
    if positions not in EDIT_POSITIONS:
        raise ValueError(f"edit positions '{positions}' are none of {', '.join(EDIT_POSITIONS)}")
    with _watched(lm, [(layer, site) for layer in operators]) as (hooks, watch):

        def hook(layer: int, operator: Operator) -> Callable[[Tensor], Tensor | None]:
            def act(values: Tensor) -> Tensor | None:
                if not watch.fired(layer, site):
                    return None
                return _edited(values, operator, watch.edited_rows(positions, values.device))

            return act

        for layer, operator in operators.items():
            _register(lm, hooks, layer, site, hook(layer, operator))
        with _counted(lm):
            yield


@contextmanager
def _counted(lm: LanguageModel) -> Iterator[None]:
    lm.edits_in_force += 1
    try:
        yield
    finally:
        lm.edits_in_force -= 1


def _edited(values: Tensor, operator: Operator, chosen: Int64[Tensor, " row"] | None) -> Tensor | None:
    if chosen is not None and not len(chosen):
        return None
    rows = values.reshape(-1, values.shape[-1])
    before = rows if chosen is None else rows[chosen]
    after = operator(before)
    if after.shape != before.shape or after.dtype != before.dtype:
        raise ValueError(
            f"an operator must return what it was given, {before.dtype} of shape {tuple(before.shape)}; it "
            f"returned {after.dtype} of shape {tuple(after.shape)}"
        )
    return (after if chosen is None else rows.index_copy(0, chosen, after)).view_as(values)
