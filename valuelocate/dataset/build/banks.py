"""Banks of further theories: folders of seeds and descriptions whose seeds are asked as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from valuelocate.dataset.build.bank import description_file
from valuelocate.dataset.build.compose import compose
from valuelocate.dataset.build.full import Full, rejected_rows
from valuelocate.dataset.build.lint import lint
from valuelocate.dataset.build.quotas import FORMS_OF
from valuelocate.dataset.seeds import Seed, read_seeds
from valuelocate.dataset.shipped import DATA
from valuelocate.dataset.splits import load_topics
from valuelocate.values import Theory

BANKS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"moral_foundations": ("moral_foundations_mini",)}
)
"""The sets of each bank; a bank bears the id of its theory, and so does its folder."""


def bank_of(name: str) -> str | None:
    """Return the bank that a set is built from; None for the sets of the main bank."""
    return next((bank for bank, sets in BANKS.items() if name in sets), None)


def bank_seeds(bank: str, data: Path = DATA) -> tuple[Seed, ...]:
    """Return the seeds of a bank, sorted by family.

    Raises:
        MistakesError: one message a bad row.
    """
    return read_seeds([data / bank / "seeds.jsonl"], load_topics())


def compose_bank(bank: str, theory: Theory, data: Path = DATA) -> Full:
    """Compose and lint; every sound seed gives the one question that it was written as.

    Args:
        bank: its name.
        theory: the theory of that id.
        data: holds the bank's folder.

    Raises:
        MistakesError: one message a bad row.
    """
    seeds = list(bank_seeds(bank, data))
    candidates = [found for seed in seeds for found in compose(seed, FORMS_OF[seed.split]) if found.original]
    linted = lint(candidates, theory)
    originals = {family: found.question for family, (found,) in linted.sound.items()}
    return Full(
        seeds=seeds,
        descriptions=description_file(data / bank / "descriptions.jsonl"),
        questions=sorted(originals.values(), key=lambda question: question.id),
        originals=originals,
        rejected=rejected_rows(
            candidates, {row: f"{check}: {reason}" for row, check, reason in linted.rejected}
        ),
    )
