"""What the page of a job shows; nothing here changes a number."""

from __future__ import annotations

from dataclasses import dataclass

from valuelocate.errors import UserError


@dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Sizes of the page's tables and pictures."""

    questions: int = 6
    """Questions whose answers are shown side by side; taken in the order of the hash of their ids."""
    top_neurons: int = 10
    """Neurons listed of each pole."""
    bins: int = 81
    """Bars of the score distribution."""

    def __post_init__(self) -> None:
        for name, least in (("questions", 0), ("top_neurons", 0), ("bins", 5)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise UserError(f"report.{name}={value!r}: expected a whole number of at least {least}")
