"""Building ValueInsight from its seeds and descriptions, and checking it or a dataset of one's own."""

from valuelocate.dataset.build.bank import description_bank, question_bank, question_of
from valuelocate.dataset.build.check import check_and_build
from valuelocate.dataset.build.mini import build_mini, compose_mini

__all__ = [
    "build_mini",
    "check_and_build",
    "compose_mini",
    "description_bank",
    "question_bank",
    "question_of",
]
