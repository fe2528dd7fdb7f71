"""From the composed config to a job of built components."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from tests.fake_study import FakeIntervention, FakePipeline, write_conf
from valuelocate import config as config_module
from valuelocate.composition import Composer
from valuelocate.config import Paths, build, check_study_name, conf_dir, resolve, validate
from valuelocate.errors import MistakesError, UserError


@pytest.fixture
def composer(tmp_path: Path) -> Composer:
    return Composer(write_conf(tmp_path / "conf"))


@pytest.fixture
def plain(composer: Composer) -> dict[str, Any]:
    return resolve(composer.compose([]))


def test_job_holds_components_and_full_value(composer: Composer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valuelocate.pipeline", FakePipeline())
    job: Any = build(composer.compose(["value=Openness to change", "evaluate=[judge]", "track=[wandb,none]"]))
    assert job.value == "openness_to_change"
    assert job.theory.id == "schwartz"
    assert job.intervene == FakeIntervention(strength=1.0)
    assert list(job.evaluate.evaluators) == ["judge"]
    assert isinstance(job.evaluate.strengths, tuple)
    assert len(job.track) == 2
    assert job.paths == Paths(outputs=Path("outputs"), store=Path("outputs/store"))
    assert job.paths.store.is_absolute()


def test_lists_may_be_empty(composer: Composer) -> None:
    job = build(resolve(composer.compose(["evaluate=[]", "track=[]"])))
    assert not job.evaluate.evaluators and not job.track


@pytest.mark.parametrize("value", ["openness", "openness_to_change", "Openness-To-Change", "self_direction"])
def test_every_name_of_a_value_is_taken(plain: dict[str, Any], value: str) -> None:
    validate({**plain, "value": value})
    job = build({**plain, "value": value})
    assert job.value == job.theory.resolve(value).id


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"value": "opennes"}, "did you mean openness"),
        ({"value": ["openness", "conservation"]}, "expected the name of one value"),
        ({"value": None}, "expected the name of one value"),
        ({"study": "a/b"}, "study=a/b: expected a folder name"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": True}, "seed=True"),
        ({"locate": {"outcome": "fine"}}, "locate: no component is selected here (it only sets outcome)"),
        ({"model": None}, "model: no component is selected here"),
        ({"track": {"wandb": {"mode": "online"}}}, "track.wandb: no component is selected here"),
        ({"paths": {"outputs": "x"}}, "paths.store: missing"),
        ({"paths": {"outputs": "x", "store": "y", "cache": "z"}}, "paths.cache: Paths takes no such key"),
    ],
)
def test_mistake_names_its_key(plain: dict[str, Any], change: dict[str, Any], told: str) -> None:
    with pytest.raises(MistakesError) as raised:
        validate({**plain, **change})
    assert any(told in message for message in raised.value.messages), raised.value.messages
    assert len(raised.value.messages) == 1


def test_settings_of_an_evaluator_that_is_not_selected_are_refused(composer: Composer) -> None:
    composed = composer.compose(["evaluate=[judge]", "+evaluate.evaluators.fluency.name=x"])
    with pytest.raises(MistakesError) as raised:
        validate(resolve(composed))
    assert len(raised.value.messages) == 1
    assert "evaluate.evaluators.fluency: no component is selected here" in str(raised.value)


def test_all_mistakes_at_once(plain: dict[str, Any]) -> None:
    wrong = {**plain, "value": "x", "seed": "y", "intervene": {**plain["intervene"], "strength": -1}}
    with pytest.raises(MistakesError) as raised:
        validate(wrong)
    assert len(raised.value.messages) == 3
    assert str(raised.value).startswith("the config has mistakes:")


@pytest.mark.parametrize(
    ("node", "told"),
    [({"a": "${b.c}"}, "a: "), ({"a": "???"}, "a: "), ({"a": "${nothing:}"}, "a: ")],
)
def test_what_cannot_be_resolved_names_its_key(node: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as raised:
        resolve(OmegaConf.create(node))
    assert str(raised.value).startswith(told)


def test_hydras_own_node_is_left_out(composer: Composer) -> None:
    assert "hydra" not in resolve(composer.compose([]))


@pytest.mark.parametrize("study", ["", "a b", "../up", ".hidden", 3, None])
def test_study_is_a_folder_name(study: Any) -> None:
    with pytest.raises(UserError, match="expected a folder name"):
        check_study_name(study)


def test_conf_dir_of_a_checkout() -> None:
    assert conf_dir() == Path(__file__).parent.parent / "conf"


def test_conf_dir_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "valuelocate"
    package.mkdir(parents=True)
    monkeypatch.setattr(config_module, "__file__", str(package / "config.py"))
    with pytest.raises(UserError, match="install valuelocate again"):
        conf_dir()
    stranger = package.parent / "conf"
    for folder in (stranger, package / "_conf"):
        folder.mkdir()
        (folder / "config.yaml").touch()
    assert conf_dir() == package / "_conf"
    assert conf_dir().is_absolute()
