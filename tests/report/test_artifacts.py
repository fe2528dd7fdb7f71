from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from valuelocate.errors import UserError
from valuelocate.report.artifacts import load_job


@pytest.mark.parametrize("name", ["result.json", "metrics.parquet"])
def test_an_unfinished_job_is_refused(job_maker: Callable[..., Path], name: str):
    with pytest.raises(UserError, match=f"has no {name}"):
        load_job(job_maker(missing=[name]))


def test_what_may_be_missing_is_none(job_maker: Callable[..., Path]):
    optional = (
        "scores.parquet",
        "responses.jsonl",
        "ranking.parquet",
        "neurons.safetensors",
        "manifest.json",
    )
    job = load_job(job_maker(missing=[*optional, "config.yaml"]))
    assert job.scores is job.responses is job.ranking is job.neurons is job.config_text is None
    assert job.manifest == job.config == {}
    assert job.level is None


@pytest.mark.parametrize(
    ("name", "content"),
    [("result.json", "{"), ("result.json", "[]"), ("metrics.parquet", "no"), ("responses.jsonl", "{}\nno\n")],
)
def test_an_unreadable_file_is_named(job: Path, name: str, content: str):
    (job / name).write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=name):
        load_job(job)


def test_a_result_without_its_metric_is_refused(job: Path):
    (job / "result.json").write_text(json.dumps({"target": "openness_to_change"}), encoding="utf-8")
    with pytest.raises(UserError, match="has no 'metric'"):
        load_job(job)


def test_rows_at_the_dose_keep_arms_without_a_strength(job: Path):
    loaded = load_job(job)
    rows = loaded.at_dose("towards", scored_value=loaded.target)
    assert set(rows[rows["arm"] == "edit"]["strength"]) == {2.0}
    assert "prompt" in set(rows["arm"])
    assert len(rows[rows["arm"] == "random_matched"]) == 19


def test_answers_may_hold_line_separators(job: Path):
    row = {"question_id": "q", "value": "openness_to_change", "arm": "base", "text": "one\u2028two\x85three"}
    (job / "responses.jsonl").write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert load_job(job).responses == (row,)
