"""Paraphrases: rows that say the same in other words, by the angle of their sentence embeddings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.measured import Measured

Encoder = Callable[[Sequence[str]], Any]
"""From texts to a matrix, a row a text; an array, or anything that `numpy.asarray` takes."""

COSINE = 0.95
LIMIT = 0.01
"""Share of rows that may be as near as this to another row."""
_BLOCK = 1024


def check_paraphrases(texts: Mapping[str, str], encoder: Encoder) -> Measured:
    """Measure the share of texts (by id) whose embedding has a cosine above .95 with another text's.

    Raises:
        ValueError: the encoder does not return one row a text.
    """
    rows = list(texts)
    matrix = np.asarray(encoder(list(texts.values())), dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != len(rows):
        raise ValueError(f"encoder returned shape {matrix.shape}; expected {len(rows)} rows")
    matrix = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    findings = []
    for start in range(0, len(rows), _BLOCK):
        cosines = matrix[start : start + _BLOCK] @ matrix.T
        own = np.arange(len(cosines))
        cosines[own, start + own] = -1
        for place, nearest in enumerate(cosines.argmax(axis=1)):
            if (cosine := float(cosines[place, nearest])) > COSINE:
                reason = f"cosine {cosine:.2f} with {rows[nearest]}"
                findings.append(Finding(rows[start + place], "paraphrases", reason))
    share = len(findings) / len(rows)
    return Measured(share, findings if share > LIMIT else [])
