"""A job on disk: which job it is, its folder, its state, and when it may be skipped."""

from __future__ import annotations

import json
import logging
import math
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import yaml
from filelock import FileLock, Timeout

from valuelocate.console import is_main_process
from valuelocate.errors import UserError
from valuelocate.store import digest, write_atomically, writing

logger = logging.getLogger(__name__)

SCHEMA = 1
"""Raised whenever the meaning of a job's artifacts changes; part of every job's hash."""

OUTSIDE_IDENTITY = ("hydra", "paths", "track", "report", "trainer", "debug", "study", "paraphrase")
"""Root keys that do not change a job's numbers, so two jobs differing in them are the same job."""

_STATES = ("running", "done", "failed")


@dataclass(frozen=True, kw_only=True)
class JobIdentity:
    """Which job it is: everything its numbers depend on, as one hash, under a name people can read."""

    name: str
    digest: str
    """SHA-256 in full; the folder bears its first 8 digits."""

    @property
    def folder_name(self) -> str:
        """The folder's name inside its study."""
        return f"{self.name}-{self.digest[:8]}"


def identify(
    config: Mapping[str, Any], *, name: Sequence[str], dataset_hash: str | None, fingerprint: str | None
) -> JobIdentity:
    """Return the identity of the job of a resolved config.

    Args:
        config: the resolved config, `value` being the full id.
        name: words of the readable name, e.g. value, model, method, intervention.
        dataset_hash: hash of the dataset's rows; None where it cannot be read.
        fingerprint: of the model's files; None where they cannot be read.
    """
    relevant = {key: node for key, node in config.items() if key not in OUTSIDE_IDENTITY}
    if isinstance(relevant.get("compare"), Mapping):
        # The methods of the default sweep: one more of them must not make the finished ones new jobs.
        relevant["compare"] = {key: node for key, node in relevant["compare"].items() if key != "methods"}
    parts = {"schema": SCHEMA, "config": _canonical(relevant), "dataset": dataset_hash, "model": fingerprint}
    words = [re.sub(r"[^A-Za-z0-9_.]+", "_", word).strip("_.")[:40] for word in name]
    return JobIdentity(name="-".join(word for word in words if word), digest=digest(parts))


def _canonical(node: Any) -> Any:
    """Whole floats become integers, so that strength=1 and strength=1.0 are one job."""
    if isinstance(node, Mapping):
        return {str(key): _canonical(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_canonical(value) for value in node]
    if isinstance(node, float) and node.is_integer():
        return int(node)
    return node


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """The content of status.json."""

    state: Literal["running", "done", "failed"]
    error: str | None = None
    attempt: int = 1
    """How often the job was started."""
    overrides: tuple[str, ...] = ()
    """What the command line of the job changed."""


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How one call of a task ended."""

    name: str
    state: Literal["done", "skipped", "failed"] = "done"
    error: str | None = None
    objective: float = math.nan
    """What a sweeper maximises."""


class JobFolder:
    """The folder of one job; only the main process of a job writes to it."""

    def __init__(self, study: Path, identity: JobIdentity) -> None:
        self.study = study
        self.identity = identity
        self.path = study / identity.folder_name

    @property
    def log(self) -> Path:
        """The job's log file."""
        return self.path / "job.log"

    def status(self) -> JobStatus | None:
        """Return the job's status, or None where it never started."""
        return read_status(self.path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other launches out of the job meanwhile; a second one waits, and then finds the job done.

        Processes that share a job are let through, since their main process holds it.
        """
        if not is_main_process():
            yield
            return
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            logger.warning("%s is run by another process; waiting for it", self.path.name)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def stored_objective(self) -> float | None:
        """Return the objective of a finished job, or None where the job has to run."""
        status = self.status()
        if status is None or status.state != "done":
            return None
        result = _read_json(self.path / "result.json")
        return None if result is None else objective(result)

    def start(self, config: Mapping[str, Any], overrides: Sequence[str] = ()) -> JobStatus:
        """Write the config and the status `running`, and return the status."""
        before = self.status()
        status = JobStatus(
            state="running", attempt=before.attempt + 1 if before else 1, overrides=tuple(overrides)
        )
        if is_main_process():
            text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
            write_atomically(self.path / "config.yaml", lambda path: _write_text(path, text))
            self._write_status(status)
        return status

    def finish(self, status: JobStatus) -> None:
        """Write the status `done`; the job's files are whole by now."""
        self._write_status(JobStatus(state="done", attempt=status.attempt, overrides=status.overrides))

    def fail(self, status: JobStatus, error: str) -> None:
        """Write the status `failed` with its error."""
        self._write_status(
            JobStatus(state="failed", error=error, attempt=status.attempt, overrides=status.overrides)
        )

    def replace(self, other: JobFolder) -> None:
        """Remove the folder of a failed launch that never got as far as knowing its data and model."""
        status = other.status()
        if is_main_process() and other.path != self.path and status is not None and status.state == "failed":
            with writing(other.path):
                shutil.rmtree(other.path)

    def _write_status(self, status: JobStatus) -> None:
        _write_json(self.path / "status.json", asdict(status))


def read_status(folder: Path) -> JobStatus | None:
    """Return the status of a job folder, or None where it has none that can be read."""
    raw = _read_json(folder / "status.json")
    if raw is None or raw.get("state") not in _STATES:
        return None
    overrides = tuple(str(override) for override in raw.get("overrides", ()))
    return JobStatus(
        state=raw["state"], error=raw.get("error"), attempt=int(raw.get("attempt", 1)), overrides=overrides
    )


def objective(result: Mapping[str, Any]) -> float:
    """Return what a sweeper maximises: the estimate of a result, NaN where there is none."""
    estimate = result.get("estimate")
    return float(estimate) if isinstance(estimate, int | float) else math.nan


def _read_json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}); delete the folder to run the job again") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: expected a JSON object; delete the folder to run the job again")
    return content


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    if is_main_process():
        text = json.dumps(dict(content), indent=1, ensure_ascii=False)
        write_atomically(path, lambda temporary: _write_text(temporary, text))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text + ("" if text.endswith("\n") else "\n"), encoding="utf-8")
