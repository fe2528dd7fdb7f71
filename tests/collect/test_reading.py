"""The pass as a whole: against single prompts in double precision, and the laws it obeys."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.multiprocessing import ProcessRaisedException

from tests.collect.conftest import SEED
from tests.reference.collect_reference import assert_agree, read_pairs, shuffled
from tests.tiny_models import FAMILIES
from valuelocate.collect import PercentileSettings, TrainerSettings
from valuelocate.collect.batches import AnsweredPair
from valuelocate.collect.module import CollectionModule
from valuelocate.collect.reading import Reading
from valuelocate.collect.statistics import ContrastStatistics, to_tensors
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel
from valuelocate.store import Store

Answered = Callable[..., list[AnsweredPair]]
Build = Callable[..., LanguageModel]
Plan = Callable[..., Reading]
Read = Callable[..., dict[str, ContrastStatistics]]

# One of every way in which the table of families finds the neurons, and both kinds of attention.
DIFFERENT = (
    "qwen2",
    "phi3",
    "gemma3_text",
    "qwen3_5_text",
    "gpt2",
    "gptj",
    "bloom",
    "mpt",
    "opt",
    "starcoder2",
)


@pytest.fixture(scope="module")
def lm(tiny_random: Build) -> LanguageModel:
    return tiny_random("qwen2")


def assert_same(
    found: dict[str, ContrastStatistics], expected: dict[str, ContrastStatistics], **tolerance: float
) -> None:
    torch.testing.assert_close(to_tensors(found), to_tensors(expected), **tolerance)


@pytest.mark.parametrize("tokens", ["response", "prompt", "all"])
@pytest.mark.parametrize("family", DIFFERENT)
def test_statistics_are_those_of_single_prompts(
    family: str, tokens: str, tiny_random: Build, answered: Answered, read: Read
) -> None:
    lm, pairs = tiny_random(family, check=False), answered(5)
    raw = read_pairs(lm, pairs, tokens)
    found = read(lm, pairs, tokens=tokens)
    assert_agree(found["true"], raw)
    assert_agree(found["shuffled"], shuffled(raw, [row.pair.question.id for row in pairs], SEED))


@pytest.mark.slow
@pytest.mark.parametrize("tokens", ["response", "prompt", "all"])
@pytest.mark.parametrize("family", sorted(set(FAMILIES) - set(DIFFERENT)))
def test_statistics_of_every_other_family(
    family: str, tokens: str, tiny_random: Build, answered: Answered, read: Read
) -> None:
    lm, pairs = tiny_random(family, check=False), answered(3)
    assert_agree(read(lm, pairs, tokens=tokens)["true"], read_pairs(lm, pairs, tokens))


def test_half_precision_is_summed_in_single(tiny_random: Build, answered: Answered, read: Read) -> None:
    lm, pairs = tiny_random("llama", dtype=torch.bfloat16, check=False), answered(4)
    # One row a batch and no padding, so that the model's own rounding is the same.
    equal = [row._replace(prompts=(row.prompts[0],) * 2, answers=(row.answers[0],) * 2) for row in pairs]
    assert_agree(
        read(lm, equal, batch_tokens=1)["true"], read_pairs(lm, equal, "response"), mean_tolerance=1e-2
    )


def test_batch_split_changes_nothing(lm: LanguageModel, answered: Answered, read: Read) -> None:
    pairs = answered(7)
    whole, single = (read(lm, pairs, batch_tokens=size, folder=str(size)) for size in (10_000, 1))
    raw = read_pairs(lm, pairs, "response")
    for found in (whole, single):
        assert_agree(found["true"], raw)
    assert_same(whole, single, rtol=1e-4, atol=1e-5)


def test_order_changes_nothing(lm: LanguageModel, answered: Answered, read: Read) -> None:
    pairs = answered(7)
    assert_same(
        read(lm, pairs, folder="as they are"), read(lm, pairs[::-1], folder="turned round"), rtol=0, atol=0
    )


# Python 3.12 warns of every fork of a process with threads.
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
@pytest.mark.parametrize("processes", [2, 3])
def test_processes_change_nothing(processes: int, lm: LanguageModel, answered: Answered, read: Read) -> None:
    pairs, percentile = answered(7), PercentileSettings(bins=16)
    trainer = TrainerSettings(accelerator="cpu", devices=processes, strategy="ddp_fork")
    # Seven batches, so that some process has one less.
    alone = read(lm, pairs, batch_tokens=1, percentile=percentile, folder="alone")
    shared = read(lm, pairs, batch_tokens=1, percentile=percentile, folder="shared", trainer=trainer)
    assert shared["true"].pairs == 7
    assert_same(shared, alone, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_process_without_a_batch_does_not_hang(lm: LanguageModel, answered: Answered, read: Read) -> None:
    trainer = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp_fork")
    pairs = answered(1)
    assert_same(
        read(lm, pairs, folder="alone"),
        read(lm, pairs, folder="shared", trainer=trainer),
        rtol=1e-12,
        atol=1e-12,
    )


def test_spawned_processes_change_nothing_and_are_silent(
    lm: LanguageModel, answered: Answered, read: Read, capfd: pytest.CaptureFixture[str]
) -> None:
    pairs = answered(5)
    alone = read(lm, pairs, batch_tokens=1, folder="alone")
    capfd.readouterr()
    trainer = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp_spawn")
    shared = read(lm, pairs, batch_tokens=1, folder="shared", trainer=trainer)
    assert_same(shared, alone, rtol=1e-12, atol=1e-12)
    assert capfd.readouterr() == ("", "")


class BrokenError(RuntimeError):
    pass


def break_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> list[int]:
    """Let the pass fail in the middle of the batch after so many; returns the list of batches begun."""
    begun: list[int] = []
    read_batch = CollectionModule.read

    def failing(self: CollectionModule, batch: Any) -> None:
        begun.append(len(batch.tokens))
        if len(begun) > batches:
            raise BrokenError
        read_batch(self, batch)

    monkeypatch.setattr(CollectionModule, "read", failing)
    return begun


def test_an_interrupted_pass_goes_on_and_gives_the_same_bits(
    lm: LanguageModel, answered: Answered, reading: Plan, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, percentile = answered(7), PercentileSettings(bins=16)
    plan = {"batch_tokens": 1, "percentile": percentile, "checkpoint_seconds": 0}
    expected = read(lm, pairs, folder="whole", **plan)
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        with pytest.raises(BrokenError):
            read(lm, pairs, **plan)
    begun = break_after(monkeypatch, 100)
    assert_same(read(lm, pairs, **plan), expected, rtol=0, atol=0)
    assert len(begun) == 4
    store = reading(lm, pairs, **plan).store
    assert not list(store.root.rglob("*.state-*")), "the state of the unfinished pass was left behind"


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_state_belongs_to_one_number_of_processes(
    lm: LanguageModel, answered: Answered, reading: Plan, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, plan = answered(9), {"batch_tokens": 1, "checkpoint_seconds": 0}
    two = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp_fork")
    alone = read(lm, pairs, folder="alone", **plan)
    shared = read(lm, pairs, folder="shared", trainer=two, **plan)
    for name, trainer, expected in (("again shared", two, shared), ("then alone", None, alone)):
        with monkeypatch.context() as patch:
            break_after(patch, 3)
            with pytest.raises(ProcessRaisedException, match="BrokenError"):
                read(lm, pairs, folder=name, trainer=two, **plan)
        states = reading(lm, pairs, folder=name).store.root
        assert list(states.rglob("*.state-?-of-2.safetensors"))
        assert_same(read(lm, pairs, folder=name, trainer=trainer, **plan), expected, rtol=0, atol=0)
        assert not list(states.rglob("*.state-*"))


def test_a_state_of_another_plan_is_not_taken(
    lm: LanguageModel, answered: Answered, reading: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = {"batch_tokens": 1, "checkpoint_seconds": 0}
    interrupted = reading(lm, answered(7), **plan)
    with monkeypatch.context() as patch:
        break_after(patch, 3)
        with pytest.raises(BrokenError):
            interrupted.entry()
    begun = break_after(monkeypatch, 100)
    replace(interrupted, parts={"test": "another"}).entry()
    assert len(begun) == 7


@pytest.mark.parametrize("damage", ["no file of tensors", "other shapes"])
def test_a_damaged_state_is_left_out(
    damage: str,
    lm: LanguageModel,
    tiny_random: Build,
    answered: Answered,
    reading: Plan,
    read: Read,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    pairs, plan = answered(5), {"batch_tokens": 1, "checkpoint_seconds": 0}
    expected = read(lm, pairs, folder="whole", **plan)
    wider = tiny_random("qwen2", intermediate_size=40, check=False)
    with monkeypatch.context() as patch:
        break_after(patch, 2)
        with pytest.raises(BrokenError):
            read(lm if damage == "no file of tensors" else wider, pairs, **plan)
    [state] = reading(lm, pairs).store.root.rglob("*.state-0-of-1.safetensors")
    if damage == "no file of tensors":
        state.write_bytes(b"nothing")
    assert_same(read(lm, pairs, **plan), expected, rtol=0, atol=0)
    assert "interrupted pass is left out" in caplog.text


def test_layers_out_of_scope_are_zero(lm: LanguageModel, answered: Answered, read: Read) -> None:
    pairs, percentile = answered(4), PercentileSettings(bins=16)
    whole = read(lm, pairs, percentile=percentile, folder="whole")["true"]
    part = read(lm, pairs, percentile=percentile, folder="part", layers=[1])["true"]
    assert (part.pairs, part.positive.tokens, part.positive.responses) == (
        whole.pairs,
        whole.positive.tokens,
        whole.positive.responses,
    )
    for name, tensor in to_tensors({"": part}).items():
        expected = to_tensors({"": whole})[name]
        if tensor.ndim:
            torch.testing.assert_close(tensor[1], expected[1], rtol=0, atol=0)
            assert not tensor[0].any(), name


def test_a_plain_ffn_has_one_tensor_for_both_sites(
    tiny_random: Build, answered: Answered, read: Read
) -> None:
    found = read(tiny_random("gpt2", check=False), answered(3))["true"]
    for pole in (found.positive, found.negative):
        torch.testing.assert_close(pole.token_mean["mid"], pole.token_mean["gate_act"], rtol=0, atol=0)
        assert bool(pole.active.any())


def test_the_model_is_left_as_it_was(
    lm: LanguageModel, answered: Answered, reading: Plan, read: Read
) -> None:
    batch = reading(lm, answered(2)).batches[0].build(lm.pad_id).tokens
    with torch.no_grad():
        before = lm.forward(batch)
        read(lm, answered(3))
        torch.testing.assert_close(lm.forward(batch), before, rtol=0, atol=0)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in lm.model.modules())


def test_memory_does_not_grow_with_the_number_of_pairs(
    lm: LanguageModel, answered: Answered, reading: Plan
) -> None:
    def bytes_after(count: int) -> int:
        plan = reading(lm, answered(count))
        module = CollectionModule(
            lm,
            tokens="response",
            layers=range(lm.n_layers),
            percentile=PercentileSettings(bins=8),
            checkpoint=Path("none"),
            checkpoint_seconds=1e9,
            result=Path("none"),
        )
        with torch.no_grad():
            module.make_metrics()
            for batch in plan.batches:
                module.read(batch.build(lm.pad_id))
        states = module._states().values()
        assert all(isinstance(state, Tensor) for state in states)
        return sum(state.numel() * state.element_size() for state in states)

    assert bytes_after(10) == bytes_after(100)


@pytest.mark.parametrize("percentile", [None, PercentileSettings(bins=8)])
def test_values_that_are_not_finite_are_refused(
    percentile: PercentileSettings | None, tiny_random: Build, answered: Answered, read: Read
) -> None:
    lm = tiny_random("llama", seed=1, check=False)
    with torch.no_grad():
        lm.ffn.module(1, "gate").weight[0, 0] = torch.nan
    with pytest.raises(UserError, match="layer 1 has values at gate_act that are not finite in float32"):
        read(lm, answered(2), percentile=percentile)


@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_users_error_comes_back_from_another_process(
    tiny_random: Build, answered: Answered, read: Read
) -> None:
    lm = tiny_random("llama", seed=1, check=False)
    with torch.no_grad():
        lm.ffn.module(1, "gate").weight[0, 0] = torch.nan
    trainer = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp_fork")
    with pytest.raises(
        UserError, match=r"^model 'llama': layer 1 has values .* use model.dtype=\S+ or float32$"
    ):
        read(lm, answered(4), batch_tokens=1, trainer=trainer)


def test_a_sharded_model_is_not_handed_to_processes(
    tiny_random: Build, answered: Answered, read: Read
) -> None:
    lm = tiny_random("llama", check=False)
    lm.model.hf_device_map = {"model.layers.0": 0, "model.layers.1": 1}
    with pytest.raises(UserError, match=r"trainer\.strategy=ddp_spawn: the model is spread over devices"):
        read(lm, answered(2), trainer=TrainerSettings(accelerator="cpu", devices=2, strategy="ddp_spawn"))


def test_a_terminated_pass_keeps_its_state(
    lm: LanguageModel, answered: Answered, reading: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = reading(lm, answered(5), batch_tokens=1)
    read_batch = CollectionModule.read

    def terminated(self: CollectionModule, batch: Any) -> None:
        read_batch(self, batch)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(CollectionModule, "read", terminated)
    with pytest.raises(SystemExit):
        plan.entry()
    assert len(list(plan.store.root.rglob("*.state-0-of-1.safetensors"))) == 1


def test_ctrl_c_stays_ctrl_c(
    lm: LanguageModel, answered: Answered, read: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: CollectionModule, batch: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(CollectionModule, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(lm, answered(2))


def test_progress_is_told_by_one_process(
    lm: LanguageModel, answered: Answered, read: Read, caplog: pytest.LogCaptureFixture
) -> None:
    pairs = answered(3)
    tokens = sum(len(row) for pair in pairs for row in (*pair.prompts, *pair.answers))
    with caplog.at_level(logging.INFO, logger="valuelocate"):
        read(lm, pairs, batch_tokens=1)
    assert f"reading neurons: {tokens}/{tokens} tokens" in caplog.text


def test_the_store_root_is_named_where_processes_do_not_share_it(
    lm: LanguageModel, answered: Answered, reading: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    outside = TrainerSettings(accelerator="cpu", devices=2, strategy="ddp")
    plan = reading(lm, answered(2), trainer=outside)
    monkeypatch.setattr(Reading, "_trainer", lambda self: _OtherRank())
    with pytest.raises(UserError, match=r"paths\.store=.*: process 1 does not see what process 0 wrote"):
        plan.entry()


class _OtherRank:
    """A trainer of the second process, when the first says that the statistics are there already."""

    is_global_zero, global_rank = False, 1

    class strategy:  # noqa: N801 (the trainer's own name)
        @staticmethod
        def setup_environment() -> None:
            pass

        @staticmethod
        def broadcast(found: bool) -> bool:
            return found

        @staticmethod
        def barrier() -> None:
            pass


def test_store_is_used(
    lm: LanguageModel, answered: Answered, reading: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = reading(lm, answered(2))
    begun = break_after(monkeypatch, 100)
    plan.entry()
    done = len(begun)
    plan.entry()
    assert len(begun) == done > 0
    assert isinstance(plan.store, Store)
