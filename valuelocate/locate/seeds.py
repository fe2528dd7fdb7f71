"""Seeded randomness that depends on names, not on the order of draws."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray


def generator(*parts: str | int) -> torch.Generator:
    """Return a CPU generator seeded by the given parts."""
    return torch.Generator().manual_seed(_seed(*parts))


def hashes(index: NDArray[np.int64], *parts: str | int) -> NDArray[np.uint64]:
    """Return a pseudo-random number for every index, the same whatever the other indices are.

    The mixing function is SplitMix64 (Steele, Lea and Flood 2014), a bijection: indices never collide.
    """
    mixed = index.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(_seed(*parts))
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _seed(*parts: str | int) -> int:
    text = ":".join(str(part) for part in parts)
    # 63 bits: torch refuses some larger seeds.
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
