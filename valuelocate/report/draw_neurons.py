"""Pictures: where the selected neurons lie by layer, and which tails of the scores they are."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from valuelocate.neurons import NeuronSet
from valuelocate.report import look, numbers

POLES = {1: ("S+", look.TOWARDS), -1: (f"S{numbers.MINUS}", look.AWAY)}


def draw_layers(neurons: NeuronSet) -> go.Figure:
    """Draw how many selected neurons each layer has: S+ upwards, S- downwards."""
    figure = go.Figure()
    for pole, (name, colour) in POLES.items():
        counts = neurons.of_pole(pole).per_layer().tolist()
        figure.add_trace(
            go.Bar(
                name=name,
                x=list(range(neurons.n_layers)),
                y=[pole * number for number in counts],
                marker={"color": colour, "line": {"width": 0}},
                customdata=counts,
                hovertemplate=f"layer %{{x}}: %{{customdata}} of {name}<extra></extra>",
            )
        )
    figure.add_hline(y=0, line={"color": look.INK, "width": 1})
    look.dress(figure, height=330, barmode="relative", bargap=0.25)
    _legend(figure)
    figure.update_xaxes(title_text="layer", showgrid=False, dtick=max(1, round(neurons.n_layers / 12)))
    most = max((int(neurons.of_pole(pole).per_layer().max()) for pole in POLES), default=1)
    step = max(1, round(most / 4))
    ticks = range(-(most // step + 1) * step, (most // step + 1) * step + 1, step)
    figure.update_yaxes(
        title_text="selected neurons",
        tickvals=list(ticks),
        ticktext=[str(abs(t)) for t in ticks],
        range=[-1.1 * most, 1.1 * most],
    )
    return figure


def draw_scores(ranking: pd.DataFrame, neurons: NeuronSet | None, *, bins: int) -> go.Figure:
    """Draw the distribution of the scores of all neurons in scope, with the selected ones in colour.

    Args:
        ranking: columns layer, neuron, score.
        neurons: the selected set, or None where its file is missing.
        bins: number of bars.
    """
    scores = ranking["score"].to_numpy(dtype=float)
    edges = np.histogram_bin_edges(scores, bins=bins)
    figure = go.Figure()
    _add_bars(figure, scores, edges, f"all {numbers.count(len(scores))} neurons in scope", look.RULE)
    if neurons is not None:
        flat = ranking["layer"].to_numpy() * neurons.width + ranking["neuron"].to_numpy()
        for pole, (name, colour) in POLES.items():
            chosen = np.isin(flat, neurons.of_pole(pole).flat().numpy())
            if chosen.any():
                _add_bars(
                    figure, scores[chosen], edges, f"{name}, {numbers.count(chosen.sum())} neurons", colour
                )
    look.dress(figure, height=330, barmode="overlay", bargap=0)
    _legend(figure)
    site = f"score by {neurons.locator} at {neurons.score_site}" if neurons else "score"
    figure.update_xaxes(title_text=look.safe(site), showgrid=False)
    # Bars of a log axis need a floor: half a neuron, below the smallest count.
    top = float(np.histogram(scores, edges)[0].max())
    figure.update_yaxes(
        title_text="neurons (log)", type="log", range=[np.log10(0.5), np.log10(max(top, 1.0) * 1.6)], dtick=1
    )
    return figure


def _add_bars(figure: go.Figure, scores: np.ndarray, edges: np.ndarray, name: str, colour: str) -> None:
    heights, _ = np.histogram(scores, edges)
    shown = heights > 0
    figure.add_trace(
        go.Bar(
            name=name,
            x=((edges[:-1] + edges[1:]) / 2)[shown].tolist(),
            y=heights[shown].tolist(),
            width=np.diff(edges)[shown].tolist(),
            marker={"color": colour, "line": {"width": 0.4, "color": "#ffffff"}},
            customdata=[
                [numbers.signed(low), numbers.signed(high)]
                for low, high in zip(edges[:-1][shown], edges[1:][shown], strict=True)
            ],
            hovertemplate="%{y} neurons, score %{customdata[0]} to %{customdata[1]}<extra></extra>",
        )
    )


def _legend(figure: go.Figure) -> None:
    figure.update_layout(
        showlegend=True,
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "font": {"size": 12.5}},
    )
