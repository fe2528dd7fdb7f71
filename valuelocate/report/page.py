"""The page of one job: report.html."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from valuelocate.compare.claims import ALPHA
from valuelocate.evaluate.judge import LEAST_AUROC
from valuelocate.neurons import NeuronSet
from valuelocate.report.answers import chosen_answers, missing_answers
from valuelocate.report.artifacts import Job, at_strength, load_job
from valuelocate.report.draw_gains import arms_measured
from valuelocate.report.draw_neurons import POLES
from valuelocate.report.figures import figures_of
from valuelocate.report.html import write_html
from valuelocate.report.labels import ARMS, arm_name, arm_order, measure
from valuelocate.report.numbers import MISSING, number
from valuelocate.report.settings import ReportSettings
from valuelocate.report.verdict import NO_DRAWS, NOT_RUN, findings, summary_rows
from valuelocate.values import Theory

_SECTIONS = (
    ("result", "Result"),
    ("controls", "Controls"),
    ("dose", "Dose"),
    ("specificity", "Specificity"),
    ("neurons", "Neurons"),
    ("answers", "Answers"),
    ("judge", "Judge"),
    ("provenance", "Provenance"),
)


_AUROCS = (
    ("auroc_dev", "written for each pole, dev questions"),
    ("auroc_primed", "by the unedited model under descriptions of each pole"),
)


def write_page(folder: Path, theory: Theory, settings: ReportSettings) -> Path:
    """Write a finished job's report.html and return its path.

    Args:
        folder: outputs/STUDY/JOB, with result.json and metrics.parquet; the page says what else is missing.
        theory: names and orders the other values.
        settings: how much is shown.

    Raises:
        UserError: result.json or metrics.parquet is missing, a file cannot be read, or the page not written.
    """
    job = load_job(folder)
    figures = figures_of(job, theory, settings)
    return write_html(job.folder / "report.html", "job.html.j2", figures, **_context(job, theory, settings))


def _context(job: Job, theory: Theory, settings: ReportSettings) -> dict[str, Any]:
    questions, n_questions = chosen_answers(job, limit=settings.questions)
    level = job.level
    covered = f"{100 * level:g} % interval" if level else "interval"
    known = {arm.partition(":")[0] for arm in arms_measured(job)}
    return {
        "job": job,
        "sections": _SECTIONS,
        "subtitle": _subtitle(job.result),
        "leaks": job.result.get("leaks") or (),
        "findings": findings(job.result, level=level),
        "summary": summary_rows(job.result, level=level),
        "absent": (MISSING, NOT_RUN, NO_DRAWS),
        "measure": measure(job.metric),
        "alpha": ALPHA,
        "covered": f"{covered}s",
        "covered_head": covered,
        "not_run": [name for arm, name in ARMS.items() if arm != "base" and arm not in known],
        "circular": theory.geometry == "circle",
        "draws": any(number((job.outcome(direction) or {}).get("n_draws")) for direction in job.directions),
        "neurons": job.neurons,
        "top": _top(job.neurons, settings.top_neurons),
        "questions": questions,
        "n_questions": n_questions,
        "missing_answers": missing_answers(job),
        "judge": _judge(job),
        "stages": _stages(job.manifest),
        "provenance": _provenance(job.manifest),
        "measures": _measures(job),
    }


def _subtitle(result: Mapping[str, Any]) -> str:
    parts = (("model", "in the model {}"), ("locator", "located by {}"), ("intervention", "edited by {}"))
    return ", ".join(words.format(result[key]) for key, words in parts if result.get(key))


def _top(neurons: NeuronSet | None, limit: int) -> list[tuple[str, list[dict[str, Any]]]]:
    if neurons is None or limit == 0:
        return []
    return [(name, _strongest(neurons.of_pole(pole), limit)) for pole, (name, _) in POLES.items()]


def _strongest(neurons: NeuronSet, limit: int) -> list[dict[str, Any]]:
    columns = ("score", "p_pos", "p_neg", "delta")
    held = {name: neurons.columns[name].tolist() for name in columns if name in neurons.columns}
    frame = pd.DataFrame({"layer": neurons.layer.tolist(), "neuron": neurons.neuron.tolist(), **held})
    frame = frame.reindex(columns=["layer", "neuron", *columns])
    frame["size"] = frame["score"].abs()
    ordered = frame.sort_values(["size", "layer", "neuron"], ascending=[False, True, True])
    return ordered.head(limit).to_dict("records")


def _judge(job: Job) -> dict[str, Any] | None:
    judge = job.result.get("judge")
    if not isinstance(judge, Mapping):
        return None
    rows = [
        {**row, "arm": arm_name(row["arm"])}
        for direction in job.directions
        for row in _by_arm(job.at_dose(direction, metric="judge/score", scored_value=job.target))
    ]
    return {
        "valid": bool(judge.get("valid")),
        "least": LEAST_AUROC,
        "rows": rows,
        "aurocs": [_auroc(judge, key, words) for key, words in _AUROCS],
    }


def _auroc(judge: Mapping[str, Any], key: str, words: str) -> dict[str, Any]:
    bounds = judge.get(f"{key}_ci") or (None, None)
    return {"words": words, "estimate": judge.get(key), "bounds": bounds, "n": judge.get(f"{key}_n")}


def _by_arm(rows: pd.DataFrame) -> list[dict[str, Any]]:
    return sorted(rows.to_dict("records"), key=lambda row: (arm_order(row["arm"]), row["draw"]))


def _stages(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = ("seconds", "forwards", "backwards", "tokens", "tokens_per_second", "peak_memory_mb")
    stages = manifest.get("stages")
    if not isinstance(stages, Mapping):
        return []
    return [{"name": name, **{key: cost.get(key) for key in keys}} for name, cost in stages.items()]


def _provenance(manifest: Mapping[str, Any]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the manifest as headed lists: its tables by name, its single facts together."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    single: list[tuple[str, str]] = []
    for name, content in manifest.items():
        if name == "stages":
            continue
        heading = name.replace("_", " ").capitalize()
        if isinstance(content, Mapping | list):
            groups.append((heading, list(_facts(content))))
        else:
            single.append((name.replace("_", " "), _fact(content)))
    return ([("Run", single)] if single else []) + groups


def _facts(content: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    items = content.items() if isinstance(content, Mapping) else enumerate(content, start=1)
    for name, value in items:
        label = f"{prefix}{name}".replace("_", " ")
        if isinstance(value, Mapping | list) and value:
            yield from _facts(value, f"{label}, ")
        else:
            yield label, _fact(value)


def _fact(value: Any) -> str:
    if value is None or value == [] or value == {}:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _measures(job: Job) -> list[dict[str, Any]]:
    """Return the rows of metrics.parquet at the chosen doses, without the single random draws."""
    metrics = job.metrics[job.metrics["draw"] < 0]
    parts = [metrics[metrics["direction"] == "none"]]
    parts += [at_strength(metrics[metrics["direction"] == way], job.dose(way)) for way in job.directions]
    return [{**row, "arm": arm_name(row["arm"])} for part in parts for row in _by_arm(part)]
