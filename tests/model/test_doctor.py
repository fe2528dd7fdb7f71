"""The doctor: a report of every model that can be put together, broken ones too."""

from __future__ import annotations

import json
from types import MethodType
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.tiny_models import tiny_model, tiny_random, tiny_tokenizer
from valuelocate.model import LanguageModel, PromptStyle, assemble, examine
from valuelocate.model.doctor import DoctorReport, show_report


def fact(report: DoctorReport, name: str) -> str:
    return dict(report.facts)[name]


def test_a_sound_model(random_lm: LanguageModel) -> None:
    report = examine(random_lm)
    assert report.ok
    assert fact(report, "layers x neurons") == "2 x 32 = 64"
    assert fact(report, "kind of FFN") == "gated"
    assert fact(report, "write vectors") == "[32, 16] a layer, no bias"
    assert fact(report, "activation") == "SiLUActivation, positive where its input is"
    assert fact(report, "dtype, device") == "float32, cpu"
    assert fact(report, "end tokens") == "2 '</s>'"
    assert fact(report, "padding token") == "0 '<pad>'"
    assert fact(report, "chat template") == "yes"
    assert fact(report, "frame, description in") == "chat, user turn"
    assert fact(report, "fingerprint") == random_lm.fingerprint
    assert len(report.contract) == 8


def test_prompts_show_their_special_tokens_and_a_hash_of_what_was_rendered(random_lm: LanguageModel) -> None:
    answer, described, options = examine(random_lm).prompts
    assert (answer.kind, described.kind, options.kind) == ("answer", "described_answer", "options")
    assert answer.text.startswith("<s><|user|>What would you do")
    assert answer.text.endswith("<|assistant|>")
    assert "describes themselves" in described.text
    assert "A. I would explore" in options.text
    hashes = {prompt.hash for prompt in (answer, described, options)}
    assert len(hashes) == 3
    assert all(len(found) == 16 for found in hashes)
    assert examine(random_lm).prompts == (answer, described, options)


def test_ignored_settings_are_listed_and_end_tokens_are_not_among_them() -> None:
    lm = tiny_random("llama", check=False)
    own = lm.model.generation_config
    own.update(do_sample=True, temperature=0.7, repetition_penalty=1.1, eos_token_id=[2, 9])
    report = examine(lm)
    assert dict(report.ignored_settings) == {
        "do_sample": "True",
        "temperature": "0.7",
        "repetition_penalty": "1.1",
    }
    assert fact(report, "end tokens").startswith("2 '</s>', 9 ")


@pytest.mark.parametrize(
    ("family", "kind", "sites"),
    [
        ("phi3", "gated, fused", "[batch, token, 24] each"),
        ("gpt2", "plain", "[batch, token, 64] each (one tensor)"),
        ("opt", "plain", "[batch, token, 24] each (one tensor)"),
    ],
)
def test_kinds_of_ffn(family: str, kind: str, sites: str) -> None:
    report = examine(tiny_random(family))
    assert (fact(report, "kind of FFN"), fact(report, "sites gate_act, mid")) == (kind, sites)
    assert fact(report, "positions") == "512"
    assert fact(report, "frame, description in") == "plain, user turn"


def test_an_activation_of_another_sign_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    lm = tiny_random("apertus")
    assert "activation is positive where its input is does not hold" in caplog.text
    report = examine(lm)
    assert report.ok
    assert fact(report, "activation").endswith("SIGN DIFFERS from its input's")
    [row] = [row for row in report.contract if not row.ok]
    assert not row.required


def broken_model() -> LanguageModel:
    model = tiny_model("llama")

    def fused(self: Any, x: Tensor) -> Tensor:
        return self.down_proj(torch.nn.functional.silu(self.gate_proj(x)) * self.up_proj(x))

    for layer in model.model.layers:
        layer.mlp.forward = MethodType(fused, layer.mlp)
    return assemble(model, tiny_tokenizer(), check=False, prompts=PromptStyle(frame="chat"))


def test_a_broken_model_is_reported_and_not_refused(capsys: pytest.CaptureFixture[str]) -> None:
    report = examine(broken_model())
    assert not report.ok
    [row] = report.contract
    assert not row.ok
    assert "fused kernel" in row.note
    assert {prompt.error for prompt in report.prompts} == {
        "model.prompts.frame=chat: this tokenizer has no chat template; use frame=plain"
    }
    assert fact(report, "frame, description in") == "chat, which this tokenizer does not have, user turn"
    show_report(report)
    shown = capsys.readouterr().out
    assert "FAILED" in shown
    assert "NOT handled rightly" in shown


def test_a_model_that_cannot_be_run_is_reported() -> None:
    lm = tiny_random("llama", check=False)
    lm.model.lm_head = torch.nn.Linear(3, 320)
    report = examine(lm)
    assert not report.ok
    assert "shapes" in report.contract[0].note
    # JSON has no NaN of its own; Python's reads back what it writes.
    assert json.loads(json.dumps(report.to_dict()))["ok"] is False


def test_the_report_is_printed_without_reading_markup(
    random_lm: LanguageModel, capsys: pytest.CaptureFixture[str]
) -> None:
    show_report(examine(random_lm))
    shown = capsys.readouterr().out
    assert "FFN output = neurons x write vectors (+ bias)" in shown
    assert "<s><|user|>What would you do" in shown
    assert "[batch, token, 32]" in shown
    assert "qwen2: handled rightly" in shown
    assert "ignored" in shown
