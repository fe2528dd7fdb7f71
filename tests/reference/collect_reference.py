"""What a collection must find: single prompts without padding, one after the other, in double precision."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import torch

from tests.reference.locate_statistics import SITES, RawContrast
from valuelocate.collect.batches import AnsweredPair
from valuelocate.collect.statistics import ConditionStatistics, ContrastStatistics
from valuelocate.model import LanguageModel

MEAN_TOLERANCE = 1e-5
"""Of a neuron's RMS, between batch shapes in single precision (the design's tolerance)."""


def read_row(lm: LanguageModel, prompt: Sequence[int], answer: Sequence[int]) -> dict[str, np.ndarray]:
    """Every position of one row, by site: [token, layer, neuron]."""
    seen: dict[tuple[str, int], np.ndarray] = {}

    def keep(site: str, layer: int, tensor: torch.Tensor) -> None:
        seen[site, layer] = tensor.detach().reshape(-1, tensor.shape[-1]).double().numpy()

    handles = []
    for layer in range(lm.n_layers):
        activation, down = lm.ffn.module(layer, "activation"), lm.ffn.module(layer, "down")
        handles.append(
            activation.register_forward_hook(
                lambda _module, _args, output, layer=layer: keep("gate_act", layer, output)
            )
        )
        handles.append(
            down.register_forward_pre_hook(lambda _module, args, layer=layer: keep("mid", layer, args[0]))
        )
    with torch.no_grad():
        lm.model(input_ids=torch.tensor([[*prompt, *answer]]), use_cache=False)
    for handle in handles:
        handle.remove()
    return {site: np.stack([seen[site, layer] for layer in range(lm.n_layers)], axis=1) for site in SITES}


def positions(prompt: Sequence[int], answer: Sequence[int], tokens: str) -> list[int]:
    """Indices that count: the prompt's, or those where all answer tokens but the last are read, or both."""
    of_prompt = list(range(len(prompt)))
    of_answer = [len(prompt) + index for index in range(len(answer) - 1)]
    return {"prompt": of_prompt, "response": of_answer, "all": of_prompt + of_answer}[tokens]


def read_pairs(lm: LanguageModel, pairs: Sequence[AnsweredPair], tokens: str) -> RawContrast:
    raw: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {site: [] for site in SITES}
    for pair in pairs:
        rows = []
        for prompt, answer in zip(pair.prompts, pair.answers, strict=True):
            row = read_row(lm, prompt, answer)
            rows.append({site: row[site][positions(prompt, answer, tokens)] for site in SITES})
        for site in SITES:
            raw[site].append((rows[0][site], rows[1][site]))
    return RawContrast(raw)


def shuffled(raw: RawContrast, ids: Sequence[str], seed: int) -> RawContrast:
    """Swap the poles of the questions whose id's hash says so."""
    swaps = [hashlib.sha256(f"{seed}:{name}".encode()).digest()[0] % 2 == 1 for name in ids]
    return RawContrast(
        {
            site: [pair[::-1] if swap else pair for pair, swap in zip(pairs, swaps, strict=True)]
            for site, pairs in raw.answers.items()
        }
    )


def assert_agree(
    found: ContrastStatistics, raw: RawContrast, *, mean_tolerance: float = MEAN_TOLERANCE
) -> None:
    """Compare whole tensors within the tolerances of the design."""
    expected = raw.statistics(percentile=False)
    scale = {
        site: np.sqrt(np.mean(np.concatenate([raw.tokens(site, 0), raw.tokens(site, 1)]) ** 2, axis=0))
        for site in SITES
    }
    assert found.pairs == expected.pairs
    _assert_pole(found.positive, expected.positive, raw, 0, scale, mean_tolerance)
    _assert_pole(found.negative, expected.negative, raw, 1, scale, mean_tolerance)
    for site in SITES:
        _assert_near(found.paired_mean[site], expected.paired_mean[site], 2 * mean_tolerance * scale[site])
        _assert_spread(found.paired_spread[site], expected.paired_spread[site], expected.pairs, scale[site])


def _assert_pole(
    found: ConditionStatistics,
    expected: ConditionStatistics,
    raw: RawContrast,
    pole: int,
    scale: dict[str, np.ndarray],
    mean_tolerance: float,
) -> None:
    assert (found.tokens, found.responses) == (expected.tokens, expected.responses)
    near_zero = (np.abs(raw.tokens("gate_act", pole)) <= mean_tolerance * scale["gate_act"]).sum(0)
    _assert_near(found.active.double(), expected.active.double(), near_zero)
    for site in SITES:
        _assert_near(found.token_mean[site], expected.token_mean[site], mean_tolerance * scale[site])
        _assert_near(found.response_mean[site], expected.response_mean[site], mean_tolerance * scale[site])
        _assert_spread(found.token_spread[site], expected.token_spread[site], expected.tokens, scale[site])
        _assert_spread(
            found.response_spread[site], expected.response_spread[site], expected.responses, scale[site]
        )


def _assert_near(found: torch.Tensor, expected: torch.Tensor, limit: np.ndarray) -> None:
    difference = (found - expected).abs()
    assert found.shape == expected.shape
    assert bool((difference <= torch.from_numpy(limit) + 1e-12).all()), float(difference.max())


def _assert_spread(found: torch.Tensor, expected: torch.Tensor, count: int, scale: np.ndarray) -> None:
    # An error e of each value moves a squared deviation by about 2 e sd, and by e^2 where nothing varies.
    error = MEAN_TOLERANCE * scale
    limit = count * (2 * error * np.sqrt(expected.numpy() / count) + error**2)
    _assert_near(found, expected, limit)
