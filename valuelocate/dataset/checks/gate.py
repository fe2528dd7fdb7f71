"""A release gate as a line of the table of checks: what it measures, its limit, and the rows it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.checks.suite import Checked, CheckRow

FULL = 15_000
"""Questions of the full set; gates of whole-set balance and of vocabulary need as many."""
MANY = 2_000
"""Questions from which shares of forms and the entropy of openings say something."""
SAMPLE = 1_000
"""Questions that a fixed sample of words or of rows is drawn from."""
POLE = 300
"""Texts of a pole: the standard error of a standardised difference is then .08."""


@dataclass(frozen=True, kw_only=True)
class Gate:
    """One gate of a set of rows."""

    check: str
    limit: str
    rows: int
    """Rows it looks at."""
    fewest: int
    """Rows below which the figure means nothing, or cannot reach its limit."""
    measure: Callable[[], Measured]
    show: Callable[[float], str] = "{:.0f}".format
    """The figure as text."""
    dear: bool = False
    """Takes seconds rather than a moment on the full set."""


def run_all(gates: Iterable[Gate], *, fast: bool) -> Checked:
    """Measure every gate that has rows enough; with `fast`, the dear ones are not run."""
    rows: list[CheckRow] = []
    findings: list[Finding] = []
    for gate in gates:
        if gate.rows < gate.fewest:
            rows.append(CheckRow(gate.check, gate.limit, f"not run: fewer than {gate.fewest:,} rows", None))
        elif fast and gate.dear:
            rows.append(CheckRow(gate.check, gate.limit, "not run: left out of the fast gates", None))
        else:
            measured = gate.measure()
            found = gate.show(measured.figure)
            rows.append(CheckRow(gate.check, gate.limit, found, not measured.findings))
            findings += measured.findings
    return Checked(rows, findings)


def percent(share: float) -> str:
    """Return a share as text."""
    return f"{share:.1%}"
