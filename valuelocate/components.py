"""Components from config nodes: every `_target_` is bound and built, and all mistakes are told at once."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from valuelocate.errors import MistakesError, UserError, nearest
from valuelocate.fields import MismatchError, conform, hints_of

TARGET = "_target_"


class _Broken:
    """Stands where a component could not be built, so that what holds it is still checked."""


_BROKEN = _Broken()


class Assembly:
    """Builds nodes from the inside out and gathers what is wrong instead of stopping at it.

    Hydra's `instantiate` stops at the first mistake, and turns dataclasses handed to it into config nodes.
    """

    def __init__(self) -> None:
        self.mistakes: list[str] = []

    def build(self, node: Any, key: str) -> Any:
        """Return what a plain config node stands for; `key` is its dotted config key."""
        if isinstance(node, list):
            return self._whole([self.build(item, f"{key}[{index}]") for index, item in enumerate(node)])
        if not isinstance(node, Mapping):
            return node
        children = {
            name: self.build(child, f"{key}.{name}") for name, child in node.items() if name != TARGET
        }
        if TARGET not in node:
            return self._whole(children)
        return self._component(str(node[TARGET]), children, key)

    def component(self, node: Any, key: str) -> Any:
        """Return the component of a node that must be one.

        A node without `_target_` is what is left of settings whose component is not selected.
        """
        return self.build(node, key) if self.selected(node, key) else _BROKEN

    def selected(self, node: Any, key: str) -> bool:
        """Return whether a node names a component; where it does not, that is a mistake."""
        if isinstance(node, Mapping) and TARGET in node:
            return True
        hint = f" (it only sets {', '.join(map(str, node))})" if isinstance(node, Mapping) and node else ""
        self.mistakes.append(
            f"{key}: no component is selected here{hint}; select one, or drop these settings"
        )
        return False

    def check(self, heading: str) -> None:
        """Raise what was gathered.

        Raises:
            MistakesError: there were mistakes.
        """
        if self.mistakes:
            raise MistakesError(self.mistakes, heading=heading if len(self.mistakes) > 1 else "")

    def _whole(self, built: Any) -> Any:
        parts = built.values() if isinstance(built, dict) else built
        return _BROKEN if any(part is _BROKEN for part in parts) else built

    def _component(self, path: str, children: dict[str, Any], key: str) -> Any:
        known_mistakes = len(self.mistakes)
        try:
            target = _find(path)
            parameters = inspect.signature(target).parameters
        except (ImportError, ValueError, TypeError) as error:
            self.mistakes.append(f"{key}.{TARGET}={path}: cannot be used: {_one_line(error)}")
            return _BROKEN
        self._bind(target, parameters, children, key)
        hints = hints_of(target)
        values = {
            name: self._field(child, hints.get(name, Any), f"{key}.{name}")
            for name, child in children.items()
        }
        if len(self.mistakes) > known_mistakes or self._whole(children) is _BROKEN:
            return _BROKEN
        return self._call(target, values, key)

    def _bind(
        self,
        target: Callable[..., Any],
        parameters: Mapping[str, inspect.Parameter],
        children: Mapping[str, Any],
        key: str,
    ) -> None:
        name = getattr(target, "__name__", str(target))
        by_name = {
            p
            for p, parameter in parameters.items()
            if parameter.kind in (parameter.KEYWORD_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        }
        open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        for child in () if open_ended else children:
            if child not in by_name:
                self.mistakes.append(
                    f"{key}.{child}: {name} takes no such key; {nearest(str(child), by_name)}"
                )
        for parameter in by_name:
            if parameters[parameter].default is inspect.Parameter.empty and parameter not in children:
                self.mistakes.append(f"{key}.{parameter}: missing, and {name} needs it")

    def _field(self, value: Any, annotation: Any, key: str) -> Any:
        if value is _BROKEN:
            return value
        try:
            return conform(value, annotation)
        except MismatchError as mismatch:
            self.mistakes.append(f"{key}: {mismatch}")
            return _BROKEN

    def _call(self, target: Callable[..., Any], values: dict[str, Any], key: str) -> Any:
        try:
            return target(**values)
        except MistakesError as error:
            self.mistakes.append(f"{key}: {error}")
        except (ValueError, TypeError) as error:
            told = str(error)
            # Our own components name their config key themselves.
            names_key = isinstance(error, UserError) and told.startswith(key.split(".")[0])
            self.mistakes.append(told if names_key else f"{key}: {told}")
        return _BROKEN


def _find(path: str) -> Callable[..., Any]:
    """Import what a dotted path names; the longest part of it that is a module is the module."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:length])
        try:
            found: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            # A module that the named one needs is another matter than the named one not being there.
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise
            continue
        for part in parts[length:]:
            if not hasattr(found, part):
                raise ImportError(
                    f"{name} has no {part}; {nearest(part, (n for n in dir(found) if n[0] != '_'))}"
                )
            found = getattr(found, part)
        return found
    raise ImportError(f"there is no module {parts[0]}")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
