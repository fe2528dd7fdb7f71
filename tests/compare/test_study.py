"""The table of a study, on job folders written by hand."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from valuelocate.compare.study import COLUMNS, job_folders, study_frame, write_study
from valuelocate.errors import UserError


def outcome(
    direction: str, p_rank: float | None, verdict: str = "moved", **other: object
) -> dict[str, object]:
    return {
        "metric": "preference/t2",
        "direction": direction,
        "estimate": 0.3,
        "ci_low": 0.2,
        "ci_high": 0.4,
        "gain": 0.31,
        "n": 60,
        "random_mean": 0.01,
        "random_sd": 0.02,
        "n_draws": 99,
        "p_rank": p_rank,
        "prompt_estimate": 0.6,
        "fluency": 0.95,
        "strength": 1.5,
        "verdict": verdict,
        "reasons": ["one", "two"],
        **other,
    }


def write_job(
    study: Path,
    name: str,
    *,
    state: str = "done",
    locator: str = "mean_diff",
    p_rank: float | None = 0.01,
    overrides: tuple[str, ...] = (),
    **other: object,
) -> Path:
    folder = study / name
    folder.mkdir(parents=True)
    status = {"state": state, "error": None, "attempt": 1, "overrides": overrides}
    (folder / "status.json").write_text(json.dumps(status | other), encoding="utf-8")
    config = {
        "value": "openness_to_change",
        "seed": 3,
        "model": {"_target_": "valuelocate.model.loading.ModelSource", "name": "tiny"},
        "locate": {"_target_": f"valuelocate.locate.{locator}.Locator"},
        "select": {"_target_": "valuelocate.locate.selection.ShareSelection", "share": 0.01},
        "scope": {"_target_": "valuelocate.locate.scope.AllLayers"},
        "intervene": {"_target_": "valuelocate.intervene.shift.ShiftIntervention", "strength": "dev"},
        "compare": {"level": 0.95},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    if state == "done":
        result = {
            "target": "openness_to_change",
            "value_name": "Openness to Change",
            **outcome("towards", p_rank),
            "away": outcome("away", 0.5, "not_moved"),
            "judge": {"valid": False, "auroc_primed": 0.6},
            "locator": locator,
            "model": "tiny",
            "intervention": "shift",
        }
        (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
        stages = {
            "collect": {"seconds": 10.0, "forwards": 100, "peak_memory_mb": 500.0},
            "evaluate": {"seconds": 20.5, "forwards": 300, "peak_memory_mb": 700.0},
        }
        (folder / "manifest.json").write_text(json.dumps({"stages": stages}), encoding="utf-8")
    return folder


def test_one_row_a_job_with_result_choices_and_cost(tmp_path: Path):
    write_job(tmp_path / "s", "a", overrides=("locate=mean_diff", "intervene.positions=all"))
    frame = pd.read_parquet(write_study(tmp_path / "s"))
    assert list(frame.columns) == list(COLUMNS)
    [row] = frame.to_dict("records")
    expected = {
        "job": "a",
        "status": "done",
        "value": "openness_to_change",
        "model": "tiny",
        "locate": "mean_diff",
        "select": "share 0.01",
        "scope": "all_layers",
        "intervene": "shift",
        "strength_asked": "dev",
        "seed": 3,
        "estimate": 0.3,
        "away_estimate": 0.3,
        "away_verdict": "not_moved",
        "reasons": "one; two",
        "strength": 1.5,
        "level": 0.95,
        "seconds": 30.5,
        "forwards": 400,
        "peak_memory_mb": 700.0,
        "judge_valid": False,
        "judge_auroc": 0.6,
        "overrides": "locate=mean_diff intervene.positions=all",
    }
    assert {key: row[key] for key in expected} == expected
    assert np.isnan(row["specificity"]) and np.isnan(row["backwards"])


def test_failed_and_running_jobs_have_no_numbers(tmp_path: Path):
    write_job(
        tmp_path, "bad", state="failed", error="boom", overrides=("locate=paired_t",), locator="paired_t"
    )
    write_job(tmp_path, "busy", state="running")
    frame = study_frame(tmp_path).set_index("job")
    assert frame.loc["bad", ["status", "error", "locate", "value"]].tolist() == [
        "failed",
        "boom",
        "paired_t",
        "openness_to_change",
    ]
    assert frame.loc["busy", "locate"] == "mean_diff"
    assert frame[["estimate", "p_holm", "seconds", "away_gain"]].isna().all(axis=None)
    assert frame["verdict"].isna().all()


def test_a_stale_result_of_a_failed_job_is_not_shown(tmp_path: Path):
    folder = write_job(tmp_path, "a")
    (folder / "status.json").write_text(json.dumps({"state": "failed", "error": "boom"}), encoding="utf-8")
    assert study_frame(tmp_path)["estimate"].isna().all()


def test_a_verdict_that_does_not_survive_the_correction_is_taken_back(tmp_path: Path):
    for name, p_rank in (("a", 0.01), ("b", 0.04), ("c", 0.045)):
        write_job(tmp_path, name, p_rank=p_rank)
    write_job(tmp_path, "control", p_rank=0.9, locator="random_matched")
    frame = study_frame(tmp_path).set_index("job")
    assert frame["verdict"].tolist() == ["moved"] * 4
    assert frame["verdict_in_study"].tolist() == ["moved", "not_moved", "not_moved", "moved"]
    np.testing.assert_allclose(frame["p_holm"], [0.03, 0.08, 0.08, np.nan])
    assert frame["away_verdict_in_study"].tolist() == ["not_moved"] * 4


def test_a_single_job_is_not_corrected(tmp_path: Path):
    write_job(tmp_path, "a", p_rank=0.05)
    [row] = study_frame(tmp_path).to_dict("records")
    assert (row["p_holm"], row["verdict_in_study"]) == (0.05, "moved")


def test_a_broken_job_is_a_row_and_a_warning(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_job(tmp_path, "good")
    folder = write_job(tmp_path, "torn")
    (folder / "result.json").write_text("{", encoding="utf-8")
    with caplog.at_level(logging.WARNING):
        frame = study_frame(tmp_path).set_index("job")
    assert frame.loc["torn", "status"] == "unreadable"
    assert frame.loc["good", "status"] == "done"
    assert "torn" in caplog.text


def test_folders_that_are_no_jobs_are_left_out(tmp_path: Path):
    write_job(tmp_path, "a")
    (tmp_path / ".sweep").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "compare.html").write_text("", encoding="utf-8")
    assert [folder.name for folder in job_folders(tmp_path)] == ["a"]


def test_a_study_without_jobs_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="holds no jobs"):
        write_study(tmp_path)
    with pytest.raises(UserError, match="holds no jobs"):
        write_study(tmp_path / "nowhere")


def test_a_job_without_draws_or_away_has_missing_numbers(tmp_path: Path):
    folder = write_job(tmp_path, "a")
    result = json.loads((folder / "result.json").read_text(encoding="utf-8"))
    result |= {"away": None, "p_rank": None, "estimate": None, "judge": None, "verdict": "not_moved"}
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    [row] = study_frame(tmp_path).to_dict("records")
    assert all(pd.isna(row[key]) for key in ("away_estimate", "p_rank", "p_holm", "estimate", "judge_valid"))
    assert pd.isna(row["away_verdict_in_study"])
    assert row["gain"] == 0.31
