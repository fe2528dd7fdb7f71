"""Weights & Biases as a mirror of a job: one run for each attempt, offline by default, never resumed.

W&B is imported when a run is opened and not before, so that jobs without it do not need it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import yaml
from plotly.graph_objects import Figure

from valuelocate.errors import UserError
from valuelocate.track.base import TrackedJob, TrackedRun, Tracker
from valuelocate.track.rows import STRENGTH

if TYPE_CHECKING:
    import wandb

logger = logging.getLogger(__name__)

Mode = Literal["offline", "online"]

MOST_ROWS = 10_000
"""W&B refuses tables with more rows."""

_KEY = "WANDB_API_KEY"
_STAGING = "WANDB_DATA_DIR"
_CURVES = "curve"


@dataclass(frozen=True, kw_only=True)
class WandbTracker(Tracker):
    """Opens a W&B run for each job."""

    mode: Mode = "offline"
    """offline (no account, no network; uploaded later with `wandb sync`) or online."""
    entity: str | None = None
    """User or team; None is the account's default."""
    project: str = "valuelocate"
    ranking_rows: int = 2000
    """Rows of the ranking that W&B shows; ranking.parquet has all."""
    system_metrics: bool = True
    """Whether the load of processor, memory and accelerators is recorded."""
    finish_timeout: float = 600
    """Seconds to wait for an upload at the end of an online run; what is left stays on disk."""

    def __post_init__(self) -> None:
        if self.mode not in ("offline", "online"):
            raise UserError(
                f"track.wandb.mode={self.mode}: expected offline or online; track=none is without"
            )
        if not self.project:
            raise UserError("track.wandb.project is empty: expected the name of a W&B project")
        if not 0 < self.ranking_rows <= MOST_ROWS:
            raise UserError(f"track.wandb.ranking_rows={self.ranking_rows}: expected 1 to {MOST_ROWS}")
        if self.finish_timeout <= 0:
            raise UserError(f"track.wandb.finish_timeout={self.finish_timeout}: expected seconds above 0")
        if self.mode == "online" and not os.environ.get(_KEY):
            raise UserError(f"track.wandb.mode=online: set {_KEY}, or take track.wandb.mode=offline")

    def start(self, job: TrackedJob) -> WandbRun:
        """Open a run whose id, name and group follow from the job alone; an earlier one is never resumed."""
        import wandb

        job.folder.mkdir(parents=True, exist_ok=True)
        run = wandb.init(
            mode=self.mode,
            entity=self.entity,
            project=self.project,
            id=run_id(job),
            name=job.name if job.attempt == 1 else f"{job.name} (attempt {job.attempt})",
            group=job.study,
            job_type=job.task,
            tags=list(job.tags),
            config=dict(job.config),
            # A folder for each job: parallel jobs that share one lose runs.
            dir=str(job.folder.absolute()),
            resume="never",
            # A run of its own, so that jobs in one process, or a notebook's own run, never mix.
            reinit="create_new",
            settings=self._settings(wandb),
        )
        try:
            opened = WandbRun(
                run=run, job=job, ranking_rows=self.ranking_rows, offline=self.mode == "offline"
            )
            opened.save_config()
        except BaseException:
            run.finish(exit_code=1)
            raise
        return opened

    def _settings(self, wandb: Any) -> wandb.Settings:
        return wandb.Settings(
            silent=True,
            console="off",
            symlink=False,
            # Who ran what on which host is nobody's business; the manifest says what a result was made with.
            x_disable_meta=True,
            x_disable_machine_info=True,
            host="",
            username="",
            email="",
            disable_git=True,
            disable_code=True,
            disable_job_creation=True,
            x_disable_stats=not self.system_metrics,
            finish_timeout=self.finish_timeout if self.mode == "online" else 0,
            finish_timeout_raises=True,
        )


class WandbRun(TrackedRun):
    """An open W&B run."""

    def __init__(self, *, run: wandb.Run, job: TrackedJob, ranking_rows: int, offline: bool) -> None:
        self.run = run
        self.job = job
        self.ranking_rows = ranking_rows
        self.offline = offline
        # The last strength of a curve is no summary of it.
        run.define_metric(STRENGTH, summary="none")
        run.define_metric(f"{_CURVES}/*", step_metric=STRENGTH, summary="none")

    def save_config(self) -> None:
        """Write the config as a file now, since W&B writes its own only when a run is finished."""
        path = Path(self.run.dir) / "resolved_config.yaml"
        path.write_text(yaml.safe_dump(dict(self.job.config), sort_keys=False), encoding="utf-8")
        self.run.save(str(path), base_path=self.run.dir, policy="now")

    def log_ranking(self, table: pd.DataFrame) -> None:
        """Log the first rows of the ranking as the table `ranking`, and how many there are in all."""
        import wandb

        shown = table.head(self.ranking_rows)
        with self._staging():
            self.run.log({"ranking": wandb.Table(dataframe=shown)})
        self.run.summary.update({"ranking_rows_shown": len(shown), "ranking_rows_all": len(table)})

    def log_metrics(self, rows: Sequence[Mapping[str, float]]) -> None:
        """Log rows below `curve/`, plotted along `strength`."""
        for row in sorted(rows, key=lambda row: row[STRENGTH]):
            numbers = {f"{_CURVES}/{name}": value for name, value in row.items() if name != STRENGTH}
            self.run.log({STRENGTH: row[STRENGTH], **numbers})

    def log_result(self, result: Mapping[str, Any]) -> None:
        """Write the fields into the run's summary, below `result/`."""
        self.run.summary.update({f"result/{name}": value for name, value in result.items()})

    def log_figures(self, figures: Mapping[str, Figure]) -> None:
        """Log figures below `figure/`."""
        import wandb

        with self._staging():
            self.run.log({f"figure/{name}": wandb.Plotly(figure) for name, figure in figures.items()})

    def log_file(self, path: Path, kind: str) -> None:
        """Log the file as an artifact of type `kind`, named after kind and job."""
        import wandb

        artifact = wandb.Artifact(name=f"{_slug(kind)}-{_short_hash(self.job)}", type=kind)
        # The file stays where it is until it is uploaded: a second copy of it would buy nothing.
        artifact.add_file(str(path.absolute()), policy="immutable", skip_cache=True)
        with self._staging():
            self.run.log_artifact(artifact)

    def finish(self, ok: bool) -> None:
        """Close the run with exit code 0 or 1; an offline run's upload command goes to the log."""
        self.run.finish(exit_code=0 if ok else 1)
        if self.offline:
            logger.info(
                "W&B run kept offline; upload it with: wandb sync %s", _short(Path(self.run.dir).parent)
            )

    @contextmanager
    def _staging(self) -> Iterator[None]:
        # Tables and artifacts wait for their upload in a folder that W&B takes from the environment alone; by
        # default it is in the home folder, which on a cluster may be small or missing.
        if _STAGING in os.environ:
            yield
            return
        os.environ[_STAGING] = str(self.job.folder.absolute() / "wandb")
        try:
            yield
        finally:
            del os.environ[_STAGING]


def run_id(job: TrackedJob) -> str:
    """Return the run's id: study, job hash and attempt, since one job may be part of several studies."""
    return f"{_slug(job.study)[:80]}-{_short_hash(job)}-{job.attempt}"


def _short_hash(job: TrackedJob) -> str:
    # As in the name of the job's folder.
    return job.hash[:8]


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text)


def _short(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
