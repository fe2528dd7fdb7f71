"""Sets with text of their own, beside those that are cut from a bank of seeds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from valuelocate.dataset.build.neutral import compose_neutral
from valuelocate.dataset.build.paired import compose_paired
from valuelocate.dataset.build.sets import Built
from valuelocate.values import Theory

VARIANTS: Final[Mapping[str, Callable[[Theory], Built]]] = MappingProxyType(
    {"paired": compose_paired, "neutral": compose_neutral}
)
"""How each set is composed and checked."""
