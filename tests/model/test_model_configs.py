"""Every file of conf/model composes into a source; nothing is loaded or downloaded."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import OmegaConf

from valuelocate.components import Assembly
from valuelocate.model import ModelSource, PromptStyle
from valuelocate.model.prompts import _SLOTS

FOLDER = Path(__file__).parent.parent.parent / "conf" / "model"
NAMES = sorted(path.stem for path in FOLDER.glob("*.yaml"))
PAPER = {
    "llama-3.1-8b": "meta-llama/Llama-3.1-8B",
    "llama-3.2-1b": "meta-llama/Llama-3.2-1B",
    "qwen2-0.5b": "Qwen/Qwen2-0.5B",
    "gemma-2-9b": "google/gemma-2-9b",
}


def node(name: str, *overrides: str) -> dict[str, Any]:
    with initialize_config_dir(str(FOLDER.parent), version_base="1.3"):
        composed = compose(f"model/{name}", overrides=list(overrides))
    found = OmegaConf.to_container(composed.model, resolve=True)
    assert isinstance(found, dict)
    return {str(key): value for key, value in found.items()}


def source(name: str, *overrides: str) -> ModelSource:
    assembly = Assembly()
    built = assembly.component(node(name, *overrides), "model")
    assembly.check("mistakes")
    assert isinstance(built, ModelSource)
    return built


def test_there_are_some() -> None:
    assert {"tiny", "custom", "qwen", *PAPER} < set(NAMES)
    assert len(NAMES) > 25


@pytest.mark.parametrize("name", [name for name in NAMES if name != "custom"])
def test_every_model_builds_both_ways(name: str) -> None:
    built = source(name)
    assert built.name == name
    assert instantiate(OmegaConf.create(node(name)), _convert_="all") == built
    assert built.revision is None
    assert (FOLDER / f"{name}.yaml").read_text().startswith("# ")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("custom", "tiny")])
def test_a_hub_models_comment_tells_its_neurons_and_its_terms(name: str) -> None:
    comment = (FOLDER / f"{name}.yaml").read_text().split("defaults")[0]
    product, count = comment.split(" neurons = ")
    layers, width = product.split(", ")[-1].split(" layers x ") if " layers x " in product else ("", "")
    if not layers:
        pytest.fail(f"{name}: the comment does not tell layers x neurons")
    width = product.rpartition(" layers x ")[2]
    layers = product.rpartition(" layers x ")[0].rpartition(" ")[2]
    total = count.replace("\n# ", " ").split(" ")[0].rstrip(".,")
    assert int(layers) * int(width.replace(",", "")) == int(total.replace(",", ""))
    assert any(word in comment for word in ("Open", "Gated: HF_TOKEN", "accept terms"))


@pytest.mark.parametrize("name", sorted(PAPER))
def test_the_papers_models_are_base_models_in_a_plain_frame(name: str) -> None:
    built = source(name)
    assert (built.path, built.prompts.frame) == (PAPER[name], "plain")


def test_the_shared_file_holds_every_field_and_its_default() -> None:
    given = yaml.safe_load((FOLDER / "custom.yaml").read_text())
    prompts = given.pop("prompts")
    assert set(given) | {"prompts"} == {field.name for field in fields(ModelSource)} | {"_target_"}
    assert set(prompts) == {field.name for field in fields(PromptStyle)} | {"_target_"}
    built = source("custom", "model.path=x")
    assert built == ModelSource(path="x", max_new_tokens=160)
    assert set(_SLOTS) < set(prompts)


@pytest.mark.parametrize("name", ["tiny", "custom"])
def test_any_path_is_asked_in_full_words_under_its_own_name(name: str) -> None:
    built = source(name, "model.path=./some/where")
    assert built == ModelSource(path="./some/where", max_new_tokens=160)
    assert built.name == "where"
    assert "under 100 words" in built.prompts.template("answer")


def test_the_embedded_model_is_asked_in_bare_words() -> None:
    built = source("tiny")
    assert (built.path, built.name) == ("package:tiny", "tiny")
    assert built.prompts.template("options") == PromptStyle(wording="bare").template("options")
    own = source("tiny", "model.prompts.answer='{question} Well?'")
    assert own.prompts.template("answer") == "{question} Well?"
    assert own.prompts.template("described_answer") == "{description}\n{question}"
