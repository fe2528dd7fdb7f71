"""First person: a description speaks of its speaker from the first sentence on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.records import Description
from valuelocate.dataset.text import sentences

_SPEAKER = re.compile(r"\bI\b|\b(?:me|my|mine|myself)\b", re.IGNORECASE)


def check_first_person(descriptions: Sequence[Description]) -> list[Finding]:
    """Find descriptions whose first sentence has no I, me or my."""
    return [
        Finding(row.id, "first person", "first sentence has no I, me or my")
        for row in descriptions
        if not _SPEAKER.search(sentences(row.text)[0])
    ]
