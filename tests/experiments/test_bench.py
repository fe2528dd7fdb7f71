from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

SCRIPT = Path(__file__).parents[2] / "experiments" / "bench" / "run.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    specification = importlib.util.spec_from_file_location("bench_run", SCRIPT)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    # Dataclasses look their module up.
    sys.modules["bench_run"] = module
    specification.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("n", "low", "high"), [(9, 2, 8), (15, 4, 12), (3, 1, 3)])
def test_the_interval_is_of_two_order_statistics(bench: ModuleType, n: int, low: int, high: int) -> None:
    values = [float(value) for value in range(n, 0, -1)]
    assert bench.median_interval(values) == ((n + 1) / 2, low, high, n)


def test_the_interval_covers_the_median(bench: ModuleType) -> None:
    draws = torch.randn(4000, 15, generator=torch.Generator().manual_seed(0)).exp().tolist()
    covered = [ratio.low <= 1 <= ratio.high for ratio in map(bench.median_interval, draws)]
    assert sum(covered) / len(covered) == pytest.approx(0.965, abs=0.01)


@pytest.mark.slow
def test_the_quick_benchmark_runs(
    bench: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick"])
    assert bench.main() == 0
    assert "statistics and percentile" in capsys.readouterr().out
