from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from tests.reference.locate_statistics import RawContrast
from valuelocate.locate import LocateContext
from valuelocate.neurons import NeuronScores


@pytest.fixture(scope="session")
def raw() -> RawContrast:
    return RawContrast.random(0)


@pytest.fixture
def context(raw: RawContrast) -> LocateContext:
    return LocateContext(
        statistics=raw.statistics(),
        in_scope=torch.ones(raw.shape[0], dtype=torch.bool),
        value="openness_to_change",
        fingerprint="model",
        data_hash="data",
        seed=0,
    )


@pytest.fixture
def scores_of() -> Callable[..., NeuronScores]:
    def build(
        scores: torch.Tensor, *, kind: str = "activation", in_scope: list[bool] | None = None
    ) -> NeuronScores:
        return NeuronScores(
            scores=scores.double(),
            in_scope=torch.tensor(in_scope or [True] * len(scores)),
            site="gate_act",
            locator="made_up",
            kind=kind,
            value="openness_to_change",
            fingerprint="model",
            data_hash="data",
        )

    return build
