"""The pictures of a job by name, for the page and for trackers."""

from __future__ import annotations

from pathlib import Path

import plotly.graph_objects as go

from valuelocate.report.artifacts import Job, load_job
from valuelocate.report.draw_dose import draw_dose
from valuelocate.report.draw_gains import draw_gains
from valuelocate.report.draw_neurons import draw_layers, draw_scores
from valuelocate.report.draw_specificity import draw_specificity, other_values
from valuelocate.report.settings import ReportSettings
from valuelocate.values import Theory


def figures(folder: Path, theory: Theory | None = None) -> dict[str, go.Figure]:
    """Return the pictures of a finished job: gains, dose, specificity, layers, scores.

    A picture whose data the job does not have is left out.

    Args:
        folder: outputs/STUDY/JOB.
        theory: gives the names and the order of the other values; without it their ids stand there.

    Raises:
        UserError: result.json or metrics.parquet is missing, or a file cannot be read.
    """
    return figures_of(load_job(folder), theory, ReportSettings())


def figures_of(job: Job, theory: Theory | None, settings: ReportSettings) -> dict[str, go.Figure]:
    """Return the pictures of a job that was read already."""
    drawn = {"gains": draw_gains(job), "dose": draw_dose(job)}
    if other_values(job):
        drawn["specificity"] = draw_specificity(job, theory)
    if job.neurons is not None and len(job.neurons):
        drawn["layers"] = draw_layers(job.neurons)
    if job.ranking is not None and len(job.ranking):
        drawn["scores"] = draw_scores(job.ranking, job.neurons, bins=settings.bins)
    return drawn
