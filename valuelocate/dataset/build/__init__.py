"""Building ValueInsight from its seeds and descriptions, and checking it or a dataset of one's own."""

from valuelocate.dataset.build.bank import description_bank
from valuelocate.dataset.build.check import check_and_build
from valuelocate.dataset.build.compose import compose
from valuelocate.dataset.build.cuts import COUNTS, cut
from valuelocate.dataset.build.full import compose_full
from valuelocate.dataset.build.sets import build_set

__all__ = [
    "COUNTS",
    "build_set",
    "check_and_build",
    "compose",
    "compose_full",
    "cut",
    "description_bank",
]
