"""Times the reading pass against the bare forward pass; see README.md.

make bench                                   the whole benchmark
python experiments/bench/run.py --quick      three pairs on the embedded shape, to see that it runs
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from math import comb
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from valuelocate.collect import PercentileSettings
from valuelocate.collect.batches import BatchPlan, ContrastBatch
from valuelocate.collect.module import CollectionModule
from valuelocate.console import show_table
from valuelocate.model import LanguageModel, assemble

RESULTS = Path(__file__).parent / "results"
PAIRS, QUICK_PAIRS = 15, 3
"""Interleaved pairs; an interval of 95 % needs at least nine."""
ROWS, PROMPT_TOKENS, ANSWER_TOKENS = 24, 64, 96
"""One batch of the default size (collect.batch_tokens = 4096), as long as those of the mini dataset."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A model to time, and how many times the forward pass its reading pass may take."""

    name: str
    config: Mapping[str, int]
    limit: float


SHAPES = (
    Shape(
        name="embedded",
        config={
            "hidden_size": 192,
            "num_hidden_layers": 6,
            "intermediate_size": 768,
            "num_attention_heads": 6,
            "num_key_value_heads": 2,
        },
        limit=1.6,
    ),
    Shape(
        name="bench",
        config={
            "hidden_size": 512,
            "num_hidden_layers": 6,
            "intermediate_size": 2048,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
        },
        limit=1.35,
    ),
)


class Ratio(NamedTuple):
    """A median of ratios of time, with an interval of at least 95 % where there are enough pairs."""

    median: float
    low: float
    high: float
    pairs: int


def median_interval(values: Sequence[float], level: float = 0.95) -> Ratio:
    """Return the median with its distribution-free interval: two order statistics, from the binomial law."""
    ordered, n = sorted(values), len(values)
    cut = 0
    # Cutting `cut` values off each side leaves the median inside with probability 1 - 2 P(Bin(n, 1/2) < cut).
    while 1 - 2 * sum(comb(n, k) for k in range(cut + 2)) / 2**n >= level:
        cut += 1
    return Ratio(median(ordered), ordered[cut], ordered[n - 1 - cut], n)


def build_model(shape: Shape) -> LanguageModel:
    """A model of random weights; times do not depend on their values."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=4096, tie_word_embeddings=True, eos_token_id=1, pad_token_id=0, **shape.config
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel({"<unk>": 0, "<end>": 1}, unk_token="<unk>")),
        unk_token="<unk>",
        eos_token="<end>",
    )
    return assemble(Qwen2ForCausalLM(config), tokenizer, name=shape.name)


def build_batch() -> ContrastBatch:
    """Pairs of prompts and answers of slightly different lengths."""
    source = torch.Generator().manual_seed(0)

    def row(length: int) -> list[int]:
        return torch.randint(2, 4096, (length,), generator=source).tolist()

    return BatchPlan(
        prompts=tuple(row(PROMPT_TOKENS - number % 7) for number in range(ROWS)),
        answers=tuple(row(ANSWER_TOKENS - number % 5) for number in range(ROWS)),
        swapped=tuple(number % 2 == 0 for number in range(ROWS // 2)),
    ).build(pad_id=0)


def reader(
    lm: LanguageModel, batch: ContrastBatch, percentile: PercentileSettings | None
) -> Callable[[], None]:
    """The reading pass over one batch, both sites of every layer."""
    module = CollectionModule(
        lm,
        tokens="response",
        layers=range(lm.n_layers),
        percentile=percentile,
        checkpoint=Path("unused"),
        checkpoint_seconds=float("inf"),
        result=Path("unused"),
    )
    module.make_metrics()
    return lambda: module.read(batch)


def seconds(run: Callable[[], Any]) -> float:
    """Time one call."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


@torch.no_grad()
def time_shape(shape: Shape, pairs: int) -> dict[str, Any]:
    """Time the three passes over one batch, in turns, the order changing from turn to turn."""
    lm, batch = build_model(shape), build_batch()
    passes: dict[str, Callable[[], Any]] = {
        "forward": lambda: lm.forward(batch.tokens, head=False),
        "statistics": reader(lm, batch, None),
        "statistics and percentile": reader(lm, batch, PercentileSettings()),
    }
    names = list(passes)
    for run in passes.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(pairs):
        for name in names if turn % 2 == 0 else reversed(names):
            times[name].append(seconds(passes[name]))
    ratios = {
        name: median_interval([ours / bare for ours, bare in zip(times[name], times["forward"], strict=True)])
        for name in names[1:]
    }
    return {
        "shape": dict(shape.config),
        "parameters": sum(parameter.numel() for parameter in lm.model.parameters()),
        "positions": batch.tokens.input_ids.numel(),
        "positions_per_second": {
            name: batch.tokens.input_ids.numel() / median(taken) for name, taken in times.items()
        },
        "ratios": {name: ratio._asdict() for name, ratio in ratios.items()},
        "limit": shape.limit,
        # A limit is missed when the interval lies above it as a whole.
        "missed": ratios["statistics"].low > shape.limit,
        "seconds": times,
    }


def machine() -> dict[str, Any]:
    """What the times depend on."""
    info = Path("/proc/cpuinfo")
    names = [
        line.split(":", 1)[1].strip()
        for line in (info.read_text(encoding="utf-8").splitlines() if info.is_file() else [])
        if line.startswith("model name")
    ]
    return {
        "processor": names[0] if names else "unknown",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": list(os.getloadavg()),
        "torch": torch.__version__,
        "transformers": version("transformers"),
        "lightning": version("lightning"),
        "utc": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def show(timed: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any]) -> None:
    """Print the table."""
    rows = [
        (
            f"{name} ({result['parameters'] / 1e6:.1f} M)",
            of,
            f"{ratio['median']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]",
            f"{result['limit']}" if of == "statistics" else "",
            ("missed" if result["missed"] else "kept") if of == "statistics" else "",
            f"{result['positions_per_second'][of]:,.0f}",
        )
        for name, result in timed.items()
        for of, ratio in result["ratios"].items()
    ]
    pairs = next(iter(timed.values()))["ratios"]["statistics"]["pairs"]
    show_table(
        f"Reading pass / forward pass, medians of {pairs} pairs with 95 % intervals; {facts['processor']}, "
        f"{facts['cores']} cores, {facts['threads']} threads, load {facts['load'][0]:.1f}",
        ["model", "pass", "times the forward pass", "limit", "", "positions/s"],
        rows,
    )


def main() -> int:
    """Run the benchmark; 1 if a limit is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="three pairs on the embedded shape, nothing written"
    )
    parser.add_argument("--pairs", type=int, default=PAIRS, help=f"interleaved pairs (default {PAIRS})")
    parser.add_argument("--output", type=Path, default=RESULTS / "collect.json", help="where the numbers go")
    chosen = parser.parse_args()
    if not chosen.quick and chosen.pairs < 9:
        parser.error(f"--pairs {chosen.pairs}: an interval needs at least 9")
    facts = machine()
    timed = {
        shape.name: time_shape(shape, QUICK_PAIRS if chosen.quick else chosen.pairs)
        for shape in (SHAPES[:1] if chosen.quick else SHAPES)
    }
    show(timed, facts)
    if chosen.quick:
        return 0
    facts["load_afterwards"] = list(os.getloadavg())
    chosen.output.parent.mkdir(parents=True, exist_ok=True)
    chosen.output.write_text(
        json.dumps({"machine": facts, "models": timed}, indent=1) + "\n", encoding="utf-8"
    )
    return int(any(result["missed"] for result in timed.values()))


if __name__ == "__main__":
    sys.exit(main())
