"""Language: every text is in the language that its row tells."""

from __future__ import annotations

from collections.abc import Sequence

from py3langid import classify

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.records import Record


def check_language(records: Sequence[Record]) -> Measured:
    """Measure the share of rows identified as written in their `lang` (a code such as `en`)."""
    findings = [
        Finding(record.id, "language", f"lang is '{record.lang}', reads as '{found}'")
        for record in records
        if (found := str(classify(record.text)[0])) != record.lang.partition("-")[0]
    ]
    return Measured(1 - len(findings) / len(records), findings)
