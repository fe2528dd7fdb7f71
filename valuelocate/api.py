"""The few functions that a notebook needs; they stand on the same config and stages as the command line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pandas as pd
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from valuelocate.config import build, conf_dir, register_resolvers
from valuelocate.costs import CostMeter
from valuelocate.dataset import ValueDataset
from valuelocate.intervene import Direction
from valuelocate.locate import CountSelection, ShareSelection
from valuelocate.locate.selection import How
from valuelocate.locate.stage import Located, LocateStage
from valuelocate.model import LanguageModel
from valuelocate.neurons import NeuronSet
from valuelocate.pipeline import Job
from valuelocate.store import Store


@dataclass(frozen=True)
class Ranking:
    """Every neuron's score for a value."""

    located: Located
    seed: int = 0

    @property
    def table(self) -> pd.DataFrame:
        """A row a neuron in scope, best first: layer, neuron, score, rank and the shared statistics."""
        return self.located.ranking

    def top(self, amount: float | int, *, how: How = "ends") -> NeuronSet:
        """Return a set of neurons.

        Args:
            amount: a share of the neurons in scope if it is below 1, else a number of neurons.
            how: `ends` takes half from each end of the ranking, `magnitude` the largest of either sign.

        Raises:
            UserError: an amount that is not above 0, or more than there are.
        """
        selection = ShareSelection(share=amount) if amount < 1 else CountSelection(count=int(amount))
        statistics = self.located.collection.statistics
        return selection.select(self.located.scores, statistics, how=how, seed=self.seed)


def load(name: str = "tiny", **settings: object) -> LanguageModel:
    """Load a model: a name of the `model` group, a local folder or a hub id.

    Args:
        name: e.g. "tiny", "qwen", "./my-model", "Qwen/Qwen2.5-0.5B-Instruct".
        settings: fields of `ModelSource`, e.g. dtype="bfloat16", device="cuda".

    Raises:
        UserError: no such model, or it cannot be loaded.
    """
    known = {path.stem for path in (conf_dir() / "model").glob("*.yaml")}
    chosen = [f"model={name}"] if name in known else [f"++model.path={name}"]
    return _job([*chosen, *(f"++model.{key}={value}" for key, value in settings.items())]).model.load()


def locate(
    lm: LanguageModel,
    *,
    value: str,
    method: str = "valuelocate",
    dataset: ValueDataset | None = None,
    overrides: Sequence[str] = (),
) -> Ranking:
    """Score every neuron of a model for a value.

    Args:
        lm: the model.
        value: id or short name.
        method: a member of the `locate` group.
        dataset: descriptions and questions; the one of the config by default.
        overrides: of the config, as on the command line, e.g. "scope=late".

    Raises:
        UserError: an unknown value, method or key, or a dataset without what locating needs.
    """
    job = _job([f"value={value}", f"locate={method}", *overrides])
    stage = LocateStage(
        lm=lm,
        dataset=dataset or job.dataset.load(job.theory),
        collector=job.collect,
        trainer=job.trainer,
        locator=job.locate,
        selection=job.select,
        scope=job.scope,
        store=Store(job.paths.store),
        meter=CostMeter(),
        seed=job.seed,
    )
    return Ranking(stage.run(job.value, how=job.intervene.selection), job.seed)


@contextmanager
def steer(
    lm: LanguageModel,
    neurons: NeuronSet,
    *,
    strength: float = 1.0,
    direction: Direction = "towards",
    intervention: str = "valuelocate",
) -> Iterator[LanguageModel]:
    """Edit a model's neurons while the `with` lasts.

    Args:
        lm: the model the neurons were located in.
        neurons: a set from `Ranking.top` or `NeuronSet.load`.
        strength: the dose, in the intervention's unit.
        direction: towards the value's positive pole, or away from it.
        intervention: a member of the `intervene` group.

    Raises:
        UserError: an unknown intervention, a negative strength, or neurons of another model.
    """
    rule = _job([f"intervene={intervention}"]).intervene
    with rule.edit(neurons, direction=direction, strength=strength).applied(lm):
        yield lm


def _job(overrides: Sequence[str]) -> Job:
    register_resolvers({})
    # A notebook may hold a Hydra context of its own; it is put back afterwards.
    before = dict(GlobalHydra.instance().__dict__)
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(conf_dir()), version_base="1.3"):
            return build(compose("config", overrides=["track=none", *overrides]))
    finally:
        GlobalHydra.instance().__dict__.update(before)
