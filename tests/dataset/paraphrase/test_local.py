from __future__ import annotations

from types import SimpleNamespace

import pytest

from tests.dataset.paraphrase.conftest import REWRITE, TEXT
from valuelocate.dataset.paraphrase import LocalParaphraser
from valuelocate.model import ModelSource


class Source:
    """A source of a model in memory that counts how often it is loaded."""

    name, dtype = "random", "float32"

    def __init__(self, lm) -> None:
        self.lm, self.loads = lm, 0

    def fingerprint(self) -> str:
        return "f"

    def load(self):
        self.loads += 1
        return self.lm


@pytest.fixture
def source(tiny_random) -> Source:
    return Source(tiny_random("qwen2", chat=True, max_position_embeddings=2048))


def test_a_random_model_gives_no_list_and_is_loaded_once(source, request_of, store) -> None:
    local = LocalParaphraser(model=source, max_new_tokens=4, batch_size=2)
    asked = [request_of(), request_of(f"{TEXT} Why?"), request_of(f"{TEXT} And why is that so?")]
    first = local.answer(asked, store)
    assert [answer.fault for answer in first] == ["no numbered lines"] * 3
    assert first[0].generator.model == "random" and first[0].generator.revision == "f"
    assert local.answer(asked, store) == first
    assert source.loads == 1


def test_answers_are_read_in_order(request_of, store) -> None:
    from dataclasses import dataclass

    @dataclass
    class Prompts:
        answer: str | None = None

    said = {}
    lm = SimpleNamespace(
        prompts=Prompts(),
        prompt_ids=lambda text: said.setdefault(len(said), text) and [len(said)] * (1 + text.count("Why")),
        generate_ids=lambda prompts, max_new_tokens: [[prompt[0]] for prompt in prompts],
        decode=lambda ids: f"1. Rewrite {ids[0]}.\n2. {REWRITE}",
    )
    local = LocalParaphraser(model=Source(lm), batch_size=1)
    answers = local.answer([request_of(), request_of(f"{TEXT} Why?")], store)
    assert [answer.rewrites[0] for answer in answers] == ["Rewrite 1.", "Rewrite 2."]
    assert lm.prompts.answer == "{question}"
    assert local.rewrite(TEXT, request_of().constraints)[1] == REWRITE


def test_the_embedded_model_can_be_asked(request_of, store) -> None:
    local = LocalParaphraser(model=ModelSource(path="package:tiny", device="cpu"), max_new_tokens=4)
    (answer,) = local.answer([request_of()], store)
    assert answer.generator.model == "tiny"
    assert local.told()["revision"] == answer.generator.revision
