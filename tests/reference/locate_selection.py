"""Selection by plain sorting of (score, layer, neuron), for scores without ties."""

from __future__ import annotations

Neuron = tuple[int, int]


def neurons(scores: list[list[float]], in_scope: list[bool]) -> list[tuple[float, Neuron]]:
    return [
        (score, (layer, neuron))
        for layer, row in enumerate(scores)
        if in_scope[layer]
        for neuron, score in enumerate(row)
    ]


def ends(scores, in_scope, positive: int, negative: int) -> tuple[list[Neuron], list[Neuron]]:
    """S+ from the top, S- from the bottom; zero belongs to neither."""
    rows = sorted(neurons(scores, in_scope), reverse=True)
    top = [where for score, where in rows if score > 0][:positive]
    bottom = [where for score, where in reversed(rows) if score < 0][:negative]
    return top, bottom


def largest(scores, in_scope, count: int, *, effect: bool) -> list[Neuron]:
    keyed = [(score if effect else abs(score), where) for score, where in neurons(scores, in_scope)]
    return [where for key, where in sorted(keyed, reverse=True) if key > 0][:count]
