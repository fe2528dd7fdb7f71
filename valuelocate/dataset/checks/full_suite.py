"""The release gates of a large set, beside the checks of `suite`: balance, diversity, validity."""

from __future__ import annotations

from collections.abc import Sequence

from valuelocate.dataset.checks.balance_gates import balance_gates
from valuelocate.dataset.checks.diversity_gates import BY_ENCODER, diversity_gates
from valuelocate.dataset.checks.embedding import Encoder
from valuelocate.dataset.checks.gate import run_all
from valuelocate.dataset.checks.suite import NOT_RUN, Checked
from valuelocate.dataset.checks.validity_gates import validity_gates
from valuelocate.dataset.records import Description, Question
from valuelocate.dataset.splits import Topics
from valuelocate.values import Theory


def run_gates(
    descriptions: Sequence[Description],
    questions: Sequence[Question],
    theory: Theory,
    topics: Topics | None,
    *,
    fast: bool = False,
    encoder: Encoder | None = None,
) -> Checked:
    """Run the release gates; one that a set is too small for is told as not run, with the rows it needs.

    Args:
        descriptions: may be empty.
        questions: may be empty.
        theory: values and their parts.
        topics: topics and their splits; None for a dataset with topics of its own.
        fast: leave out the gates that take seconds on the full set.
        encoder: from texts to a matrix of sentence embeddings; without one, that gate is not run.
    """
    checked = run_all(
        [
            *balance_gates(descriptions, questions, theory, topics),
            *diversity_gates(descriptions, questions, encoder),
            *validity_gates(descriptions, questions, theory),
        ],
        fast=fast,
    )
    left = [row for row in NOT_RUN if encoder is None or row is not BY_ENCODER]
    return Checked([*checked.rows, *left], checked.findings)
