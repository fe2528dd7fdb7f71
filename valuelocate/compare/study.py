"""The table of a study: one row a job, with what was chosen, what was found and what it cost."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from valuelocate.compare.claims import ALPHA, holm
from valuelocate.errors import UserError
from valuelocate.store import write_atomically

logger = logging.getLogger(__name__)

CHOICES = ("value", "model", "locate", "select", "intervene", "scope", "dataset", "seed", "strength_asked")
"""What may differ between the jobs of a study."""

_RESULT_KEYS = {"value": "target", "model": "model", "locate": "locator", "intervene": "intervention"}
"""Where a result names a choice that the command line left at its default."""

_SEVERAL_A_FILE = ("scope", "select")
"""Groups whose components share a module, so that their classes tell them apart."""

_NUMBERS = (
    "estimate",
    "ci_low",
    "ci_high",
    "gain",
    "n",
    "random_mean",
    "random_sd",
    "n_draws",
    "p_rank",
    "prompt_estimate",
    "specificity",
    "specificity_ci_low",
    "specificity_ci_high",
    "fluency",
    "strength",
)
_OUTCOME = (*_NUMBERS, "p_holm", "verdict", "verdict_in_study", "reasons")
_COSTS = ("seconds", "forwards", "backwards", "tokens", "peak_memory_mb")

TEXT_COLUMNS = (
    *("job", "status", "error", "overrides", "value_name", "metric"),
    *(choice for choice in CHOICES if choice != "seed"),
    *(f"{prefix}{name}" for prefix in ("", "away_") for name in ("verdict", "verdict_in_study", "reasons")),
)
COLUMNS = (
    *("job", "status", "error", "attempt", "overrides", *CHOICES, "value_name", "metric", "level"),
    *_OUTCOME,
    *(f"away_{name}" for name in _OUTCOME),
    *("judge_valid", "judge_auroc", "k_effective", "n_in_scope", *_COSTS),
)


def write_study(study_folder: Path) -> Path:
    """Write study.parquet, one row a job folder, and return its path.

    The rank p of each direction is corrected for the number of jobs by Holm's rule (`p_holm`); a job that
    moved its value on its own but not after the correction has `verdict_in_study` not_moved. Jobs whose
    method is random_matched claim nothing and are left out of the count.

    Args:
        study_folder: outputs/STUDY.

    Raises:
        UserError: the folder has no jobs, or the table cannot be written.
    """
    study_folder = Path(study_folder)
    frame = study_frame(study_folder)
    path = study_folder / "study.parquet"
    write_atomically(path, lambda temporary: frame.to_parquet(temporary, index=False))
    return path


def study_frame(study_folder: Path) -> pd.DataFrame:
    """Return the table of a study (see `write_study`); numbers that a job does not have are NaN."""
    folders = job_folders(study_folder)
    if not folders:
        raise UserError(f"{study_folder} holds no jobs; run some with study={study_folder.name} first")
    frame = pd.DataFrame([_job_row(folder) for folder in folders]).reindex(columns=list(COLUMNS))
    for column in COLUMNS:
        if column in TEXT_COLUMNS:
            frame[column] = frame[column].astype("string")
        elif column == "judge_valid":
            frame[column] = frame[column].astype("boolean")
        else:
            frame[column] = pd.to_numeric(frame[column], errors="coerce").astype("float64")
    for prefix in ("", "away_"):
        _correct(frame, prefix)
    return frame


def job_folders(study_folder: Path) -> list[Path]:
    """Return the folders of a study's jobs by name: those with a status or a config."""
    if not study_folder.is_dir():
        return []
    folders = [path for path in study_folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(f for f in folders if any((f / name).is_file() for name in ("status.json", "config.yaml")))


def _correct(frame: pd.DataFrame, prefix: str) -> None:
    claims = (frame["status"] == "done") & (frame["locate"] != "random_matched").fillna(True)
    frame[f"{prefix}p_holm"] = holm(frame[f"{prefix}p_rank"].where(claims).tolist())
    verdict = frame[f"{prefix}verdict"]
    lost = (verdict == "moved").fillna(False) & claims & ~(frame[f"{prefix}p_holm"] <= ALPHA)
    frame[f"{prefix}verdict_in_study"] = verdict.mask(lost, "not_moved")


def _job_row(folder: Path) -> dict[str, Any]:
    row: dict[str, Any] = {"job": folder.name, "status": "unreadable"}
    try:
        status, config = _json(folder / "status.json"), _yaml(folder / "config.yaml")
        result = _json(folder / "result.json") if status.get("state") == "done" else {}
        manifest = _json(folder / "manifest.json")
    except (OSError, ValueError, yaml.YAMLError) as error:
        # One broken folder must not take the comparison of the others with it; the row says what is wrong.
        logger.warning("%s cannot be read: %s", folder, error)
        return row | {"error": str(error)}
    overrides = [str(override) for override in status.get("overrides") or ()]
    row |= {
        "status": status.get("state") or "unknown",
        "error": status.get("error"),
        "attempt": status.get("attempt"),
        "overrides": " ".join(overrides),
    }
    row |= {choice: _choice(choice, overrides, result, config) for choice in CHOICES}
    row["strength_asked"] = _text(_table(config, "intervene").get("strength"))
    row["seed"] = config.get("seed")
    return row | _found(result, config) | _cost(manifest)


def _found(result: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        key: result.get(key) for key in ("value_name", "metric", "k_effective", "n_in_scope")
    }
    row["level"] = result.get("level") or _table(config, "compare").get("level")
    for part in (result, result.get("away")):
        if isinstance(part, Mapping) and part:
            prefix = "away_" if part.get("direction") == "away" else ""
            row |= {f"{prefix}{name}": part.get(name) for name in (*_NUMBERS, "verdict")}
            row[f"{prefix}reasons"] = "; ".join(str(reason) for reason in part.get("reasons") or ())
    judge = _table(result, "judge")
    row["judge_valid"] = judge.get("valid")
    row["judge_auroc"] = judge.get("auroc_primed")
    return row


def _cost(manifest: Mapping[str, Any]) -> dict[str, Any]:
    stages = [stage for stage in _table(manifest, "stages").values() if isinstance(stage, Mapping)]
    cost: dict[str, Any] = {}
    for key in _COSTS:
        known = [stage[key] for stage in stages if isinstance(stage.get(key), int | float)]
        if known:
            cost[key] = max(known) if key == "peak_memory_mb" else sum(known)
    return cost


def _choice(
    group: str, overrides: list[str], result: Mapping[str, Any], config: Mapping[str, Any]
) -> str | None:
    """Return what was chosen: as the command line named it, as the result does, or as the config tells."""
    if group == "value":
        # The full id, where the command line may hold a short name.
        return _text(result.get("target") or config.get("value"))
    for override in reversed(overrides):
        key, equals, chosen = override.lstrip("+").partition("=")
        if equals and key == group:
            return chosen
    return _text(result.get(_RESULT_KEYS.get(group, ""))) or _component_name(group, config.get(group))


def _component_name(group: str, node: Any) -> str | None:
    if not isinstance(node, Mapping):
        return _text(node)
    for key in ("name", "id"):
        if node.get(key):
            return str(node[key])
    words = str(node.get("_target_", "")).split(".")
    if len(words) < 2:
        return None
    if group not in _SEVERAL_A_FILE:
        # One file a component: valuelocate.locate.mean_diff.MeanDiff is mean_diff.
        return words[-2]
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words[-1]).lower().removesuffix("_selection")
    settings = [_text(value) for key, value in node.items() if key != "_target_"]
    return " ".join([name, *(setting for setting in settings if setting)])


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def _table(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = node.get(key)
    return found if isinstance(found, Mapping) else {}


def _json(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds a {type(content).__name__}; expected a JSON object")
    return content


def _yaml(path: Path) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds a {type(content).__name__}; expected a mapping")
    return content
