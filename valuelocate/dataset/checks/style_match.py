"""Style match: texts of the two poles are alike in length, tone, readability and kinds of function words.

What they say differs; how they say it should not, or neurons of a style would be located as those of a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from math import inf, sqrt
from statistics import fmean, variance

from valuelocate.dataset.checks.finding import Finding
from valuelocate.dataset.checks.lexicons import load_lists
from valuelocate.dataset.checks.measured import Measured
from valuelocate.dataset.checks.readability import grade
from valuelocate.dataset.text import count_words, normalise, sentences

LIMIT = 0.2
"""Standardised difference, in absolute value; must stay below."""


def style(text: str) -> dict[str, float]:
    """Return a text's features: words, words a sentence, tone, school grade, share of each word class.

    Tone is words of good feeling less words of bad feeling, over all words; see the lexicon `sentiment`.
    """
    words = normalise(text).split()
    tone, classes = _tone(), _classes()
    features = {
        "length": float(count_words(text)),
        "words a sentence": count_words(text) / len(sentences(text)),
        "tone": sum(tone.get(word, 0) for word in words) / len(words),
        "grade": grade(text),
    }
    return features | {
        name: sum(word in held for word in words) / len(words) for name, held in classes.items()
    }


def standardised_difference(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the difference of means over the pooled standard deviation (Cohen's d); 0 where none differ."""
    difference = fmean(first) - fmean(second)
    spread = sqrt((variance(first) + variance(second)) / 2)
    if spread:
        return difference / spread
    return 0.0 if difference == 0 else inf * difference


def style_differences(positive: Sequence[str], negative: Sequence[str]) -> dict[str, float]:
    """Return the standardised difference, positive less negative texts, of every feature of style."""
    features = [[style(text) for text in texts] for texts in (positive, negative)]
    return {
        name: standardised_difference(*([found[name] for found in side] for side in features))
        for name in features[0][0]
    }


def check_style_match(positive: Sequence[str], negative: Sequence[str], what: str) -> Measured:
    """Measure the largest standardised difference, in absolute value, over the features of style.

    Args:
        positive: texts of the positive pole; at least two.
        negative: texts of the negative pole; at least two.
        what: names the texts in findings.
    """
    differences = style_differences(positive, negative)
    findings = [
        Finding(f"{what}: {name}", "style match", f"standardised difference {found:+.2f}; below {LIMIT}")
        for name, found in differences.items()
        if abs(found) >= LIMIT
    ]
    return Measured(max(map(abs, differences.values())), findings)


@cache
def _tone() -> Mapping[str, int]:
    lists = load_lists("sentiment")
    return {word: 1 for word in lists["positive"]} | {word: -1 for word in lists["negative"]}


@cache
def _classes() -> Mapping[str, frozenset[str]]:
    return {name: frozenset(words) for name, words in load_lists("function_words").items()}
