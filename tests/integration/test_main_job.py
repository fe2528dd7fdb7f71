"""The main job as a user runs it: one command on the embedded model, from nothing to a report."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from valuelocate.neurons import NeuronSet

ROOT = Path(__file__).parents[2]
CHEAP = [
    "evaluate.strengths=[1,2]",
    "evaluate.max_new_tokens=32",
    "compare.draws=5",
    "compare.resamples=200",
    "track=none",
]
ARTIFACTS = {
    "config.yaml",
    "status.json",
    "manifest.json",
    "ranking.parquet",
    "neurons.safetensors",
    "responses.jsonl",
    "scores.parquet",
    "metrics.parquet",
    "result.json",
    "report.html",
}


def command(folder: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """Run `python run.py` in a folder of its own."""
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *CHEAP, *overrides],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
    )


@pytest.fixture(scope="module")
def launch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the main job ran once."""
    folder = tmp_path_factory.mktemp("launch")
    done = command(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def job(launch: Path) -> Path:
    """The folder of that job."""
    [folder] = [path.parent for path in launch.glob("outputs/default/*/result.json")]
    return folder


def test_every_artifact_is_there_and_whole(job: Path) -> None:
    """The names of the design are what tools build on."""
    assert {path.name for path in job.iterdir()} >= ARTIFACTS
    assert json.loads((job / "status.json").read_text())["state"] == "done"
    assert {path.name for path in job.iterdir() if path.name.startswith(".")} <= {".lock"}


def test_result_names_both_directions_with_intervals_and_controls(job: Path) -> None:
    """No number without interval, n and control."""
    result = json.loads((job / "result.json").read_text())
    for part in (result, result["away"]):
        assert part["verdict"] in {"moved", "not_moved", "degenerate"}
        assert part["ci_low"] <= part["estimate"] <= part["ci_high"]
        assert part["n"] == 18
        assert part["n_draws"] == 5
        # Five draws cannot reach p = .05, whatever the effect.
        assert part["p_rank"] >= 1 / 6
        assert part["verdict"] != "moved"


def test_tables_hold_every_arm(job: Path) -> None:
    """Scores by question, metrics by arm, with the columns of the design."""
    metrics = pd.read_parquet(job / "metrics.parquet")
    scores = pd.read_parquet(job / "scores.parquet")
    arms = {
        "base",
        "edit",
        "edit:clamp",
        "edit:add",
        "random_matched",
        "shuffled_label",
        "other_value",
        "prompt",
    }
    assert set(metrics["arm"]) == arms
    assert set(scores["arm"]) == arms
    assert set(metrics["scored_value"]) == {
        "openness_to_change",
        "self_enhancement",
        "conservation",
        "self_transcendence",
    }
    assert scores.loc[scores["score"].isna(), "reason"].notna().all()
    assert set(metrics.loc[metrics["arm"] == "random_matched", "draw"]) == set(range(5))


def test_ranking_and_set_are_of_one_model_and_agree(job: Path) -> None:
    """The set is the two ends of the ranking."""
    ranking = pd.read_parquet(job / "ranking.parquet")
    neurons = NeuronSet.load(job / "neurons.safetensors")
    manifest = json.loads((job / "manifest.json").read_text())
    assert len(ranking) == neurons.n_layers * neurons.width
    assert neurons.fingerprint == manifest["fingerprint"]
    half = len(neurons) // 2
    ends = pd.concat([ranking.nlargest(half, "score"), ranking.nsmallest(half, "score")])
    assert set(zip(ends["layer"], ends["neuron"], strict=True)) == set(
        zip(neurons.layer.tolist(), neurons.neuron.tolist(), strict=True)
    )


def test_report_needs_no_network_and_tells_the_verdict(job: Path) -> None:
    """One file, nothing loaded from elsewhere."""
    page = (job / "report.html").read_text(encoding="utf-8")
    assert "Openness to Change" in page
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']https?:", page)


def test_a_repeated_command_skips_the_finished_job(launch: Path, job: Path) -> None:
    """Nothing is computed twice."""
    before = (job / "result.json").stat().st_mtime_ns
    again = command(launch)
    assert again.returncode == 0
    assert "done already" in again.stderr + again.stdout
    assert (job / "result.json").stat().st_mtime_ns == before


def test_a_deleted_job_comes_back_the_same_from_the_store(launch: Path, job: Path) -> None:
    """The same config gives the same artifacts; the store spares the passes over the model."""
    kept = {
        name: (job / name).read_bytes() for name in ("result.json", "responses.jsonl", "neurons.safetensors")
    }
    scores = pd.read_parquet(job / "scores.parquet")
    for path in job.iterdir():
        path.unlink()
    assert command(launch).returncode == 0
    assert {name: (job / name).read_bytes() for name in kept} == kept
    pd.testing.assert_frame_equal(pd.read_parquet(job / "scores.parquet"), scores)
    stages = json.loads((job / "manifest.json").read_text())["stages"]
    assert stages["collect"]["forwards"] == 0
    assert stages["evaluate"]["forwards"] == 0


@pytest.mark.slow
def test_a_sweep_goes_on_past_a_job_that_fails(tmp_path: Path) -> None:
    """One job has no model to load; the others finish, the failure is listed, the exit code tells."""
    done = command(tmp_path, "-m", "locate=valuelocate,mean_diff", "model.path=package:tiny,./nothing-here")
    assert done.returncode == 1
    study = pd.read_parquet(tmp_path / "outputs/default/study.parquet")
    assert sorted(study["status"]) == ["done", "done", "failed", "failed"]
    assert study.loc[study["status"] == "failed", "error"].str.contains("nothing-here").all()
    assert (tmp_path / "outputs/default/compare.html").is_file()


@pytest.mark.slow
def test_two_processes_give_the_job_of_one(launch: Path, job: Path, tmp_path: Path) -> None:
    """`trainer=ddp trainer.devices=2` on the CPU reads the same statistics."""
    done = command(tmp_path, "trainer=ddp", "trainer.devices=2")
    assert done.returncode == 0, done.stderr[-3000:]
    [other] = [path.parent for path in tmp_path.glob("outputs/default/*/result.json")]
    # Devices are no part of a job's identity.
    assert other.name == job.name
    left, right = (pd.read_parquet(folder / "ranking.parquet") for folder in (job, other))
    pd.testing.assert_frame_equal(left, right)


@pytest.mark.slow
@pytest.mark.parametrize(
    "overrides",
    [
        ["locate=mean_diff", "intervene=shift", "scope=late", "value=conservation"],
        ["locate=paired_t", "intervene=zero", "scope=list", "scope.layers=[0,2]", "value=self_enhancement"],
        [
            "locate=random_matched",
            "intervene=scale",
            "select=count",
            "select.count=40",
            "value=self_transcendence",
        ],
        ["collect=percentile", "intervene=npti", "evaluate=[judge,fluency,preference]"],
    ],
)
def test_other_choices_run_to_the_end(tmp_path: Path, overrides: list[str]) -> None:
    """Members of every group work together."""
    done = command(tmp_path, *overrides)
    assert done.returncode == 0, done.stderr[-3000:]
    [folder] = [path.parent for path in tmp_path.glob("outputs/default/*/result.json")]
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["value"] == json.loads((folder / "result.json").read_text())["target"]
