"""The guard between splits, and the refusal of names that nothing is called by."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from valuelocate.dataset.records import SPLITS
from valuelocate.errors import UserError


def guarded_splits(splits: Iterable[str], allow_leak: bool) -> tuple[str, ...]:
    """Return the splits that locating reads.

    Raises:
        UserError: another split than `locate` without `allow_leak`, no split, or an unknown one.
    """
    chosen = known_names("dataset.locate_splits", splits, SPLITS)
    if not chosen:
        raise UserError("dataset.locate_splits=[]: expected at least one split; locating reads [locate]")
    leaking = [split for split in chosen if split != "locate"]
    if leaking and not allow_leak:
        raise UserError(
            f"dataset.locate_splits={list(chosen)}: locating reads rows of 'locate' only, since results on "
            f"{' and '.join(leaking)} would measure what was looked at; dataset.allow_leak=true reads them "
            f"all the same and writes it into every result"
        )
    return chosen


def known_names(key: str, names: Any, known: Sequence[Any]) -> tuple[Any, ...]:
    """Return the names as a tuple.

    Raises:
        UserError: one of them is not in `known`, or a single word stands where a list belongs.
    """
    if isinstance(names, str):
        raise UserError(f"{key}={names}: expected a list, e.g. [{names}]")
    chosen = tuple(names)
    for name in chosen:
        if name not in known:
            expected = ", ".join(str(word) for word in known if word is not None)
            raise UserError(f"{key}={name}: expected {expected}")
    return chosen
