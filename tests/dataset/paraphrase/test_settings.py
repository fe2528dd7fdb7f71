"""Wrong settings are told once, by their key, before anything is loaded."""

from __future__ import annotations

from typing import Any

import pytest

from valuelocate.composition import Composer
from valuelocate.config import build, conf_dir, resolve, validate
from valuelocate.dataset.paraphrase import (
    LocalParaphraser,
    NoParaphraser,
    ReadyParaphraser,
    RuleParaphraser,
    ServerParaphraser,
)
from valuelocate.errors import MistakesError, UserError
from valuelocate.jobs import identify

SERVER: dict[str, Any] = {"base_url": "http://localhost:1/v1", "model": "m"}


@pytest.mark.parametrize(
    ("component", "settings", "told"),
    [
        (RuleParaphraser, {"share": 0.6}, "paraphrase.share=0.6"),
        (RuleParaphraser, {"share": -0.1}, "paraphrase.share=-0.1"),
        (RuleParaphraser, {"count": 0}, "paraphrase.count=0"),
        (ReadyParaphraser, {}, "paraphrase.path is empty"),
        (ReadyParaphraser, {"path": "x", "written_by": "me"}, "paraphrase.written_by=me"),
        (LocalParaphraser, {"model": None}, "paraphrase.model"),
        (ServerParaphraser, {"model": "m"}, "paraphrase.base_url is empty"),
        (ServerParaphraser, {"base_url": "http://localhost"}, "paraphrase.model is empty"),
        (ServerParaphraser, {**SERVER, "base_url": "ftp://host"}, "paraphrase.base_url=ftp://host"),
        (ServerParaphraser, {**SERVER, "base_url": "http://"}, "paraphrase.base_url=http://"),
        (ServerParaphraser, {**SERVER, "timeout": 0}, "paraphrase.timeout=0"),
        (ServerParaphraser, {**SERVER, "timeout": float("nan")}, "paraphrase.timeout=nan"),
        (ServerParaphraser, {**SERVER, "temperature": 3}, "paraphrase.temperature=3"),
        (ServerParaphraser, {**SERVER, "retries": -1}, "paraphrase.retries=-1"),
        (ServerParaphraser, {**SERVER, "concurrency": 0}, "paraphrase.concurrency=0"),
        (ServerParaphraser, {**SERVER, "price_in": -1}, "paraphrase.price_in=-1"),
        (ServerParaphraser, {**SERVER, "body": {"messages": []}}, "paraphrase.body.messages"),
    ],
)
def test_a_wrong_value_names_its_key(component: Any, settings: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError) as raised:
        component(**settings)
    assert str(raised.value).startswith(told)


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "http://me:s3cret@host/v1"},
        {"base_url": "http://host/v1?k=s3cret"},
        {"key_variable": "s3-cret"},
    ],
)
def test_what_may_be_a_secret_is_not_repeated(settings: dict[str, Any]) -> None:
    with pytest.raises(UserError) as raised:
        ServerParaphraser(**{**SERVER, **settings})
    assert "cret" not in str(raised.value)


def test_none_is_the_default_and_gives_nothing(constraints) -> None:
    job: Any = build(Composer(conf_dir()).compose([]))
    assert job.paraphrase == NoParaphraser() and not job.paraphrase.active
    assert job.paraphrase.rewrite("Any text at all?", constraints()) == []


def test_settings_come_from_the_group_and_mistakes_are_told_once() -> None:
    composer = Composer(conf_dir())
    job: Any = build(composer.compose(["paraphrase=local", "model=qwen", "paraphrase.batch_size=2"]))
    assert job.paraphrase.batch_size == 2 and job.paraphrase.model.name == "qwen"
    with pytest.raises(MistakesError) as raised:
        validate(resolve(composer.compose(["paraphrase=rules", "paraphrase.share=2"])))
    assert len(raised.value.messages) == 1
    with pytest.raises(UserError, match=r"paraphrase\.base_url"):
        resolve(composer.compose(["paraphrase=server", "paraphrase.model=m"]))


def test_rewriting_is_no_part_of_a_study_job() -> None:
    parts: dict[str, Any] = {"name": ["a"], "dataset_hash": None, "fingerprint": None}
    assert identify({"seed": 0}, **parts) == identify({"seed": 0, "paraphrase": {"share": 0.5}}, **parts)
