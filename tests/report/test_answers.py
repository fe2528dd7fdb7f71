from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from valuelocate.report.answers import chosen_answers, missing_answers
from valuelocate.report.artifacts import load_job


def rewrite(folder: Path, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
    path = folder / "responses.jsonl"
    rows = [change(json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(json.dumps(row) for row in rows if row is not None), encoding="utf-8")


def test_questions_come_in_the_order_of_their_hash(job: Path):
    shown, available = chosen_answers(load_job(job), limit=3)
    ids = [f"q{number:03d}" for number in range(8)]
    assert [q.id for q in shown] == sorted(ids, key=lambda i: hashlib.sha256(i.encode()).hexdigest())[:3]
    assert available == 8


def test_the_choice_knows_no_result(job: Path):
    before = [question.id for question in chosen_answers(load_job(job), limit=8)[0]]
    scores = pd.read_parquet(job / "scores.parquet")
    scores["score"] = -scores["score"]
    scores.to_parquet(job / "scores.parquet", index=False)
    rewrite(job, lambda row: row | {"text": "other"})
    assert [question.id for question in chosen_answers(load_job(job), limit=8)[0]] == before


def test_the_gain_beside_an_answer_is_signed_by_direction(job: Path):
    [question] = chosen_answers(load_job(job), limit=1)[0]
    scores = pd.read_parquet(job / "scores.parquet")
    scores = scores[scores["question_id"] == question.id].set_index(["arm", "direction"])["score"]
    base = scores["base", "none"]
    gains = {answer.kind: answer.gain for answer in question.answers}
    assert gains["base"] is None
    assert float(gains["towards"] or 0) == pytest.approx(scores["edit", "towards"] - base, abs=6e-4)
    assert float(gains["away"] or 0) == pytest.approx(base - scores["edit", "away"], abs=6e-4)
    assert float(gains["prompt"] or 0) == pytest.approx(scores["prompt", "towards"] - base, abs=6e-4)


def test_answers_at_other_doses_values_and_splits_are_left_out(job: Path):
    rewrite(job, lambda row: row | {"strength": 3.0} if row["question_id"] == "q000" else row)
    rewrite(job, lambda row: row | {"value": "conservation"} if row["question_id"] == "q001" else row)
    rewrite(job, lambda row: row | {"split": "dev"} if row["question_id"] == "q002" else row)
    shown, available = chosen_answers(load_job(job), limit=8)
    assert available == len(shown) == 5
    assert {"q000", "q001", "q002"}.isdisjoint(question.id for question in shown)


def test_an_arm_without_answers_is_told_and_a_single_gap_is_none(job: Path):
    rewrite(job, lambda row: None if row["arm"] == "random_matched" else row)
    rewrite(job, lambda row: None if row["arm"] == "prompt" and row["question_id"] == "q007" else row)
    loaded = load_job(job)
    assert missing_answers(loaded) == ("random neurons",)
    [question] = [q for q in chosen_answers(loaded, limit=8)[0] if q.id == "q007"]
    assert [answer.kind for answer in question.answers] == ["base", "towards", "away", "prompt"]
    assert question.answers[3].text is None


def test_no_file_no_answers(job_maker: Callable[..., Path]):
    assert chosen_answers(load_job(job_maker(missing=["responses.jsonl"])), limit=3) == ((), 0)


def test_answers_without_scores_have_no_gain(job_maker: Callable[..., Path]):
    [question] = chosen_answers(load_job(job_maker(missing=["scores.parquet"])), limit=1)[0]
    assert {answer.gain for answer in question.answers} == {None}
