"""Checks on the text of a dataset, one idea a file; each returns the rows it finds wrong and why."""

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.overlap import shared_ngrams
from valuelocate.dataset.checks.suite import NOT_RUN, Checked, CheckRow, run_checks

__all__ = ["NOT_RUN", "CheckRow", "Checked", "Finding", "run_checks", "shared_ngrams"]
