"""Errors a user can cause; the command line shows their message and no traceback."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


class UserError(ValueError):
    """A mistake in a config, a file or a request: says what was expected, what was found, what to do."""


class MistakesError(UserError):
    """Several mistakes told at once, so that ten of them cost one run and not ten."""

    def __init__(self, messages: Sequence[str], heading: str = "") -> None:
        self.messages = tuple(messages)
        lines = [heading] if heading else []
        super().__init__("\n".join([*lines, *self.messages]))


def nearest(name: str, known: Iterable[str], *, limit: int = 3) -> str:
    """Return "did you mean ..." with the known names nearest to `name`, or the list of all of them."""
    names = sorted(set(known))
    close = get_close_matches(name, names, n=limit, cutoff=0.5)
    if close:
        return f"did you mean {', '.join(close)}?"
    return f"known: {', '.join(names) if names else 'none'}"
