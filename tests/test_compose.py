"""Every YAML of the shipped config composes, binds and builds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from valuelocate.cli import conf_dir
from valuelocate.composition import Composer
from valuelocate.config import COMPONENTS, LIST_GROUPS, build, resolve, validate
from valuelocate.sweep import default_sweep, refuse_swept

CONF = conf_dir()
GROUPS = {*COMPONENTS, *LIST_GROUPS, "experiment", "tuned"}
FILES = sorted(path for path in CONF.rglob("*.yaml") if path != CONF / "config.yaml")

NEEDED = {
    # What is one's own has no default path, and an amplitude by percentile needs its statistics.
    "dataset/own": ["dataset.path=here.jsonl"],
    # The default value is of another level.
    "dataset/basic10": ["value=stimulation"],
    "dataset/refined19": ["value=power_resources"],
    # The default value is of another theory.
    "dataset/moral_foundations": ["value=loyalty"],
    "theory/moral_foundations": ["value=loyalty"],
    "model/custom": ["model.path=here"],
    "scope/list": ["scope.layers=[0,1]"],
    "intervene/npti": ["collect=percentile"],
    "paraphrase/server": ["paraphrase.base_url=http://localhost:1/v1", "paraphrase.model=here"],
    "paraphrase/file": ["paraphrase.path=here.jsonl"],
}


def member(path: Path) -> str:
    return str(path.relative_to(CONF).with_suffix(""))


def selecting(name: str) -> list[str]:
    group, _, choice = name.rpartition("/")
    return [f"{group}=[{choice}]" if group in LIST_GROUPS else f"{group}={choice}", *NEEDED.get(name, [])]


@pytest.fixture(scope="module")
def composer() -> Composer:
    return Composer(CONF)


def test_files_were_found() -> None:
    found = {group: [path for path in FILES if path.parent == CONF / group] for group in GROUPS}
    assert {group for group, files in found.items() if not files} == set()
    assert {path.parent.relative_to(CONF).parts[0] for path in FILES} == GROUPS


@pytest.mark.parametrize("name", [member(path) for path in FILES])
def test_member_composes_and_binds(name: str, composer: Composer) -> None:
    config = resolve(composer.compose(selecting(name)))
    validate(config)
    job = build(config)
    assert job.value in {value.id for value in job.theory.values}


@pytest.mark.parametrize("name", [member(path) for path in FILES if path.parent.name in LIST_GROUPS])
def test_member_of_a_list_has_its_own_key(name: str, composer: Composer) -> None:
    group, _, choice = name.rpartition("/")
    composed = composer.compose(selecting(name))
    place = composed.evaluate.evaluators if group == "evaluate" else composed[group]
    assert list(place) == [choice]


@pytest.mark.parametrize("name", [member(path) for path in FILES])
def test_file_says_what_it_is(name: str) -> None:
    """The config is the manual: a file has a comment, and a preset the command that runs it."""
    text = (CONF / f"{name}.yaml").read_text(encoding="utf-8")
    comments = [line for line in text.splitlines() if line.startswith("#") and "@package" not in line]
    assert comments
    if name.startswith("experiment/"):
        assert f"python run.py experiment={name.rpartition('/')[2]}" in text


def test_defaults_build_a_job(composer: Composer) -> None:
    job: Any = build(composer.compose([]))
    assert job.value == "openness_to_change"
    assert job.study == "default"
    assert set(job.evaluate.evaluators) == {"preference", "judge", "fluency"}


@pytest.mark.parametrize("name", [path.stem for path in FILES if path.parent.name == "experiment"])
def test_experiment_can_be_swept(name: str, composer: Composer) -> None:
    composed = composer.compose([f"experiment={name}"])
    refuse_swept([], composed)
    params = OmegaConf.select(composed, "hydra.sweeper.params") or {}
    swept = default_sweep([], composed)
    assert bool(params) != bool(swept)
    for key, values in [*params.items(), *(item.split("=", 1) for item in swept)]:
        for value in values.split(","):
            validate(resolve(composer.compose([f"experiment={name}", f"{key}={value}"])))
