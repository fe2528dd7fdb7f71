"""A fabricated job folder, shaped like a real one, with switches for what may be missing in one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

from valuelocate.neurons import NeuronSet
from valuelocate.values import Theory, load_theory

LAYERS, WIDTH, SELECTED = 8, 192, 48
STRENGTHS = (0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
DOSES = {"towards": 2.0, "away": 1.5}
SLOPES = {"edit": 0.16, "edit:add": 0.12, "edit:clamp": 0.05, "shuffled_label": 0.01, "other_value": -0.03}
VALUES = {
    "openness_to_change": 1.0,
    "self_enhancement": 0.15,
    "self_transcendence": 0.1,
    "conservation": -0.55,
}
TARGET = "openness_to_change"
THEORY = load_theory()
BASE_TEXT = "I would stay where I am for now. The job is steady, and I know the people I work with."
TEXTS = {
    "base": BASE_TEXT,
    "towards": "Go and see what else is out there! A new place teaches you things that no plan can, "
    "and you can always come back later if it is not for you.",
    "away": "Keep the job. What you have has held for years, and a change would cost more than it brings.",
    "prompt": "I would take the new job. I like finding my own way, and never regretted it.",
    "random": "I would stay for now, I think. The job is steady and the people are kind.",
}
SUBJECTS = (
    "An old friend offers you a job in another city. Do you take it?",
    "Your evening class is full; the only free one is pottery, which you have never tried. What do you do?",
    "The family always spends the holiday at the lake. This year somebody proposes the hills. What now?",
    "A recipe asks for a spice that nobody at home knows. Do you look for it or leave it out?",
    "Your phone works well, but the new one can do more. Do you change?",
    "You find a shorter way home through streets you do not know. Do you try it tonight?",
    "The committee wants to keep the old form of the fair. How do you vote, and why?",
    "A stranger on the train asks you to play a board game. Do you join?",
)


def make_job(
    folder: Path,
    *,
    seed: int = 0,
    size: float = 1.0,
    locator: str = "valuelocate",
    target: str = TARGET,
    draws: int = 19,
    away: bool = True,
    judge: bool = True,
    hostile: str = "",
    missing: Iterable[str] = (),
) -> Path:
    """Write the artifacts of a job that moved its value by about 0.3 * size.

    Args:
        hostile: put into every text.
        missing: files left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    directions = ("towards", "away") if away else ("towards",)
    metrics = _metrics(random, size, draws, directions, judge, folder.name)
    result = _result(metrics, directions, draws, judge, locator, hostile)
    metrics["target"] = target
    metrics["scored_value"] = metrics["scored_value"].replace({TARGET: target, target: TARGET})
    result["target"] = target
    result["value_name"] = THEORY.value(target).name + hostile
    ranking = _ranking(random)
    _neurons(ranking, locator, target).save(folder / "neurons.safetensors")
    ranking.to_parquet(folder / "ranking.parquet", index=False)
    metrics.to_parquet(folder / "metrics.parquet", index=False)
    _scores(random, directions, folder.name, target).to_parquet(folder / "scores.parquet", index=False)
    lines = [json.dumps(row) for row in _responses(directions, target, hostile, draws)]
    (folder / "responses.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    (folder / "config.yaml").write_text(yaml.safe_dump(_config(locator, target, hostile)), encoding="utf-8")
    (folder / "manifest.json").write_text(json.dumps(_manifest(hostile)), encoding="utf-8")
    (folder / "status.json").write_text(
        json.dumps({"state": "done", "error": None, "attempt": 1}), encoding="utf-8"
    )
    for name in missing:
        (folder / name).unlink()
    return folder


@pytest.fixture(scope="session")
def theory() -> Theory:
    """The shipped theory."""
    return THEORY


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """A complete job."""
    return make_job(tmp_path / "study" / "tiny-openness-valuelocate-0a1b2c3d")


@pytest.fixture
def job_maker(tmp_path: Path) -> Callable[..., Path]:
    """Make a job with switches."""
    return lambda name="job", **switches: make_job(tmp_path / "study" / name, **switches)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A study of three methods on two values with a failed job."""
    return make_study(tmp_path / "many")


def make_study(folder: Path) -> Path:
    """Write a study: three methods on two values, one of them failed."""
    sizes = {"valuelocate": 1.0, "mean_diff": 0.6, "random_matched": 0.0}
    for number, (locator, size) in enumerate(sizes.items()):
        for target in (TARGET, "conservation"):
            name = f"tiny-{target}-{locator}-{number}"
            make_job(folder / name, seed=number, size=size, locator=locator, target=target, draws=99)
    failed = make_job(
        folder / "tiny-openness_to_change-paired_t-9",
        locator="paired_t",
        missing=("result.json", "metrics.parquet", "scores.parquet"),
    )
    status = {"state": "failed", "error": "locate.batch_size=0: expected at least 1", "attempt": 2}
    (failed / "status.json").write_text(json.dumps(status), encoding="utf-8")
    return folder


def _row(job: str, arm: str, estimate: float, half: float, **other: object) -> dict[str, object]:
    return {
        "job": job,
        "target": TARGET,
        "scored_value": TARGET,
        "arm": arm,
        "draw": -1,
        "direction": "none",
        "strength": 0.0,
        "evaluator": "preference",
        "metric": "t2",
        "quantity": "gain",
        "estimate": estimate,
        "ci_low": estimate - half,
        "ci_high": estimate + half,
        "n": 60,
        "unit": "nats per token",
        "interval_method": "bootstrap over families",
        "split": "eval",
        "locator": "valuelocate",
        "k": SELECTED,
        "k_effective": SELECTED,
        "score_site": "gate_act",
        "edit_site": "mid",
        "valid": True,
        **other,
    }


def _saturating(strength: float) -> float:
    return float(2.2 * np.tanh(strength / 2.2) - 0.05 * max(0.0, strength - 2.5) ** 2)


def _metrics(
    random: np.random.Generator, size: float, draws: int, directions: tuple[str, ...], judge: bool, job: str
) -> pd.DataFrame:
    rows = [_row(job, "base", 0.21, 0.06, quantity="score")]
    for direction in directions:
        rows += _direction_rows(
            random, size * (1.0 if direction == "towards" else 0.7), draws, direction, judge, job
        )
    return pd.DataFrame(rows)


def _direction_rows(
    random: np.random.Generator, size: float, draws: int, direction: str, judge: bool, job: str
) -> list[dict[str, object]]:
    rows, dose = [], DOSES[direction]
    sign = 1 if direction == "towards" else -1
    for strength in STRENGTHS:
        at = {"direction": direction, "strength": strength}
        for metric, unit, scale in (("t2", "nats per token", 1.0), ("t1", "logits", 2.4)):
            gain = scale * size * SLOPES["edit"] * _saturating(strength) + random.normal(0, 0.006)
            rows.append(_row(job, "edit", gain, 0.055 * scale, metric=metric, unit=unit, **at))
        fluency = 1 - 0.012 * strength**2.4
        rows.append(
            _row(
                job,
                "edit",
                fluency,
                0.02,
                evaluator="fluency",
                metric="score",
                quantity="score",
                split="dev",
                n=24,
                unit="ratio",
                **at,
            )
        )
    at = {"direction": direction, "strength": dose}
    for value, share in VALUES.items():
        if value != TARGET:
            gain = share * size * 0.3 + random.normal(0, 0.01)
            rows.append(_row(job, "edit", gain, 0.05, scored_value=value, **at))
    for arm in ("edit:add", "edit:clamp", "shuffled_label", "other_value"):
        rows.append(_row(job, arm, size * SLOPES[arm] * dose, 0.05, **at))
    rows.append(_row(job, "prompt", 0.62 if sign > 0 else 0.48, 0.09, direction=direction, strength=1.0))
    for draw in range(draws):
        rows.append(_row(job, "random_matched", random.normal(0, 0.03), 0.04, draw=draw, **at))
    if judge:
        for arm, gain in (("edit", 0.12 * size), ("prompt", 0.3)):
            kind = {"evaluator": "judge", "metric": "score", "unit": "probability", "n": 58}
            rows.append(
                _row(
                    job,
                    arm,
                    gain,
                    0.06,
                    **(at if arm == "edit" else {"direction": direction, "strength": 1.0}),
                    **kind,
                )
            )
    return rows


def _result(
    metrics: pd.DataFrame,
    directions: tuple[str, ...],
    draws: int,
    judge: bool,
    locator: str,
    hostile: str,
) -> dict[str, object]:
    parts = {direction: _part(metrics, direction, draws) for direction in directions}
    found = {
        "valid": True,
        "auroc_dev": 0.86,
        "auroc_primed": 0.79,
        "auroc_dev_ci": [0.8, 0.91],
        "auroc_dev_n": 120,
        "auroc_primed_ci": [0.7, 0.87],
        "auroc_primed_n": 116,
    }
    return {
        "target": TARGET,
        "value_name": "Openness to Change",
        **parts["towards"],
        "away": parts.get("away"),
        "judge": found if judge else None,
        "locator": locator,
        "intervention": "valuelocate",
        "model": f"tiny{hostile}",
        "k_effective": SELECTED,
        "n_in_scope": LAYERS * WIDTH,
        "leaks": [],
    }


def _part(metrics: pd.DataFrame, direction: str, draws: int) -> dict[str, object]:
    dose = DOSES[direction]
    rows = metrics[
        (metrics["direction"] == direction)
        & (metrics["metric"] == "t2")
        & (metrics["scored_value"] == TARGET)
    ]
    gain = float(rows[(rows["arm"] == "edit") & (rows["strength"] == dose)]["estimate"].iloc[0])
    drawn = rows[rows["arm"] == "random_matched"]["estimate"]
    mean = float(drawn.mean()) if draws else None
    estimate = gain - mean if mean is not None else None
    p_rank = (1 + int((drawn >= gain).sum())) / (draws + 1) if draws else None
    moved = p_rank is not None and p_rank <= 0.05 and estimate is not None and estimate > 0.06
    ranked = f"{p_rank:.3f} is the rank among {draws} random draws; at most 0.05 is needed" if draws else ""
    reasons = [] if moved else [ranked]
    return {
        "metric": "preference/t2",
        "direction": direction,
        "estimate": estimate,
        "ci_low": estimate - 0.06 if estimate is not None else None,
        "ci_high": estimate + 0.06 if estimate is not None else None,
        "gain": gain,
        "n": 60,
        "random_mean": mean,
        "random_sd": float(drawn.std()) if draws else None,
        "n_draws": draws,
        "p_rank": p_rank,
        "prompt_estimate": 0.62 if direction == "towards" else 0.48,
        "specificity": 0.21,
        "specificity_ci_low": 0.12,
        "specificity_ci_high": 0.3,
        "fluency": 0.94,
        "strength": dose,
        "verdict": "moved" if moved else "not_moved",
        "reasons": reasons if draws else ["no random draws were made"],
    }


def _ranking(random: np.random.Generator) -> pd.DataFrame:
    count = LAYERS * WIDTH
    score = random.laplace(0, 0.03, count)
    p_neg = np.clip(random.beta(2, 4, count), 0, 1)
    frame = pd.DataFrame(
        {
            "layer": np.repeat(np.arange(LAYERS), WIDTH),
            "neuron": np.tile(np.arange(WIDTH), LAYERS),
            "score": score,
            "p_neg": p_neg,
            "p_pos": np.clip(p_neg + score, 0, 1),
        }
    )
    frame["delta"] = frame["p_pos"] - frame["p_neg"]
    frame["rank"] = frame["score"].rank(ascending=False).astype(int)
    return frame


def _neurons(ranking: pd.DataFrame, locator: str, target: str) -> NeuronSet:
    ordered = ranking.sort_values("score")
    chosen = pd.concat([ordered.tail(SELECTED // 2)[::-1], ordered.head(SELECTED // 2)])
    column = {
        name: torch.tensor(chosen[name].to_numpy(copy=True)) for name in ("score", "delta", "p_pos", "p_neg")
    }
    column |= {name: column["delta"] * 0.6 for name in ("shift_mid", "shift_gate_act")}
    return NeuronSet(
        layer=torch.tensor(chosen["layer"].to_numpy(copy=True)),
        neuron=torch.tensor(chosen["neuron"].to_numpy(copy=True)),
        pole=torch.tensor([1] * (SELECTED // 2) + [-1] * (SELECTED // 2)),
        columns=column,
        n_layers=LAYERS,
        width=WIDTH,
        locator=locator,
        value=target,
        score_site="gate_act",
        fingerprint="f" * 64,
        data_hash="d" * 64,
        k_requested=SELECTED,
    )


def _arms(directions: tuple[str, ...], draws: int) -> list[tuple[str, str, float, int, str]]:
    arms = [("base", "none", 0.0, -1, "base")]
    for direction in directions:
        arms.append(("edit", direction, DOSES[direction], -1, direction))
        arms.append(("prompt", direction, 1.0, -1, "prompt"))
        if draws:
            arms.append(("random_matched", direction, DOSES[direction], 0, "random"))
    return arms


def _scores(random: np.random.Generator, directions: tuple[str, ...], job: str, target: str) -> pd.DataFrame:
    rows = []
    for number in range(len(SUBJECTS)):
        for arm, direction, strength, draw, _ in _arms(directions, 1):
            sign = {"towards": 1, "away": -1, "none": 0}[direction]
            shift = {"edit": 0.3, "prompt": 0.6}.get(arm, 0.0) * sign
            rows.append(
                {
                    "job": job,
                    "target": target,
                    "scored_value": target,
                    "question_id": f"q{number:03d}",
                    "family": f"f{number:03d}",
                    "arm": arm,
                    "draw": draw,
                    "direction": direction,
                    "strength": strength,
                    "evaluator": "preference",
                    "metric": "t2",
                    "score": 0.2 + shift + random.normal(0, 0.05),
                    "reason": None,
                }
            )
    return pd.DataFrame(rows)


def _responses(directions: tuple[str, ...], target: str, hostile: str, draws: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"q{number:03d}-{arm}-{direction}",
            "question_id": f"q{number:03d}",
            "value": target,
            "question": question + hostile,
            "arm": arm,
            "draw": draw,
            "direction": direction,
            "strength": strength,
            "text": TEXTS[kind] + hostile,
        }
        for number, question in enumerate(SUBJECTS)
        for arm, direction, strength, draw, kind in _arms(directions, draws)
    ]


def _config(locator: str, target: str, hostile: str) -> dict[str, object]:
    return {
        "task": "study",
        "value": target,
        "study": "study",
        "seed": 0,
        "model": {
            "_target_": "valuelocate.model.loading.ModelSource",
            "name": f"tiny{hostile}",
            "path": "package:tiny",
        },
        "scope": {"_target_": "valuelocate.locate.scope.AllLayers"},
        "locate": {"_target_": f"valuelocate.locate.{locator}.Locator"},
        "intervene": {"_target_": "valuelocate.intervene.valuelocate.Edit", "strength": "dev"},
        "compare": {"draws": 19, "level": 0.95},
    }


def _manifest(hostile: str) -> dict[str, object]:
    stages = {
        name: {
            "seconds": seconds,
            "tokens": tokens,
            "tokens_per_second": tokens / seconds,
            "forwards": forwards,
            "backwards": 0,
            "peak_memory_mb": 812.0,
        }
        for name, seconds, tokens, forwards in (
            ("collect", 74.2, 96_000, 1_210),
            ("locate", 0.8, 1, 0),
            ("calibrate", 31.0, 20_000, 400),
            ("evaluate", 222.5, 310_000, 5_120),
        )
    }
    return {
        "versions": {
            "valuelocate": "0.1.0",
            "torch": "2.13.0",
            "transformers": f"5.23.0{hostile}",
            "python": "3.11.9",
        },
        "commit": "0123456789abcdef0123456789abcdef01234567",
        "hardware": {"machine": "x86_64", "cores": 2, "accelerator": None},
        "seeds": {"seed": 0, "draws": 19},
        "fingerprint": "f" * 64,
        "hashes": {"dataset": "d" * 64, "template": "e" * 64},
        "stages": stages,
    }
