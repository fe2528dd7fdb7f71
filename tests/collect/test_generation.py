from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from valuelocate.collect import GenerationSettings, generate_answers
from valuelocate.collect.generation import plan_batches
from valuelocate.errors import UserError
from valuelocate.model import LanguageModel
from valuelocate.store import Store

PROMPTS = [[10 + index] * length for index, length in enumerate([3, 8, 5, 5, 2, 7, 4])]
SETTINGS = GenerationSettings(max_new_tokens=4, batch_size=2)


@pytest.fixture
def calls(random_lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> list[list[list[int]]]:
    """The batches that the model is really asked to answer."""
    asked: list[list[list[int]]] = []
    generate = LanguageModel.generate_ids

    def counted(lm: LanguageModel, prompts: Sequence[Sequence[int]], **settings: float) -> list[list[int]]:
        asked.append([list(prompt) for prompt in prompts])
        return generate(lm, prompts, **settings)

    monkeypatch.setattr(LanguageModel, "generate_ids", counted)
    return asked


@pytest.fixture
def answer(random_lm: LanguageModel, tmp_path: Path) -> Callable[..., list[list[int]]]:
    def run(prompts: Sequence[Sequence[int]] = PROMPTS, **changes: object) -> list[list[int]]:
        return generate_answers(random_lm, prompts, SETTINGS, store=Store(tmp_path), **changes)

    return run


def test_batches_are_of_like_length_and_the_longest_come_first() -> None:
    assert plan_batches([3, 8, 5, 5, 2, 7, 4], 2) == [[1, 5], [2, 3], [6, 0], [4]]


def test_no_prompts_have_no_answers(answer: Callable[..., list[list[int]]]) -> None:
    assert plan_batches([], 2) == []
    assert answer([]) == []


def test_answers_come_in_the_order_of_the_prompts(
    answer: Callable[..., list[list[int]]], random_lm: LanguageModel
) -> None:
    alone = [random_lm.generate_ids([prompt], max_new_tokens=4)[0] for prompt in PROMPTS]
    assert answer() == alone


def test_a_stored_batch_is_not_generated_again(
    answer: Callable[..., list[list[int]]], calls: list[list[list[int]]]
) -> None:
    first = answer()
    assert [len(batch) for batch in calls] == [2, 2, 2, 1]
    calls.clear()
    assert answer() == first
    assert calls == []


def test_an_interrupted_call_generates_what_is_missing_in_the_same_batches(
    answer: Callable[..., list[list[int]]],
    calls: list[list[list[int]]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = [[PROMPTS[index] for index in batch] for batch in plan_batches([len(p) for p in PROMPTS], 2)]
    counted = LanguageModel.generate_ids

    def failing(lm: LanguageModel, prompts: Sequence[Sequence[int]], **settings: float) -> list[list[int]]:
        if len(calls) == 2:
            raise KeyboardInterrupt
        return counted(lm, prompts, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "generate_ids", failing)
        with pytest.raises(KeyboardInterrupt):
            answer()
    assert calls == plan[:2]
    answer()
    assert calls == plan


def test_an_edit_has_a_key_of_its_own(
    answer: Callable[..., list[list[int]]], calls: list[list[list[int]]]
) -> None:
    for edit in (None, "one", "another", "one", None):
        answer(edit=edit)
    assert len(calls) == 3 * 4


def test_everything_that_decides_an_answer_is_in_its_key(
    random_lm: LanguageModel, calls: list[list[list[int]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer_with(settings: GenerationSettings) -> None:
        generate_answers(random_lm, PROMPTS[:2], settings, store=Store(tmp_path))

    for settings in (
        SETTINGS,
        GenerationSettings(max_new_tokens=3, batch_size=2),
        GenerationSettings(max_new_tokens=4, batch_size=3),
        GenerationSettings(max_new_tokens=4, batch_size=2, repetition_penalty=1.1),
    ):
        answer_with(settings)
    assert len(calls) == 4
    monkeypatch.setattr(random_lm, "fingerprint", "another")
    answer_with(SETTINGS)
    assert len(calls) == 5
    monkeypatch.setattr(LanguageModel, "eos_ids", [7])
    answer_with(SETTINGS)
    assert len(calls) == 6


def test_processes_begin_with_batches_of_their_own(
    answer: Callable[..., list[list[int]]], calls: list[list[list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    other = answer()
    assert [len(batch[0]) for batch in calls] == [5, 2, 8, 4]
    calls.clear()
    monkeypatch.setenv("RANK", "0")
    assert answer() == other
    assert calls == []


def test_progress_is_told(answer: Callable[..., list[list[int]]], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="valuelocate"):
        answer(label="answering questions")
    assert "answering questions: 7/7 answers" in caplog.text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_new_tokens": 0}, r"generation\.max_new_tokens=0: must be at least 1"),
        ({"batch_size": 0}, r"generation\.batch_size=0: must be at least 1"),
        ({"repetition_penalty": 0.0}, r"generation\.repetition_penalty=0\.0: must be above 0"),
    ],
)
def test_settings_without_meaning_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        GenerationSettings(**changes)
