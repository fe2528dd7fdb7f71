"""The stages up to a neuron set: pairs, collection, scores, selection, and the sets of the controls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from valuelocate.collect import Collection, Collector, ContrastPair, TrainerSettings, draw_pairs
from valuelocate.costs import CostMeter
from valuelocate.dataset import ValueDataset
from valuelocate.errors import UserError
from valuelocate.locate.base import LocateContext, Locator
from valuelocate.locate.order import How
from valuelocate.locate.ranking import ranking_table
from valuelocate.locate.scope import Scope
from valuelocate.locate.selection import CountSelection, Selection
from valuelocate.model import LanguageModel
from valuelocate.neurons import NeuronScores, NeuronSet
from valuelocate.store import Store


class Located(NamedTuple):
    """What a method says of one value's neurons."""

    scores: NeuronScores
    neurons: NeuronSet
    shuffled: NeuronSet
    """As many neurons by the same method on the same answers, poles swapped in half of the questions."""
    ranking: pd.DataFrame
    collection: Collection


@dataclass(frozen=True, kw_only=True)
class LocateStage:
    """One method on one model and dataset, for any value."""

    lm: LanguageModel
    dataset: ValueDataset
    collector: Collector
    trainer: TrainerSettings
    locator: Locator
    selection: Selection
    scope: Scope
    store: Store
    meter: CostMeter
    seed: int

    def run(self, value: str, *, how: How, count: int | None = None) -> Located:
        """Collect (or take from the store), score and select.

        Args:
            value: full id.
            how: from both ends of the ranking, or by magnitude; the intervention decides.
            count: select this many instead of what the selection says, for a control of equal size.

        Raises:
            UserError: no rows to locate with, an empty scope, or nothing to select.
        """
        in_scope = self.scope.mask(self.lm.n_layers)
        pairs, collection = self._collect(
            value, [layer for layer, inside in enumerate(in_scope.tolist()) if inside]
        )
        with self.meter.stage("locate"):
            context = LocateContext(
                statistics=collection.statistics,
                lm=self.lm,
                pairs=pairs,
                in_scope=in_scope,
                seed=self.seed,
                value=value,
                fingerprint=self.lm.fingerprint,
                data_hash=collection.data_hash,
            )
            scores = self.locator.score(context)
            shuffled = self.locator.score(replace(context, statistics=collection.shuffled))
            selection = self.selection if count is None else CountSelection(count=count)
            neurons = selection.select(scores, collection.statistics, how=how, seed=self.seed)
            # By number and not by the rule: a threshold may leave nothing of scores without content.
            as_many = CountSelection(count=len(neurons) // 2 * 2)
            return Located(
                scores=scores,
                neurons=neurons,
                shuffled=as_many.select(shuffled, collection.shuffled, how=how, seed=self.seed),
                ranking=ranking_table(scores, collection.statistics, seed=self.seed),
                collection=collection,
            )

    def _collect(self, value: str, layers: list[int]) -> tuple[list[ContrastPair], Collection]:
        rows = self.dataset.locating(value)
        pairs = draw_pairs(
            rows.questions, rows.positive, rows.negative, seed=self.seed, matched=self.dataset.matched
        )
        with self.meter.stage("collect"):
            collection = self.collector.collect(
                self.lm,
                pairs,
                layers=layers,
                trainer=self.trainer,
                store=self.store,
                seed=self.seed,
                meter=self.meter,
            )
        return pairs, collection


def control_value(dataset: ValueDataset, value: str, wanted: str | None) -> str | None:
    """Return the value whose neurons serve as the control `other_value`; None where there is no other.

    By default a neighbour on the circle (the first other value of a theory without one): a harder control
    than the opposite, whose neurons may be the target's own.

    Raises:
        UserError: the wanted value is the target itself.
    """
    theory = dataset.theory
    if wanted is not None:
        found = theory.resolve(wanted).id
        if found == value:
            raise UserError(f"compare.other_value={wanted}: this is the target itself; name another value")
        return found
    present = set(dataset.questions.loc[dataset.questions["split"] == "locate", "value"])
    return next((peer.id for peer in theory.peers(value) if peer.id in present), None)
