"""Rules for the fields of a JSON row: what a field may hold, said in words and checked in code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from valuelocate.errors import nearest

REQUIRED: Final = object()
"""Marks a field that has no default."""


@dataclass(frozen=True, kw_only=True)
class FieldRule:
    """What one field of a row may hold."""

    expected: str
    """In words, for the message."""
    accepts: Callable[[Any], bool]
    default: Any = REQUIRED
    """Taken where the row leaves the field out."""


def text(default: Any = REQUIRED) -> FieldRule:
    """A string that is not blank."""
    return FieldRule(expected="a text that is not empty", accepts=_is_text, default=default)


def text_or_null(default: Any = None) -> FieldRule:
    """A string that is not blank, or null."""
    return FieldRule(
        expected="a text that is not empty, or null",
        accepts=lambda found: found is None or _is_text(found),
        default=default,
    )


def one_of(*names: str | None, default: Any = REQUIRED) -> FieldRule:
    """One of the given words (None stands for null)."""
    words = ["null" if name is None else name for name in names]
    return FieldRule(
        expected=f"one of {', '.join(words)}",
        accepts=lambda found: (found is None or isinstance(found, str)) and found in names,
        default=default,
    )


def texts_under(*keys: str, default: Any = None) -> FieldRule:
    """An object with exactly these keys, each a text, or null."""
    return FieldRule(
        expected=f"null or an object {{{', '.join(keys)}}} of texts",
        accepts=lambda found: (
            found is None
            or (isinstance(found, Mapping) and set(found) == set(keys) and all(map(_is_text, found.values())))
        ),
        default=default,
    )


def object_with(*keys: str, default: Any = None) -> FieldRule:
    """An object with exactly these keys, or null."""
    return FieldRule(
        expected=f"null or an object {{{', '.join(keys)}}}",
        accepts=lambda found: found is None or (isinstance(found, Mapping) and set(found) == set(keys)),
        default=default,
    )


def mapping() -> FieldRule:
    """An object with any keys; empty where left out."""
    return FieldRule(expected="an object", accepts=lambda found: isinstance(found, Mapping), default={})


def null(reason: str) -> FieldRule:
    """Nothing but null, which it also is where left out."""
    return FieldRule(expected=f"null {reason}", accepts=lambda found: found is None, default=None)


def pair() -> FieldRule:
    """A list of two texts, or null."""
    return FieldRule(
        expected="null or a list of two texts",
        accepts=lambda found: (
            found is None
            or (isinstance(found, list | tuple) and len(found) == 2 and all(map(_is_text, found)))
        ),
        default=None,
    )


def read_fields(row: Mapping[str, Any], rules: Mapping[str, FieldRule]) -> tuple[dict[str, Any], list[str]]:
    """Return the row's fields with defaults filled in, and a message for every mistake."""
    mistakes = [f"field '{name}': unknown; {nearest(name, rules)}" for name in row if name not in rules]
    fields: dict[str, Any] = {}
    for name, rule in rules.items():
        found = row.get(name, rule.default)
        if found is REQUIRED:
            mistakes.append(f"field '{name}': expected {rule.expected}, but it is missing")
        elif not rule.accepts(found):
            mistakes.append(f"field '{name}': expected {rule.expected}, found {shown(found)}")
        else:
            fields[name] = found
    return fields, mistakes


def shown(found: Any, limit: int = 60) -> str:
    """Return a value for a message, cut to a readable length."""
    words = repr(found)
    return words if len(words) <= limit else f"{words[:limit]}..."


def _is_text(found: Any) -> bool:
    return isinstance(found, str) and bool(found.strip())
