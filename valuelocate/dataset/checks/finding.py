"""What a check found wrong in a row."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """A row that breaks a rule."""

    row: str
    """Id of the row, or the name of a group of rows."""
    check: str
    reason: str
