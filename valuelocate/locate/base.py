"""What a locating method is: a signed score for every neuron, from statistics that all methods share.

Selection is a separate step, so that every method is compared at the same number of neurons.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from valuelocate.errors import UserError
from valuelocate.neurons import NeuronScores, ScoreKind, Site

if TYPE_CHECKING:
    from valuelocate.collect.pairs import ContrastPair
    from valuelocate.collect.statistics import ContrastStatistics
    from valuelocate.model import LanguageModel


@dataclass(frozen=True, kw_only=True)
class LocateContext:
    """Everything a locator may look at."""

    statistics: ContrastStatistics
    in_scope: Bool[Tensor, " layer"]
    """Layers that may be selected from."""
    value: str
    """Id of the value."""
    fingerprint: str
    """Of the model that the statistics come from."""
    data_hash: str
    seed: int
    pairs: Sequence[ContrastPair] = ()
    """The prompts behind the statistics, for locators that need more passes."""
    lm: LanguageModel | None = None
    """The model; None where it need not be loaded."""


class Locator(ABC):
    """A locating method."""

    id: ClassVar[str]
    kind: ClassVar[ScoreKind]
    needs: ClassVar[frozenset[str]] = frozenset({"statistics"})
    """Fields of the context that `score` reads: statistics, lm, pairs."""

    @property
    @abstractmethod
    def score_site(self) -> Site:
        """Where neurons are scored."""

    @abstractmethod
    def score(self, context: LocateContext) -> NeuronScores:
        """Return a signed score for every neuron, larger = more towards the value's positive pole.

        Raises:
            UserError: the context lacks something in `needs`, or too few responses.
        """


def as_scores(
    locator: Locator, context: LocateContext, scores: Float64[Tensor, "layer neuron"]
) -> NeuronScores:
    """Put a locator's name and the context's origin on a table of scores."""
    return NeuronScores(
        scores=scores.to(torch.float64),
        in_scope=context.in_scope,
        site=locator.score_site,
        locator=locator.id,
        kind=locator.kind,
        value=context.value,
        fingerprint=context.fingerprint,
        data_hash=context.data_hash,
    )


def check_choice(key: str, found: object, known: Sequence[str]) -> None:
    """Refuse a name that is not among the known ones.

    Raises:
        UserError: it names the config key, what was found and what is known.
    """
    if found not in known:
        raise UserError(f"{key}={found}: expected one of {', '.join(known)}")
