"""From pairs of questions to statistics in the store."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.collect.conftest import contrast_pair
from tests.reference.collect_reference import assert_agree, read_pairs
from valuelocate.collect import Collection, Collector, GenerationSettings, PercentileSettings, TrainerSettings
from valuelocate.collect.reporting import Reporting
from valuelocate.collect.statistics import to_tensors
from valuelocate.costs import CostMeter
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel
from valuelocate.store import Store

PAIRS = [contrast_pair(number) for number in range(5)]
GENERATION = GenerationSettings(max_new_tokens=5, batch_size=4)
Collect = Callable[..., Collection]


@pytest.fixture
def collect(random_lm: LanguageModel, tmp_path: Path) -> Collect:
    def run(**changes: Any) -> Collection:
        given: dict[str, Any] = {
            "pairs": PAIRS,
            "layers": range(random_lm.n_layers),
            "trainer": TrainerSettings(accelerator="cpu"),
            "store": Store(tmp_path),
            "seed": 0,
            "meter": None,
        }
        call = {key: changes.pop(key, value) for key, value in given.items()}
        return Collector(**{"generation": GENERATION, "batch_tokens": 64} | changes).collect(
            random_lm, **call
        )

    return run


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[list[int]]], list[int]]:
    """Makes the model answer what it is told, in the order of its batches; returns how many it was asked."""

    def give(rows: Sequence[list[int]]) -> list[int]:
        asked: list[int] = []

        def generate(
            lm: LanguageModel, prompts: Sequence[Sequence[int]], **settings: float
        ) -> list[list[int]]:
            asked.append(len(prompts))
            return [rows[prompt[-1] % len(rows)] if rows else [] for prompt in prompts]

        monkeypatch.setattr(LanguageModel, "generate_ids", generate)
        return asked

    return give


def forwards(lm: LanguageModel, run: Callable[[], Any]) -> int:
    meter = CostMeter()
    with meter.watching(lm.backbone), meter.stage("all"):
        run()
    return meter.stages["all"].forwards


def test_the_statistics_are_those_of_the_models_own_answers(
    random_lm: LanguageModel, collect: Collect, tmp_path: Path
) -> None:
    found = collect()
    answered = Collector(generation=GENERATION).answer(random_lm, PAIRS, store=Store(tmp_path))
    for row in answered:
        assert row.answers[0] == random_lm.generate_ids([row.prompts[0]], max_new_tokens=5)[0]
        assert row.prompts[1] == random_lm.prompt_ids(
            row.pair.question.text, description=row.pair.negative.text
        )
    assert_agree(found.statistics, read_pairs(random_lm, answered, "response"))
    assert found.cost["pairs"] == found.statistics.pairs == 5
    assert found.cost["tokens"] == sum(
        len(row) for pair in answered for row in (*pair.prompts, *pair.answers)
    )


def test_a_second_call_runs_nothing(random_lm: LanguageModel, collect: Collect) -> None:
    first = collect()
    again: list[Collection] = []
    assert forwards(random_lm, lambda: again.append(collect())) == 0
    assert again[0].cost == first.cost
    torch.testing.assert_close(
        to_tensors({"": again[0].statistics}), to_tensors({"": first.statistics}), rtol=0, atol=0
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"tokens": "all"},
        {"layers": [0]},
        {"batch_tokens": 20},
        {"percentile": PercentileSettings(bins=8)},
        {"seed": 1},
        {"pairs": PAIRS[:4]},
        {"generation": GenerationSettings(max_new_tokens=4, batch_size=4)},
    ],
)
def test_whatever_changes_the_statistics_makes_another_entry(
    random_lm: LanguageModel, collect: Collect, changes: dict[str, Any]
) -> None:
    collect()
    assert forwards(random_lm, lambda: collect(**changes)) > 0


def test_scope_and_token_set_share_the_answers(collect: Collect, answers: Any) -> None:
    asked = answers([[5, 6, 7], [8, 9]])
    collect()
    generated = len(asked)
    collect(layers=[1])
    collect(tokens="all")
    assert len(asked) == generated > 0


def test_prompts_alone_are_read_without_answers(
    random_lm: LanguageModel, collect: Collect, answers: Any, tmp_path: Path
) -> None:
    asked = answers([[5, 6]])
    found = collect(tokens="prompt")
    assert asked == []
    answered = Collector(tokens="prompt").answer(random_lm, PAIRS, store=Store(tmp_path))
    assert_agree(found.statistics, read_pairs(random_lm, answered, "prompt"))


def test_pairs_with_nothing_to_read_are_left_out_and_told(
    random_lm: LanguageModel,
    collect: Collect,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    empty = random_lm.prompt_ids(PAIRS[1].question.text, description=PAIRS[1].negative.text)
    short = random_lm.prompt_ids(PAIRS[3].question.text, description=PAIRS[3].positive.text)

    def generate(lm: LanguageModel, prompts: Sequence[Sequence[int]], **settings: float) -> list[list[int]]:
        given = {tuple(empty): [], tuple(short): [9]}
        return [given.get(tuple(prompt), [11, 12, 13]) for prompt in prompts]

    monkeypatch.setattr(LanguageModel, "generate_ids", generate)
    found = collect()
    assert found.statistics.pairs == found.statistics.negative.responses == 3
    assert found.statistics.positive.tokens == 3 * 2
    assert found.cost["dropped_pairs"] == 2
    assert "2 of 5 questions are left out: an answer has fewer than two tokens" in caplog.text


def test_a_model_that_does_not_answer_is_told(collect: Collect, answers: Any) -> None:
    answers([])
    with pytest.raises(UserError, match="each of 5 pairs has an answer of fewer than two tokens"):
        collect()


def test_the_control_has_percentiles_too(collect: Collect) -> None:
    found = collect(percentile=PercentileSettings(bins=32))
    for statistics in (found.statistics, found.shuffled):
        for pole in (statistics.positive, statistics.negative):
            assert pole.a95 is not None
            assert pole.a95.shape == pole.active.shape
    assert collect().statistics.positive.a95 is None


def test_the_order_of_the_pairs_is_of_no_account(collect: Collect, tmp_path: Path) -> None:
    tensors = [
        to_tensors({"": collect(pairs=pairs, store=Store(tmp_path / name)).statistics})
        for name, pairs in (("one", PAIRS), ("two", PAIRS[::-1]))
    ]
    torch.testing.assert_close(tensors[0], tensors[1], rtol=0, atol=0)


# Python 3.12 warns of every fork of a process with threads.
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_the_meter_is_told_of_other_processes(
    random_lm: LanguageModel, collect: Collect, tmp_path: Path
) -> None:
    def counted(name: str, trainer: TrainerSettings) -> tuple[int, int]:
        meter = CostMeter()
        store = Store(tmp_path / name)
        with meter.watching(random_lm.backbone), meter.stage("collect"):
            collect(tokens="prompt", trainer=trainer, store=store, meter=meter)
        return meter.stages["collect"].forwards, meter.stages["collect"].tokens

    forked = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp_fork")
    assert counted("alone", TrainerSettings(accelerator="cpu")) == counted("forked", forked)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokens": "answer"}, r"collect\.tokens=answer: expected one of prompt, response, all"),
        ({"batch_tokens": 0}, r"collect\.batch_tokens=0: must be at least 1"),
        ({"checkpoint_seconds": -1}, r"collect\.checkpoint_seconds=-1: must be at least 0"),
    ],
)
def test_settings_without_meaning_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Collector(**changes)


def test_the_pass_says_nothing_but_its_own_progress(
    collect: Collect, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        collect()
    assert capfd.readouterr() == ("", "")
    assert {record.name.split(".")[0] for record in caplog.records} == {"valuelocate"}


def test_reporting_survives_the_way_to_another_process() -> None:
    reporting = Reporting("reading", [3, 4, 5], unit="tokens", threads=2)
    carried = pickle.loads(pickle.dumps(reporting))
    assert (carried.title, carried.units, carried.threads) == ("reading", (3, 4, 5), 2)


TORCHRUN = """
import sys
from pathlib import Path
from tests.collect.conftest import contrast_pair
from tests.tiny_models import tiny_random
from valuelocate.collect import Collector, GenerationSettings, TrainerSettings
from valuelocate.store import Store

lm = tiny_random("qwen2", chat=True, intermediate_size=32)
settings = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp")
for seed in (0, 0, 1):
    found = Collector(generation=GenerationSettings(max_new_tokens=5, batch_size=4), batch_tokens=64).collect(
        lm, [contrast_pair(number) for number in range(5)], layers=range(2), trainer=settings,
        store=Store(sys.argv[1]), seed=seed,
    )
    assert found.statistics.pairs == 5
"""


@pytest.mark.slow
def test_processes_of_torchrun_share_the_pass_and_the_store(
    collect: Collect, random_lm: LanguageModel, tmp_path: Path
) -> None:
    script, root = tmp_path / "script.py", Path(__file__).parents[2]
    script.write_text(TORCHRUN)
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node=2",
        str(script),
        str(tmp_path / "two"),
    ]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    expected = collect(store=Store(tmp_path / "one"))
    run: list[Collection] = []
    # The same key, so the same entry: nothing is left to be read.
    assert forwards(random_lm, lambda: run.append(collect(store=Store(tmp_path / "two")))) == 0
    torch.testing.assert_close(
        to_tensors({"": run[0].statistics}), to_tensors({"": expected.statistics}), rtol=1e-12, atol=1e-12
    )
