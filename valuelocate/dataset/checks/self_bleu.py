"""Self-BLEU: how well rows can be pieced together from other rows (Zhu et al. 2018, Texygen)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random
from statistics import mean

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.helpers import extract_all_word_ngrams

from valuelocate.dataset.checks.measured import Measured, at_most
from valuelocate.dataset.text import normalise

ROWS = 500
LIMIT = 0.35
ORDER = 4


def self_bleu(texts: Sequence[str], *, rows: int = ROWS, seed: int = 0) -> float:
    """Return the mean sentence BLEU-4 of `rows` texts, each against the same `rows` others as references.

    Raises:
        ValueError: there are fewer than twice as many texts.
    """
    if len(texts) < 2 * rows:
        raise ValueError(f"{len(texts)} texts; expected at least {2 * rows}")
    drawn = Random(seed).sample(list(texts), 2 * rows)
    return bleu_against(drawn[:rows], drawn[rows:])


def bleu_against(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Return the mean sentence BLEU-4, in 0 to 1, of texts that share one set of references.

    Words are compared without case and punctuation; smoothing is exponential (Chen and Cherry 2014, method
    3). What the references hold is counted once for all texts.
    """
    held: Counter[tuple[str, ...]] = Counter()
    lengths: list[int] = []
    for text in references:
        counts, length = extract_all_word_ngrams(normalise(text), 1, ORDER)
        held |= counts
        lengths.append(length)
    return mean(_score(text, held, lengths) for text in hypotheses)


def check_self_bleu(texts: Sequence[str]) -> Measured:
    """Measure self-BLEU-4 of 500 texts against 500 others."""
    return at_most(self_bleu(texts), LIMIT, "self-BLEU-4")


def _score(text: str, held: Counter[tuple[str, ...]], lengths: Sequence[int]) -> float:
    counts, length = extract_all_word_ngrams(normalise(text), 1, ORDER)
    correct, total = [0] * ORDER, [0] * ORDER
    for gram, count in counts.items():
        total[len(gram) - 1] += count
        correct[len(gram) - 1] += min(count, held[gram])
    closest = min(lengths, key=lambda reference: (abs(reference - length), reference))
    score = BLEU.compute_bleu(correct, total, length, closest, smooth_method="exp", effective_order=True)
    return float(score.score) / 100
