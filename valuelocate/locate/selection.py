"""From scores to a set of neurons: how many are taken, and from which end of the ranking."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from valuelocate.errors import UserError
from valuelocate.locate.base import check_choice
from valuelocate.locate.columns import statistic_columns
from valuelocate.locate.order import Budget, How, choose
from valuelocate.neurons import NeuronScores, NeuronSet

if TYPE_CHECKING:
    from valuelocate.collect.statistics import ContrastStatistics

logger = logging.getLogger(__name__)

MINIMUM = 4
"""Fewer neurons than this are no set."""


class Selection(ABC):
    """A rule for how many neurons are taken."""

    @abstractmethod
    def budget(self, scores: NeuronScores, statistics: ContrastStatistics, how: How) -> Budget:
        """Return how many neurons are wanted."""

    def select(
        self, scores: NeuronScores, statistics: ContrastStatistics, *, how: How, seed: int
    ) -> NeuronSet:
        """Return the set of neurons, each with the shared statistics that edits need.

        Members of S+ have a score above 0 and members of S- one below 0, so a score of exactly zero is never
        used to fill a budget; `k_effective` tells how many were found. Ties break by a hash of seed and
        neuron.

        Raises:
            UserError: fewer than four neurons are in scope or have a score.
        """
        check_choice("how", how, get_args(How))
        if scores.n_in_scope < MINIMUM:
            raise UserError(
                f"scope: {scores.n_in_scope} neurons are in scope, at least {MINIMUM} are needed; widen it"
            )
        budget = self.budget(scores, statistics, how)
        members, pole = choose(scores, budget, how=how, seed=seed)
        _check_found(scores, len(members), sum(budget))
        width = scores.scores.shape[1]
        columns = {"score": scores.scores, **statistic_columns(statistics)}
        return NeuronSet(
            layer=members // width,
            neuron=members % width,
            pole=pole,
            columns={name: column.reshape(-1)[members] for name, column in columns.items()},
            n_layers=scores.scores.shape[0],
            width=width,
            locator=scores.locator,
            value=scores.value,
            score_site=scores.site,
            fingerprint=scores.fingerprint,
            data_hash=scores.data_hash,
            k_requested=sum(budget),
            notes={"how": how},
        )


@dataclass(frozen=True, kw_only=True)
class ShareSelection(Selection):
    """A share of the neurons in scope, half of it for each pole."""

    share: float
    """Of the neurons in scope, both poles together: 0.01 is one percent."""

    def __post_init__(self) -> None:
        check_share("select.share", self.share)

    def budget(self, scores: NeuronScores, statistics: ContrastStatistics, how: How) -> Budget:
        """Return half of the share for each pole, at least two neurons each."""
        half = max(MINIMUM // 2, round(self.share * scores.n_in_scope / 2))
        half = min(half, scores.n_in_scope // 2)
        return Budget(half, half)


@dataclass(frozen=True, kw_only=True)
class CountSelection(Selection):
    """A fixed number of neurons, half of it for each pole."""

    count: int
    """Both poles together; even."""

    def __post_init__(self) -> None:
        is_count = isinstance(self.count, int) and not isinstance(self.count, bool)
        if not is_count or self.count < MINIMUM or self.count % 2:
            rule = f"expected an even number of at least {MINIMUM}, half of it for each pole"
            raise UserError(f"select.count={self.count}: {rule}")

    def budget(self, scores: NeuronScores, statistics: ContrastStatistics, how: How) -> Budget:
        """Return half of the count for each pole.

        Raises:
            UserError: more than there are in scope.
        """
        if self.count > scores.n_in_scope:
            raise UserError(f"select.count={self.count}: only {scores.n_in_scope} neurons are in scope")
        return Budget(self.count // 2, self.count // 2)


@dataclass(frozen=True, kw_only=True)
class ThresholdSelection(Selection):
    """Every neuron whose score is at least so far from 0, in the locator's own unit."""

    threshold: float

    def __post_init__(self) -> None:
        check_threshold("select.threshold", self.threshold)

    def budget(self, scores: NeuronScores, statistics: ContrastStatistics, how: How) -> Budget:
        """Return how many reach the threshold.

        Raises:
            UserError: fewer than four do.
        """
        inside = scores.scores[scores.in_scope]
        one_sided = scores.kind == "effect" and how == "magnitude"
        positive = int((inside >= self.threshold).sum())
        negative = 0 if one_sided else int((inside <= -self.threshold).sum())
        if positive + negative < MINIMUM:
            reach = f"{positive + negative} neurons reach it, at least {MINIMUM} are needed"
            extent = f"from {inside.min():.3g} to {inside.max():.3g}"
            raise UserError(
                f"select.threshold={self.threshold}: {reach}; scores of '{scores.locator}' lie {extent}"
            )
        return Budget(positive, negative)


@dataclass(frozen=True, kw_only=True)
class PaperSelection(Selection):
    """For each pole the first `min_k` neurons and every further one with delta of at least `threshold`.

    The count rule of the paper's working code and of NPTI (Deng et al. 2024), where delta is the score. With
    another locator the counts still come from delta, and the neurons from that locator's ranking. The rule
    was written for models of some 500,000 neurons, so the total is capped.
    """

    min_k: int = 2000
    """Neurons per pole."""
    threshold: float = 0.1
    """Difference of activation probabilities."""
    cap: float = 0.02
    """Largest share of the neurons in scope, both poles together."""

    def __post_init__(self) -> None:
        if not isinstance(self.min_k, int) or isinstance(self.min_k, bool) or self.min_k < 1:
            raise UserError(f"select.min_k={self.min_k}: expected a number of neurons per pole, at least 1")
        check_threshold("select.threshold", self.threshold)
        check_share("select.cap", self.cap)

    def budget(self, scores: NeuronScores, statistics: ContrastStatistics, how: How) -> Budget:
        """Return the two counts, reduced in proportion where they exceed the cap."""
        delta = statistics.delta[scores.in_scope]
        wanted = Budget(*(max(self.min_k, int((sign * delta >= self.threshold).sum())) for sign in (1, -1)))
        limit = max(MINIMUM, int(self.cap * scores.n_in_scope))
        if sum(wanted) <= limit:
            return wanted
        logger.warning(
            "select=paper asks for %d of the %d neurons in scope: %d are taken (select.cap=%g)",
            sum(wanted),
            scores.n_in_scope,
            limit,
            self.cap,
        )
        positive = min(max(MINIMUM // 2, limit * wanted.positive // sum(wanted)), limit - MINIMUM // 2)
        return Budget(positive, limit - positive)


def check_share(key: str, share: float) -> None:
    """Refuse what is not a share above 0.

    Raises:
        UserError: it names the config key.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise UserError(f"{key}={share}: expected a share above 0 and up to 1 (0.01 is one percent)")


def check_threshold(key: str, threshold: float) -> None:
    """Refuse what is not a number above 0.

    Raises:
        UserError: it names the config key.
    """
    if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not threshold > 0:
        raise UserError(f"{key}={threshold}: expected a number above 0 (scores of zero are never selected)")


def _check_found(scores: NeuronScores, found: int, wanted: int) -> None:
    if found < MINIMUM:
        raise UserError(
            f"locate={scores.locator}: only {found} neurons in scope have a score that can be selected, at "
            f"least {MINIMUM} are needed; use more questions, a wider scope or another locator"
        )
    if found < wanted:
        logger.warning(
            "%s: %d neurons were asked for and %d selected; the rest score zero or have the other sign",
            scores.locator,
            wanted,
            found,
        )
