"""No rewriting: the set as it was composed, the default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from valuelocate.dataset.paraphrase.base import Constraints, Paraphraser


@dataclass(frozen=True, kw_only=True)
class NoParaphraser(Paraphraser):
    """Leaves every row as it is."""

    share: float = 0.0

    id: ClassVar[str] = "none"
    active: ClassVar[bool] = False

    def rewrite(self, text: str, constraints: Constraints) -> list[str]:
        """Return no rewrites."""
        return []
