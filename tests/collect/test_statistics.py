from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from tests.reference.locate_statistics import RawContrast
from valuelocate.collect.statistics import from_tensors, to_tensors


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    statistics = RawContrast.random(0).statistics()
    without = replace(statistics, positive=replace(statistics.positive, a95=None))
    flat = to_tensors({"true": statistics, "shuffled": without})
    save_file({name: tensor.clone() for name, tensor in flat.items()}, tmp_path / "file.safetensors")
    found = from_tensors(load_file(tmp_path / "file.safetensors"))
    assert found["shuffled"].positive.a95 is None
    torch.testing.assert_close(to_tensors(found), flat, rtol=0, atol=0)
    assert isinstance(found["true"].pairs, int)


def test_delta_is_the_difference_of_probabilities() -> None:
    raw = RawContrast.random(1)
    statistics = raw.statistics()
    positive, negative = (torch.from_numpy(raw.tokens("gate_act", pole)) for pole in (0, 1))
    expected = (positive > 0).double().mean(0) - (negative > 0).double().mean(0)
    torch.testing.assert_close(statistics.delta, expected)


def test_shift_is_the_difference_of_token_means() -> None:
    raw = RawContrast.random(1)
    positive, negative = (torch.from_numpy(raw.tokens("mid", pole)) for pole in (0, 1))
    torch.testing.assert_close(raw.statistics().shift("mid"), positive.mean(0) - negative.mean(0))
