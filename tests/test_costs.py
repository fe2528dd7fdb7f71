from __future__ import annotations

import pickle
import time

import pytest
import torch
from torch import nn

from valuelocate.costs import CostMeter, StageCost


class Backbone(nn.Module):
    def forward(
        self, input_ids: torch.Tensor | None = None, inputs_embeds: torch.Tensor | None = None
    ) -> None:
        pass


def test_forwards_and_positions_go_to_the_stage_that_is_running() -> None:
    meter, backbone, ids = CostMeter(), Backbone(), torch.zeros(2, 5)
    with meter.watching(backbone):
        backbone(ids)
        with meter.stage("collect"):
            backbone(ids)
            backbone(input_ids=ids)
        with meter.stage("evaluate"):
            backbone(inputs_embeds=torch.zeros(3, 4, 8))
        with meter.stage("collect"):
            backbone(ids)
    with meter.stage("collect"):
        backbone(ids)
    counted = {name: (cost.forwards, cost.tokens) for name, cost in meter.stages.items()}
    assert counted == {"collect": (3, 30), "evaluate": (1, 12)}


def test_a_stage_inside_another_has_its_seconds_to_itself() -> None:
    meter = CostMeter()
    with meter.stage("outer"), meter.stage("inner"):
        time.sleep(0.05)
    assert meter.stages["inner"].seconds >= 0.05
    assert meter.stages["outer"].seconds < 0.05


def test_what_other_processes_ran_can_be_added() -> None:
    meter = CostMeter()
    meter.add(forwards=9, tokens=9)
    with meter.stage("collect"):
        meter.add(forwards=3, tokens=70)
    assert (meter.stages["collect"].forwards, meter.stages["collect"].tokens) == (3, 70)


def test_an_error_ends_the_stage_and_the_watch() -> None:
    meter, backbone = CostMeter(), Backbone()
    with pytest.raises(RuntimeError), meter.watching(backbone), meter.stage("collect"):
        raise RuntimeError
    assert not backbone._forward_pre_hooks
    meter.add(forwards=1, tokens=1)
    assert meter.stages["collect"].forwards == 0


def test_summary_is_plain_numbers() -> None:
    meter = CostMeter()
    with meter.stage("collect"):
        meter.add(forwards=1, tokens=10)
    summary = meter.summary()["collect"]
    assert set(summary) == {
        "seconds",
        "forwards",
        "backwards",
        "tokens",
        "peak_memory_mb",
        "tokens_per_second",
    }
    assert summary["peak_memory_mb"] > 1
    assert summary["tokens_per_second"] == pytest.approx(10 / summary["seconds"])
    assert StageCost().tokens_per_second == 0


def test_a_watched_model_can_go_to_another_process() -> None:
    meter, backbone = CostMeter(), Backbone()
    with meter.watching(backbone), meter.stage("collect"):
        carried = pickle.loads(pickle.dumps(backbone))
    carried(torch.zeros(1, 1))
    assert meter.stages["collect"].forwards == 0
