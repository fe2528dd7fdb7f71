"""Sweeps: the default one, what may not be swept, the record its jobs keep, and what is done at its end."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from hydra.core.override_parser.types import Override
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf

from valuelocate.console import complain, is_main_process, say, show, show_table, show_traceback
from valuelocate.errors import MistakesError, UserError
from valuelocate.jobs import Ended
from valuelocate.store import write_atomically, writing

_ONCE = ("study", "task", "experiment", "debug", "paths")
_OUTCOME = "outcome.json"


def default_sweep(overrides: Iterable[Override], composed: DictConfig) -> list[str]:
    """Return what -m sweeps over when nobody says: the methods of `compare.methods`.

    It belongs to the entry and never into the config, where it would multiply every other sweep. A command
    line that names a method keeps it.
    """
    overrides = list(overrides)
    told = any(override.is_sweep_override() or override.key_or_group == "locate" for override in overrides)
    if told or composed.task != "study" or OmegaConf.select(composed, "hydra.sweeper.params"):
        return []
    methods = OmegaConf.select(composed, "compare.methods") or []
    return [f"locate={','.join(methods)}"] if methods else []


def refuse_swept(overrides: Iterable[Override], composed: DictConfig) -> None:
    """Refuse sweeps over what the jobs of a study share, since their comparison is made from one folder.

    Raises:
        MistakesError: the keys that are swept and may not be.
    """
    swept = [override.key_or_group for override in overrides if override.is_sweep_override()]
    swept += list(OmegaConf.select(composed, "hydra.sweeper.params") or {})
    mistakes = [
        f"{key}: cannot be swept, for all jobs of a sweep share it"
        for key in swept
        if key.split(".")[0] in _ONCE
    ]
    raw = OmegaConf.to_container(composed, resolve=False)
    assert isinstance(raw, dict)
    if "${" in str(raw.get("study")):
        mistakes.append(
            f"study={raw['study']}: cannot follow other keys in a sweep, for all its jobs share it; "
            "give a fixed name"
        )
    if mistakes:
        raise MistakesError(mistakes)


def refuse_script_ddp(strategy: str, devices: int) -> None:
    """Refuse a strategy that would start this command line again, and with it the whole sweep.

    Raises:
        UserError: `ddp` on several devices, unless torchrun or Slurm started the processes.
    """
    if strategy != "ddp" or devices == 1:
        return
    from lightning.fabric.plugins.environments import (
        LightningEnvironment,
        SLURMEnvironment,
        TorchElasticEnvironment,
    )

    outside = (
        TorchElasticEnvironment.detect()
        or SLURMEnvironment.detect()
        or LightningEnvironment().creates_processes_externally
    )
    if not outside:
        raise UserError(
            "trainer.strategy=ddp starts the command line again for each further device, and in a sweep each "
            "would run the whole sweep. Use trainer.strategy=ddp_spawn, start with torchrun or Slurm, or run "
            "the jobs one at a time."
        )


def record(folder: Path, number: int, ended: Ended) -> None:
    """Leave word of a job's end in the sweep's folder, since jobs may run in other processes or elsewhere."""
    if is_main_process():
        text = json.dumps({"name": ended.name, "state": ended.state, "error": ended.error})
        write_atomically(folder / f"job-{number}.json", lambda path: _write(path, text))


def records(folder: Path) -> dict[int, Ended]:
    """Return what the jobs of a sweep left, by their number."""
    found = {int(path.stem.removeprefix("job-")): path for path in folder.glob("job-*.json")}
    return {number: Ended(**_read(found[number])) for number in sorted(found)}


def sweep_folder(composed: DictConfig) -> str:
    """Return a folder for the records of one launch, beside the jobs of its study."""
    return f"{composed.hydra.sweep.dir}-{os.getpid()}"


class StudyCallback(Callback):
    """Hydra's callback at the end of a sweep: the study's comparison, and what failed."""

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Rebuild the comparison from all jobs of the study and tell how the sweep went."""
        if is_main_process():
            end_sweep(
                Path(config.hydra.sweep.dir),
                task=config.task,
                study=Path(config.paths.outputs) / config.study,
            )


def end_sweep(folder: Path, *, task: str, study: Path) -> None:
    """Rebuild a study's comparison, tell of failures, and leave the outcome where the entry reads it."""
    ends = records(folder)
    fault = _compare(study) if task == "study" else None
    failed = [(number, end.name, end.error) for number, end in ends.items() if end.state == "failed"]
    if failed:
        show_table("Failed jobs", ["job", "name", "error"], failed)
    counts = Counter(end.state for end in ends.values())
    say(
        f"{len(ends)} jobs: "
        + ", ".join(f"{counts[state]} {state}" for state in ("done", "skipped", "failed"))
    )
    text = json.dumps({"failed": len(failed), "fault": fault})
    write_atomically(folder / _OUTCOME, lambda path: _write(path, text))


def _compare(study: Path) -> str | None:
    try:
        tell_comparison(study)
    # Hydra turns what a callback raises into a warning, and a failed comparison must fail the command.
    except Exception as error:
        if not isinstance(error, UserError):
            show_traceback()
        complain(f"the comparison of {study} is not written: {error}")
        return str(error)
    return None


def tell_comparison(study: Path) -> None:
    """Write a study's comparison from its jobs, and print it.

    Raises:
        UserError: the study has no folder, or its files cannot be read or written.
    """
    from valuelocate.report.terminal import study_table

    table, page = write_comparison(study)
    show(study_table(pd.read_parquet(table)))
    say(str(table))
    say(str(page))


def write_comparison(study: Path) -> tuple[Path, Path]:
    """Write study.parquet and compare.html from the jobs of a study, and return both paths.

    Raises:
        UserError: the study has no folder.
    """
    if not study.is_dir():
        raise UserError(
            f"study={study.name}: there is no folder {study}; name a study that was run, or set "
            "paths.outputs to where it lies"
        )
    from valuelocate.compare.study import write_study
    from valuelocate.report.study_page import write_study_page

    return write_study(study), write_study_page(study)


def close_sweep(folder: Path) -> bool:
    """Remove a sweep's records and return whether it ended well: all jobs done, the comparison written."""
    outcome = folder / _OUTCOME
    well = outcome.is_file() and _read(outcome) == {"failed": 0, "fault": None}
    if folder.is_dir():
        with writing(folder):
            _remove(folder, [outcome, folder / "multirun.yaml", *folder.glob("job-*.json")])
    return well


def _remove(folder: Path, files: Sequence[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    # A launcher's own files (submitit's logs) are kept; a study that no job reached is not.
    if any(folder.iterdir()):
        return
    folder.rmdir()
    if folder.name.startswith(".sweep") and not any(folder.parent.iterdir()):
        folder.parent.rmdir()


def _read(path: Path) -> dict[str, Any]:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
