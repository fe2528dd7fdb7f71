"""Contrast statistics and scores from raw activations, by plain loops in double precision."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from valuelocate.collect.statistics import ConditionStatistics, ContrastStatistics

SITES = ("gate_act", "mid")


@dataclass
class RawContrast:
    """Activations by site: for every question a pair (positive, negative) of [token, layer, neuron]."""

    answers: dict[str, list[tuple[np.ndarray, np.ndarray]]]

    @staticmethod
    def random(seed: int, *, questions: int = 5, n_layers: int = 3, width: int = 16) -> RawContrast:
        source = np.random.default_rng(seed)
        lean = source.normal(size=(n_layers, width))
        lengths = source.integers(2, 6, size=(questions, 2))
        answers = {
            site: [
                tuple(
                    source.normal(size=(length, n_layers, width)) + sign * lean
                    for length, sign in zip(pair, (0.5, -0.5), strict=True)
                )
                for pair in lengths
            ]
            for site in SITES
        }
        return RawContrast(answers)

    @property
    def shape(self) -> tuple[int, int]:
        return self.answers["mid"][0][0].shape[1:]

    def tokens(self, site: str, pole: int) -> np.ndarray:
        """All tokens of a pole (0: positive, 1: negative)."""
        return np.concatenate([pair[pole] for pair in self.answers[site]])

    def responses(self, site: str, pole: int) -> np.ndarray:
        """Each response's mean."""
        return np.stack([pair[pole].mean(0) for pair in self.answers[site]])

    def statistics(self, *, percentile: bool = True) -> ContrastStatistics:
        paired = {site: self.responses(site, 0) - self.responses(site, 1) for site in SITES}
        return ContrastStatistics(
            positive=self._condition(0, percentile),
            negative=self._condition(1, percentile),
            paired_mean={site: torch.from_numpy(rows.mean(0)) for site, rows in paired.items()},
            paired_spread={
                site: torch.from_numpy(((rows - rows.mean(0)) ** 2).sum(0)) for site, rows in paired.items()
            },
            pairs=len(self.answers["mid"]),
        )

    def _condition(self, pole: int, percentile: bool) -> ConditionStatistics:
        tokens = {site: self.tokens(site, pole) for site in SITES}
        responses = {site: self.responses(site, pole) for site in SITES}

        def mean(rows: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
            return {site: torch.from_numpy(values.mean(0)) for site, values in rows.items()}

        def spread(rows: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
            return {
                site: torch.from_numpy(((values - values.mean(0)) ** 2).sum(0))
                for site, values in rows.items()
            }

        a95 = torch.from_numpy(np.quantile(tokens["gate_act"], 0.95, axis=0).clip(min=0))
        return ConditionStatistics(
            active=torch.from_numpy((tokens["gate_act"] > 0).sum(0)),
            tokens=len(tokens["gate_act"]),
            responses=len(responses["mid"]),
            token_mean=mean(tokens),
            token_spread=spread(tokens),
            response_mean=mean(responses),
            response_spread=spread(responses),
            a95=a95 if percentile else None,
        )


def delta(raw: RawContrast, layer: int, neuron: int) -> float:
    """p+ - p- (Su et al. 2025)."""
    shares = []
    for pole in (0, 1):
        counted = active = 0
        for pair in raw.answers["gate_act"]:
            for token in pair[pole]:
                counted += 1
                active += token[layer, neuron] > 0
        shares.append(active / counted)
    return shares[0] - shares[1]


def mean_difference(raw: RawContrast, site: str, layer: int, neuron: int) -> float:
    positive, negative = ([float(row[layer, neuron]) for row in raw.responses(site, pole)] for pole in (0, 1))
    return sum(positive) / len(positive) - sum(negative) / len(negative)


def cohen_d(raw: RawContrast, site: str, layer: int, neuron: int) -> float:
    """(mu+ - mu-) / sqrt(((n+ - 1) s2+ + (n- - 1) s2-) / (n+ + n- - 2) + 1e-8)."""
    positive, negative = (raw.responses(site, pole)[:, layer, neuron] for pole in (0, 1))
    pooled = (len(positive) - 1) * positive.var(ddof=1) + (len(negative) - 1) * negative.var(ddof=1)
    pooled /= len(positive) + len(negative) - 2
    return (positive.mean() - negative.mean()) / math.sqrt(pooled + 1e-8)


def paired_t(raw: RawContrast, site: str, layer: int, neuron: int) -> float:
    """mean(D) / (sd(D) / sqrt(n)); 0 where D does not vary."""
    differences = [
        float(pair[0][:, layer, neuron].mean() - pair[1][:, layer, neuron].mean())
        for pair in raw.answers[site]
    ]
    deviation = np.std(differences, ddof=1)
    return 0.0 if deviation == 0 else float(np.mean(differences) / (deviation / math.sqrt(len(differences))))


def table(raw: RawContrast, score, *args) -> torch.Tensor:
    """Fill [layer, neuron] by calling `score(raw, *args, layer, neuron)`."""
    n_layers, width = raw.shape
    rows = [[score(raw, *args, layer, neuron) for neuron in range(width)] for layer in range(n_layers)]
    return torch.tensor(rows, dtype=torch.float64)
