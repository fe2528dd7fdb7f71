"""What `task=NAME` runs: one function a task, all on the same config groups."""

from __future__ import annotations

import gc
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig

from valuelocate.config import build, resolve
from valuelocate.console import log_to, say, show, show_table
from valuelocate.errors import UserError
from valuelocate.jobs import Ended, JobFolder, JobStatus, identify, objective
from valuelocate.sweep import refuse_script_ddp, tell_comparison

if TYPE_CHECKING:
    from valuelocate.pipeline import Job

logger = logging.getLogger(__name__)

_NAMED_BY = ("model", "locate", "intervene")


class JobFailedError(RuntimeError):
    """A job ended by an exception that is no user's mistake; the traceback is in the job's log."""


@dataclass(frozen=True, kw_only=True)
class Invocation:
    """What the command line says about a job beside its config."""

    overrides: tuple[str, ...] = ()
    choices: Mapping[str, str] = field(default_factory=dict)
    """The member chosen of each group."""
    sweep: Path | None = None
    """The folder of the sweep's records; None for a single run."""
    number: int = 0
    """The job's number in the sweep."""


Task = Callable[[DictConfig, Invocation], Ended]


def study(cfg: DictConfig, invocation: Invocation) -> Ended:
    """Locate a value's neurons, edit them, and measure against controls (the default)."""
    config = resolve(cfg)
    words = [str(config.get("value")), *(str(invocation.choices.get(group, "")) for group in _NAMED_BY)]
    try:
        job = build(config)
        if invocation.sweep:
            refuse_script_ddp(job.trainer.strategy, job.trainer.devices)
        config["value"] = job.value
        words[:2] = job.value, job.model.name
        data, fingerprint = job.dataset.load(job.theory).hash, job.model.fingerprint()
    # In a sweep a job that cannot even be named is still a job of its study; the error goes on to the entry.
    except Exception as error:
        if invocation.sweep:
            unidentified = identify(config, name=words, dataset_hash=None, fingerprint=None)
            folder = JobFolder(_study_folder(config), unidentified)
            with folder.held():
                folder.fail(folder.start(config, invocation.overrides), str(error) or type(error).__name__)
        raise
    folder = JobFolder(
        job.paths.outputs / job.study,
        identify(config, name=words, dataset_hash=data, fingerprint=fingerprint),
    )
    folder.replace(JobFolder(folder.study, identify(config, name=words, dataset_hash=None, fingerprint=None)))
    with folder.held():
        stored = folder.stored_objective()
        if stored is not None:
            logger.info("%s is done already; delete %s to run it again", folder.path.name, folder.path)
            return Ended(objective=stored, name=folder.path.name, state="skipped")
        result = _run(job, folder, config, folder.start(config, invocation.overrides))
    _show_result(result, folder.path)
    return Ended(objective=objective(result), name=folder.path.name)


def _study_folder(config: Mapping[str, Any]) -> Path:
    return Path(config["paths"]["outputs"]).expanduser().absolute() / str(config["study"])


def _run(job: Job, folder: JobFolder, config: dict[str, Any], status: JobStatus) -> dict[str, Any]:
    from valuelocate.pipeline import run_study_job

    with log_to(folder.log):
        try:
            result = run_study_job(job, folder, config)
        except UserError as error:
            logger.error("%s", error, extra={"file_only": True})
            folder.fail(status, str(error))
            raise
        except KeyboardInterrupt:
            folder.fail(status, "interrupted")
            raise
        # Whatever else a job raises, the sweep goes on; status and log keep it.
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            logger.error("the job failed", exc_info=True, extra={"file_only": True})
            folder.fail(status, told)
            raise JobFailedError(f"{told}\nThe traceback is in {folder.log}") from error
        finally:
            _release_memory()
        folder.finish(status)
    return result


def _show_result(result: Mapping[str, Any], folder: Path) -> None:
    from valuelocate.report.terminal import headline_table

    show(headline_table(result))
    say(str(folder / "report.html" if (folder / "report.html").is_file() else folder))


def _release_memory() -> None:
    """Jobs of a sweep share a process: give a model's memory back and start the peak counter anew."""
    gc.collect()
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()


def doctor(cfg: DictConfig, invocation: Invocation) -> Ended:
    """Check that the model is handled rightly, as a table of checks and limits."""
    from valuelocate.pipeline import doctor as examine_model

    examine_model(build(cfg))
    return Ended(name="doctor")


def dataset(cfg: DictConfig, invocation: Invocation) -> Ended:
    """Build and check ValueInsight (paraphrase=NAME rewrites rows), or check one's own (dataset.path)."""
    from valuelocate.dataset.build import check_and_build
    from valuelocate.dataset.paraphrase.rebuild import Paraphrasing
    from valuelocate.store import Store

    job = build(cfg)
    folder = job.paths.outputs / "dataset"
    paraphrasing = Paraphrasing(job.paraphrase, Store(job.paths.store), job.seed)
    rows = check_and_build(job.dataset, job.theory, folder, paraphrasing)
    show_table(f"Dataset {job.dataset.name}", ["check", "limit", "found", "ok"], rows)
    say(str(folder))
    if broken := [row.check for row in rows if row.ok is False]:
        raise UserError(
            f"dataset={job.dataset.name}: {len(broken)} checks fail: {', '.join(broken)}; "
            f"{folder / 'findings.jsonl'} has the rows"
        )
    return Ended(name="dataset")


def compare(cfg: DictConfig, invocation: Invocation) -> Ended:
    """Rebuild the comparison of a study from its finished jobs."""
    config = resolve(cfg)
    tell_comparison(_study_folder(config))
    return Ended(name="compare")


TASKS: dict[str, Task] = {"study": study, "doctor": doctor, "dataset": dataset, "compare": compare}
"""Task names of the command line."""
