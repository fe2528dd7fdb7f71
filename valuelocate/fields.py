"""Values from a config as annotations ask for them: checked, and turned into what YAML cannot write."""

from __future__ import annotations

import collections.abc
import inspect
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

_NUMBERS: dict[type, tuple[type, ...]] = {int: (int,), float: (int, float)}
_LISTS = (
    list,
    tuple,
    set,
    frozenset,
    collections.abc.Sequence,
    collections.abc.Iterable,
    collections.abc.Collection,
)
_MAPPINGS = (dict, collections.abc.Mapping, collections.abc.MutableMapping)


class MismatchError(ValueError):
    """A value that is not what its annotation asks for."""


def hints_of(target: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of what a class or function takes.

    Names that exist for type checkers only cannot be looked up; then nothing is known and nothing is checked.
    """
    # Inherited fields of a dataclass have annotations of other modules, which its __init__ does not know.
    takes = target.__init__ if inspect.isclass(target) and not is_dataclass(target) else target
    try:
        return typing.get_type_hints(takes)
    except (NameError, TypeError):
        return {}


def conform(value: Any, annotation: Any) -> Any:
    """Return `value` as `annotation` asks: lists become tuples and text becomes paths where that is wanted.

    Annotations that mean nothing for a config (protocols, callables, type variables) accept everything.

    Raises:
        MismatchError: the value is of another kind; the message says what was expected and found.
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if annotation is Any or annotation is object:
        return value
    if annotation is None or annotation is types.NoneType:
        return _require(value, value is None, "null")
    if origin in (typing.Union, types.UnionType):
        return _union(value, arguments)
    if origin is typing.Annotated:
        return conform(value, arguments[0])
    if origin is typing.Literal:
        return _require(value, value in arguments, f"one of {', '.join(map(str, arguments))}")
    if (origin or annotation) in _LISTS:
        return _sequence(value, origin or annotation, arguments)
    if (origin or annotation) in _MAPPINGS:
        return _mapping(value, arguments)
    return _plain(value, annotation)


def _plain(value: Any, annotation: Any) -> Any:
    if annotation in _NUMBERS:
        fits = isinstance(value, _NUMBERS[annotation]) and not isinstance(value, bool)
        return _require(value, fits, "a whole number" if annotation is int else "a number")
    if annotation is bool:
        return _require(value, isinstance(value, bool), "true or false")
    if annotation is str:
        return _require(value, isinstance(value, str), "text")
    if annotation is Path:
        return Path(_require(value, isinstance(value, str | Path), "a path"))
    if (
        inspect.isclass(annotation)
        and annotation is not object
        and not getattr(annotation, "_is_protocol", False)
    ):
        return _require(value, isinstance(value, annotation), f"a component of type {annotation.__name__}")
    return value


def _union(value: Any, members: tuple[Any, ...]) -> Any:
    expected = []
    for member in members:
        try:
            return conform(value, member)
        except MismatchError as mismatch:
            expected.append(str(mismatch).removeprefix("expected ").rsplit(", found", 1)[0])
    raise MismatchError(f"expected {' or '.join(dict.fromkeys(expected))}, found {_shown(value)}")


def _sequence(value: Any, kind: Any, arguments: tuple[Any, ...]) -> Any:
    _require(value, isinstance(value, Sequence) and not isinstance(value, str), "a list")
    if kind is tuple and arguments and arguments[-1] is not Ellipsis:
        _require(value, len(value) == len(arguments), f"a list of {len(arguments)}")
        return tuple(conform(item, argument) for item, argument in zip(value, arguments, strict=True))
    items = [conform(item, arguments[0]) if arguments else item for item in value]
    return kind(items) if kind in (tuple, set, frozenset) else items


def _mapping(value: Any, arguments: tuple[Any, ...]) -> dict[Any, Any]:
    _require(value, isinstance(value, Mapping), "a mapping")
    if not arguments:
        return dict(value)
    return {conform(key, arguments[0]): conform(item, arguments[1]) for key, item in value.items()}


def _require(value: Any, fits: bool, expected: str) -> Any:
    if not fits:
        raise MismatchError(f"expected {expected}, found {_shown(value)}")
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, Mapping):
        return "a mapping without _target_"
    return repr(value) if isinstance(value, str | int | float | bool | list | tuple) else type(value).__name__
